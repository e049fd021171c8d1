/**
 * What an installation depends on: pinned versions, existing scripts, a container image without root, a CI script that
 * runs, and a valid example configuration.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { readSettings } from '../../src/config/load.ts'
import { importsOf, read, ROOT, SOURCES } from './tree.ts'

interface Package {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly engines: { readonly node: string }
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}

const PACKAGE = JSON.parse(read('package.json')) as Package
const DOCKERFILE = read('Dockerfile')

test('every dependency is pinned to one version, and the lock file has the same version', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { version?: string }>
  }
  const pinned = { ...PACKAGE.dependencies, ...PACKAGE.devDependencies }
  for (const [name, version] of Object.entries(pinned)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name)
    assert.equal(packages[`node_modules/${name}`]?.version, version, name)
  }
})

test('only the packages in allowScripts run a script when they are installed', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { hasInstallScript?: boolean }>
  }
  const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true)
  assert.deepEqual(
    new Set(scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))),
    new Set(Object.keys(PACKAGE.allowScripts)),
  )
})

test('src imports only modules of Node and the dependencies of package.json, and uses all of those', () => {
  const names = SOURCES.flatMap((file) => importsOf(read(file))).filter((name) => !name.startsWith('.'))
  for (const name of new Set(names)) {
    assert.ok(name.startsWith('node:') || name in PACKAGE.dependencies, `src imports ${name}`)
  }
  for (const name of Object.keys(PACKAGE.dependencies))
    assert.ok(names.includes(name), `nothing imports ${name}`)
})

test('the files that package.json names in scripts and files exist', () => {
  for (const script of Object.values(PACKAGE.scripts)) {
    const file = /^node (\S+\.ts)/.exec(script)?.[1]
    assert.ok(file === undefined || existsSync(ROOT + file), script)
  }
  // The build creates dist.
  for (const file of PACKAGE.files.filter((each) => each !== 'dist')) assert.ok(existsSync(ROOT + file), file)
})

test('package.json, main.ts, the test runner and the README name the same oldest Node', () => {
  const asked = /OLDEST_NODE = \[(\d+), (\d+)\]/
  const [, major = '', minor = ''] = asked.exec(read('src/main.ts')) ?? []
  assert.equal(PACKAGE.engines.node, `>=${major}.${minor}.0`)
  assert.match(read('test/support/run.ts'), new RegExp(`OLDEST_NODE = \\[${major}, ${minor}\\]`))
  assert.match(read('README.md'), new RegExp(`Node ${major}\\.${minor} or newer`))
})

test('LICENSE holds the license that package.json names', () => {
  assert.equal(PACKAGE.license, 'Apache-2.0')
  assert.match(read('LICENSE'), /^\s*Apache License\n\s*Version 2\.0, January 2004\n/)
})

test('CHANGELOG.md has a section for the version of package.json', () => {
  assert.match(
    read('CHANGELOG.md'),
    new RegExp(`^## \\[${PACKAGE.version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm'),
  )
})

test("tools.yaml is a valid configuration with the seed's figures", () => {
  const result = readSettings({ file: `${ROOT}tools.yaml`, env: {}, flags: {} })
  assert.ok(result.ok)
  assert.deepEqual(
    result.settings.tools.map(({ tool, lane }) => [
      tool,
      lane.maxQueueDepth,
      lane.maxConcurrent,
      lane.ttlMs / 1000,
    ]),
    [
      ['github', 120, 8, 180],
      ['browser', 20, 2, 90],
      ['embeddings', 400, 32, 60],
    ],
  )
})

/** The Dockerfile's instructions of the last stage; a continued line is one string. */
function lastStage(): string[] {
  const lines = DOCKERFILE.replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  return lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
}

