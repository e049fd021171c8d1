/**
 * Lists the test files that need programs which npm does not install, and finds out which of these programs this machine
 * lacks. `npm test` leaves such files out and says so. If CI is set, as in .ci/run, a missing program is a failure.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { PGBOUNCER_PLACES } from './pgbouncer.ts'

interface Program {
  /** The name of its Debian package. */
  readonly debian: string
  readonly isThere: () => boolean
  /** Files that need it, from the root of the repository. */
  readonly files: RegExp
}

const answers = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

const STORES = /^test\/(?:contract\/|wire\/fleet)/

const NEED_OPENSSL = /^test\/(?:contract\/|wire\/fleet|wire\/tool-tls)/

const PROGRAMS: readonly Program[] = [
  { debian: 'redis-server', isThere: () => answers('redis-server', '--version'), files: STORES },
  { debian: 'postgresql', isThere: hasPostgres, files: STORES },
  { debian: 'openssl', isThere: () => answers('openssl', 'version'), files: NEED_OPENSSL },
  {
    debian: 'pgbouncer',
    isThere: () => PGBOUNCER_PLACES.some((place) => existsSync(place)),
    files: /\/fleet-pgbouncer\.test\.ts$/,
  },
  {
    debian: 'curl',
    isThere: () => answers('curl', '--version'),
    files: /\/(?:curl|lease-examples)\.test\.ts$/,
  },
  { debian: 'python3', isThere: () => answers('python3', '--version'), files: /\/lease-examples\.test\.ts$/ },
  { debian: 'python3-urllib3', isThere: hasUrllib3, files: /\/urllib3\.test\.ts$/ },
]

export interface LeftOut {
  readonly file: string
  readonly needs: readonly string[]
}

/** Returns those of the files that cannot run on this machine, and the packages that they need. */
export function leftOut(files: readonly string[]): readonly LeftOut[] {
  const missing = PROGRAMS.filter(({ isThere }) => !isThere())
  return files.flatMap((file) => {
    const needs = missing.filter((program) => program.files.test(file)).map(({ debian }) => debian)
    return needs.length === 0 ? [] : [{ file, needs }]
  })
}

function hasPostgres(): boolean {
  const folder = '/usr/lib/postgresql'
  const versions = existsSync(folder) ? readdirSync(folder) : []
  return answers('initdb', '--version') || versions.some((each) => existsSync(`${folder}/${each}/bin/initdb`))
}

function hasUrllib3(): boolean {
  return ['/usr/bin/python3', 'python3'].some((python) => answers(python, '-c', 'import urllib3'))
}
