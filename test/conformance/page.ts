/**
 * docs/conformance.md out of the results of one run. Pure.
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

/** Before what is not allowed. */
const MARK = '✗ '

export function page(runs: readonly Run[], date: string): string {
  const names = runs.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    '# RFC 9110 and RFC 9112 on the wire',
    '',
    `All of this page comes from one run of \`npm run conformance\` (\`test/conformance/main.ts\`) on ${date}: ${names}.`,
    'Each case is bytes that a caller sends on a raw socket and, where it is about a tool, bytes that the tool answers. The table says what the RFCs',
    'allow a proxy to do: what the tool may see, field by field, what the caller may get, and whether the connection may go on. After each case two more callers',
    'look whether the proxy serves them and whether they get their own answers. A case has failed where any of that is otherwise.',
    'The expectations are written from the RFCs; `npm test` runs the same table against Spillway alone. Spillway was mended where the table found it wrong; the others were not.',
    '',
    'nginx and HAProxy run as Debian packages them, with a location or backend for each tool, kept-alive connections to the tools, X-Forwarded-For, and the same bounds of body and silence.',
    'Options that would make them stricter exist and are not set; a violation here is one of that configuration. Some have reasons: nginx drops field names with an underscore on purpose.',
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
    `What each did. \`passed\`: the tool saw the request; a number: the status that the caller got; \`closed\`: so the connection ended; \`cut\`: the caller saw the answer break off;`,
    `\`silence\`: neither an answer nor an end within 5 s. ${MARK.trim()} marks what the section does not allow.`,
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

/** A name as a cell. */
export function text(name: string): string {
  return name.replaceAll(/[\\|*<>`_]/g, (mark) => `\\${mark}`)
}