test('the image is built in stages and contains no development dependencies', () => {
  const froms = DOCKERFILE.match(/^FROM .*$/gm) ?? []
  assert.ok(froms.length >= 2)
  for (const from of froms) assert.match(from, /^FROM node:24-slim( AS \w+)?$/)
  assert.match(DOCKERFILE, /^RUN npm ci --omit=dev$/m)
  assert.match(DOCKERFILE, /^RUN npm run build$/m)
  const stage = lastStage()
  assert.deepEqual(
    stage.filter((line) => line.startsWith('RUN ')),
    [],
  )
  assert.ok(stage.includes('COPY --from=production /build/node_modules /opt/spillway/node_modules'))
  assert.ok(stage.includes('COPY --from=build /build/dist /opt/spillway/dist'))
  // Without package.json, dist/main.js has no version to read and Node does not take its files for modules.
  assert.ok(stage.some((line) => /^COPY package\.json .*\/opt\/spillway\/$/.test(line)))
})

test('the image runs without root, listens on all addresses, stops on SIGTERM, and checks its health', () => {
  const stage = lastStage()
  const program = ['node', '/opt/spillway/dist/main.js']
  assert.ok(stage.includes('USER node'))
  assert.ok(stage.includes(`ENTRYPOINT ${JSON.stringify(program).replaceAll(',', ', ')}`))
  assert.ok(
    stage.some(
      (line) =>
        line.startsWith('HEALTHCHECK ') &&
        line.endsWith(`CMD ${JSON.stringify([...program, 'healthcheck']).replaceAll(',', ', ')}`),
    ),
  )
  assert.ok(stage.includes('STOPSIGNAL SIGTERM'))
  assert.ok(stage.includes('EXPOSE 8080 9090'))
  const env = stage.find((line) => line.startsWith('ENV ')) ?? ''
  for (const setting of [
    'NODE_ENV=production',
    'SPILLWAY_LISTEN=0.0.0.0:8080',
    'SPILLWAY_ADMIN=0.0.0.0:9090',
  ]) {
    assert.ok(env.includes(setting), setting)
  }
})

test('.dockerignore excludes no file that the Dockerfile copies', () => {
  const ignored = new Set(read('.dockerignore').split('\n').filter(Boolean))
  const copied = DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)
  for (const source of [...copied].flatMap(([, sources = '']) => sources.split(' '))) {
    assert.ok(existsSync(ROOT + source), source)
    assert.ok(!ignored.has(source), source)
  }
  for (const kept of ['.git', 'node_modules', 'dist']) assert.ok(ignored.has(kept), kept)
})

test('.ci/run is executable, stops at the first failure, and runs the scripts of package.json', () => {
  assert.ok((statSync(`${ROOT}.ci/run`).mode & 0o111) === 0o111)
  const script = read('.ci/run')
  assert.match(script, /^#!\/usr\/bin\/env bash\n/)
  assert.match(script, /^set -euo pipefail$/m)
  const run = [...script.matchAll(/^npm (?:run )?(\w+)$/gm)].map(([, name = '']) => name)
  assert.deepEqual(run, ['ci', 'lint', 'types', 'build', 'test'])
  for (const name of run.slice(1)) assert.ok(name in PACKAGE.scripts, name)
  assert.equal(spawnSync('bash', ['-n', `${ROOT}.ci/run`]).status, 0)
})

test('.ci/run runs the wire tests with the oldest Node that package.json allows', () => {
  const script = read('.ci/run')
  const step = script.slice(script.indexOf("step 'the oldest Node"))
  assert.match(step, /engines\.node\.slice\(2\)/)
  assert.match(PACKAGE.engines.node, /^>=\d+\.\d+\.\d+$/)
  assert.match(step, /npm install .*"node@\$oldest_node"\n/)
  const [, name = ''] = /^export (\w+)="\$oldest_home\/.*\/bin\/node"$/m.exec(step) ?? []
  assert.match(read('test/support/process.ts'), new RegExp(`process\\.env\\['${name}'\\]`))
  assert.match(step, /^npm test -- test\/wire\/\*\.test\.ts$/m)
})

test('npm test runs the given files and fails if one of them fails', () => {
  // With NODE_TEST_CONTEXT set, node --test refuses to start another test run.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'))
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [`${ROOT}test/support/run.ts`, ...args], { env, encoding: 'utf8' })
  const one = run('test/support/virtual-clock.test.ts', '-t', 'backwards')
  assert.equal(one.status, 0)
  assert.match(one.stdout, /^✔ virtual time does not go backwards/m)
  assert.match(one.stdout, /^ℹ tests 1$/m)
  assert.notEqual(run('test/support/no-such.test.ts').status, 0)
})
