/**
 * The worked exchange of docs/fleet.md, sent to the ledger report by report. Each answer, news and count of held slots on
 * the page must be what the ledger gives.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from '../../src/fleet/ledger.ts'
import type { Report } from '../../src/fleet/store.ts'
import { read, tableAfter } from '../repo/tree.ts'

const CAP = 4
const TTL_MS = 10_000
const FIRST_EPOCH = 101

interface Message {
  readonly atMs: number
  readonly from: string
  readonly to: string
  readonly fields: Readonly<Record<string, number | boolean>>
  readonly held: string
}

/** The rows of the page; a row without a time has the time of the row before it. */
function messagesOfPage(): readonly Message[] {
  let atMs = NaN
  return tableAfter(read('docs/fleet.md'), '## One exchange').map(
    ([at = '', message = '', fields = '', , held = '']) => {
      if (at !== '') atMs = Math.round(Number(at.replace(' s', '')) * 1000)
      const [from = '', to = ''] = message.split(' → ')
      return { atMs, from, to, fields: fieldsOf(fields), held }
    },
  )
}

/** The fields of a cell like `want 4, isLeaving true`. */
function fieldsOf(cell: string): Message['fields'] {
  const pairs = cell.split(', ').map((pair) => pair.split(' ') as [string, string])
  return Object.fromEntries(pairs.map(([name, value]) => [name, value === 'true' || Number(value)]))
}

/** Each report with the messages that the store sends for it: first the answer, then the news. */
function stepsOf(messages: readonly Message[]): { readonly report: Message; readonly said: Message[] }[] {
  const steps: { readonly report: Message; readonly said: Message[] }[] = []
  for (const message of messages) {
    if (message.to === 'store') steps.push({ report: message, said: [] })
    else steps.at(-1)?.said.push(message)
  }
  return steps
}

const STEPS = stepsOf(messagesOfPage())
const ledger = new Ledger(0, FIRST_EPOCH - 1)
/** The session of each sidecar: the slots given and returned so far, and the end of its TTL. */
const sessions = new Map<string, { given: number; returned: number; endsAtMs: number }>()

for (const { report, said } of STEPS)
  test(`docs/fleet.md at ${report.atMs} ms: the store sends ${report.from} the answer of the page, and the news of the page`, () => {
    const { atMs, from: sidecar, fields } = report
    const sent = { tool: 'github', cap: CAP, isLeaving: false, ...fields } as unknown as Report
    const result = ledger.report(sent, { sidecar, ttlMs: TTL_MS }, atMs)
    assert.ok(result)
    assert.deepEqual(
      [
        { to: sidecar, fields: result.allotment },
        ...result.notifications.map(({ sidecar: to, news }) => ({ to, fields: news })),
      ],
      said.map(({ to, fields }) => ({ to, fields })),
    )
    for (const [name, { endsAtMs }] of sessions) if (endsAtMs <= atMs) sessions.delete(name)
    sessions.set(sidecar, { given: 0, returned: sent.returned, endsAtMs: atMs + TTL_MS })
    for (const { to, fields: told } of said) sessions.get(to)!.given = Number(told['given'])
    if (sent.isLeaving) sessions.delete(sidecar)
    const held = [...sessions]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, { given, returned }]) => ({ name, slots: given - returned }))
      .filter(({ slots }) => slots > 0)
    for (const row of said)
      assert.equal(row.held, held.map(({ name, slots }) => `${name} ${slots}`).join(', '))
    assert.ok(held.reduce((sum, { slots }) => sum + slots, 0) <= CAP)
  })

test('the exchange of docs/fleet.md shows a slot that changes hands, a sidecar that leaves and one that dies', () => {
  assert.ok(STEPS.some(({ report, said }) => Number(report.fields['returned']) > 0 && said.length > 1))
  assert.ok(STEPS.some(({ report }) => report.fields['isLeaving'] === true))
  const last = STEPS.at(-1)!.report
  const silent = STEPS.filter(
    ({ report }) => report.fields['isLeaving'] !== true && report.from !== last.from,
  )
  assert.ok(silent.some(({ report }) => report.atMs + TTL_MS <= last.atMs))
})
