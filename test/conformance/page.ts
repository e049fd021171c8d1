/**
 * Writes the text of docs/conformance.md from the results of one run. Pure.
 */
import type { Case } from './case.ts'
import type { Judged } from './judge.ts'
import { KNOWN } from './known.ts'
import { CASES, SECTIONS } from './table.ts'

export interface Run {
  readonly name: string
  readonly version: string
  /** In the order of the table. */
  readonly results: readonly Judged[]
}

/** Stands before a behaviour that is not allowed. */
const MARK = '✗ '

export function page(runs: readonly Run[], date: string): string {
  const names = runs.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    '# RFC 9110 and RFC 9112 on the wire',
    '',
    `One run of \`npm run conformance\` (\`test/conformance/main.ts\`) on ${date} wrote this page: ${names}.`,
    'A case consists of the bytes that a caller sends on a raw socket and, in the cases of answers, the bytes that the tool sends back. The table says what the RFCs',
    'allow a proxy: the fields and the body that the tool may see, the answers that the caller may get, and whether the connection may stay open. After each case two more',
    'calls check that the proxy still serves the tool and that each of them gets its own answer. A case fails if one of these checks fails.',
    'The expectations are written from the RFCs. `npm test` runs the same table against Spillway alone. Bugs that the table found in Spillway were fixed before this run; nginx and HAProxy were not changed.',
    '',
    'nginx and HAProxy run as packaged by Debian, with a location or backend for each tool, keep-alive connections to the tools, X-Forwarded-For, and the same limits for body size and silence.',
    'Stricter options of both exist and are not set, so each violation belongs to this configuration. Some violations are intended: nginx, for example, drops field names with an underscore.',
    '',
    '## Violations',
    '',
    ...counts(runs),
    '',
    '## Where Spillway differs',
    '',
    ...[...KNOWN].map(([name, why]) => `- ${text(name)} (${of(name)}): ${why}.`),
    '',
    '## Case by case',
    `The behaviour of each proxy. \`passed\`: the tool saw the request. A number: the status that the caller got. \`closed\`: the proxy closed the connection. \`cut\`: the answer was visibly incomplete.`,
    `\`silence\`: neither an answer nor a close within 5 s. ${MARK.trim()} marks behaviour that the section does not allow.`,
    ...SECTIONS.flatMap(({ title, cases }) => ['', `### ${title}`, '', ...rows(runs, cases)]),
    '',
  ].join('\n')
}

function counts(runs: readonly Run[]): string[] {
  const table = ['| | cases |', '|---|---|'].map(
    (line, i) => line + runs.map(({ name }) => (i === 0 ? ` ${name} |` : '---|')).join(''),
  )
  for (const level of ['MUST', 'SHOULD'] as const) {
    for (const kind of ['requests', 'answers'] as const) {
      const cases = SECTIONS.filter((section) => section.of === kind)
        .flatMap((section) => section.cases)
        .filter((one) => one.level === level)
      const cells = runs.map((run) => ` ${cases.filter((one) => isBroken(run, one)).length} |`)
      table.push(
        `| ${level}, ${kind === 'requests' ? 'requests' : "tools' answers"} | ${cases.length} |${cells.join('')}`,
      )
    }
  }
  return table
}

function rows(runs: readonly Run[], cases: readonly Case[]): string[] {
  const head = `| case | RFC | level |${runs.map(({ name }) => ` ${name} |`).join('')}`
  const line = `|---|---|---|${runs.map(() => '---|').join('')}`
  return [
    head,
    line,
    ...cases.map((one) => {
      const cells = runs.map((run) => ` ${isBroken(run, one) ? MARK : ''}${resultOf(run, one)?.did ?? ''} |`)
      return `| ${text(one.name)} | ${one.rfc} | ${one.level} |${cells.join('')}`
    }),
  ]
}

function isBroken(run: Run, one: Case): boolean {
  return (resultOf(run, one)?.problems.length ?? 0) > 0
}

function resultOf({ results }: Run, one: Case): Judged | undefined {
  return results[CASES.indexOf(one)]
}

function of(name: string): string {
  const found = CASES.find((one) => one.name === name)
  return `${found?.rfc ?? ''}, ${found?.level ?? ''}`
}

/** Escapes a name for a cell of a Markdown table. */
export function text(name: string): string {
  return name.replaceAll(/[\\|*<>`_]/g, (mark) => `\\${mark}`)
}
