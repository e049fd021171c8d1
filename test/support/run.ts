/**
 * The command of `npm test`: runs every *.test.ts under test/ with node's own test runner. `npm test -- FILE...` runs only
 * these files, `npm test -- -t PATTERN` only the tests whose names match; other options of `node --test` pass through.
 * Files that need a program which this machine lacks are left out and named at the end, unless CI is set.
 */
import { spawn, spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leftOut } from './programs.ts'

const OLDEST_NODE = [22, 19] as const
/** Each file is a process, and most files of test/wire start a Spillway: more at once are too slow on a small machine. */
const FILES_AT_ONCE = 2
/** Milliseconds for one file. The slowest takes a tenth of it on two shared cores. */
const TIMEOUT_MS = 120_000
/** Node's compile cache, keyed by content. It halves the time to start a process, and the tests start hundreds. */
const COMPILE_CACHE = join(tmpdir(), 'spillway-compile-cache')
const EVERY_TEST = 'test/**/*.test.ts'

/** `-t` stands for `--test-name-pattern`, as in other test runners. */
function optionsAndFiles(words: readonly string[]): { readonly options: string[]; readonly files: string[] } {
  const options: string[] = []
  const files: string[] = []
  for (const word of words) {
    if (word === '-t') options.push('--test-name-pattern')
    else if (/\.tsx?$/.test(word) && options.at(-1) !== '--test-name-pattern') files.push(word)
    else options.push(word)
  }
  return { options, files }
}

function isOldNode(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
}

if (isOldNode()) {
  const found = `the tests need Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}`
  console.error(
    `${found}\nrun \`npm ci\` and then \`npm test\`: npm's scripts use the Node that npm ci installs`,
  )
  process.exit(2)
}

const cwd = fileURLToPath(new URL('../../', import.meta.url))
const { options, files: named } = optionsAndFiles(process.argv.slice(2))
const all = named.length > 0 ? named : globSync(EVERY_TEST, { cwd }).sort()
// A file that was named is always run, and fails if a program is missing.
const without = named.length > 0 ? [] : leftOut(all)
const packages = [...new Set(without.flatMap(({ needs }) => needs))].join(' ')
if (without.length > 0 && process.env['CI'] !== undefined) {
  console.error(`tests need programs that are not here; run: apt-get install ${packages}`)
  process.exit(1)
}
const files = all.filter((file) => without.every((left) => left.file !== file))

const fixed = ['--test-reporter=spec', `--test-concurrency=${FILES_AT_ONCE}`, `--test-timeout=${TIMEOUT_MS}`]
const env = { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env }
// Only a process that ends by itself writes the cache, and the tests kill most of theirs: so this one fills it.
spawnSync(process.execPath, ['src/main.ts', '--version'], { cwd, env })
const child = spawn(process.execPath, ['--test', ...fixed, ...options, ...files], {
  cwd,
  stdio: 'inherit',
  env,
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => {
  process.exitCode = code ?? 1
  for (const { file, needs } of without) console.log(`NOT RUN: ${file} needs ${needs.join(', ')}`)
  if (without.length > 0) console.log(`to run them too: apt-get install ${packages}`)
})
