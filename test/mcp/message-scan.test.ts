/**
 * The messages of a server are recognized in text that comes in any pieces, plain or as server-sent events.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventScan } from '../../src/mcp/event-scan.ts'
import { idKeyOf } from '../../src/mcp/message.ts'
import { MessageScan } from '../../src/mcp/message-scan.ts'
import type { ResponseOutcome, ServerMessage } from '../../src/mcp/message-scan.ts'

interface Sink {
  write(bytes: Buffer): void
}

/** The messages that are recognized in a text that comes in pieces of these lengths, in a cycle. */
function seen(
  text: string,
  pieces: readonly number[],
  of: (scan: MessageScan) => Sink = (scan) => scan,
): ServerMessage[] {
  const messages: ServerMessage[] = []
  const sink = of(new MessageScan((message) => messages.push(message)))
  const bytes = Buffer.from(text)
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const length = pieces[n % pieces.length] ?? 1
    sink.write(bytes.subarray(at, at + length))
    at += length
  }
  return messages
}

/** The same by JSON.parse. */
function parsed(message: unknown): ServerMessage {
  const { id, method, error, result } = message as Record<string, unknown>
  if (typeof method === 'string') return { kind: id === undefined ? 'notification' : 'request' }
  return { kind: 'response', idKey: idKeyOf(id), outcome: outcomeOf(error, result) }
}

function outcomeOf(error: unknown, result: unknown): ResponseOutcome {
  if (error !== undefined) return 'protocol-error'
  const { isError, resultType } = (result ?? {}) as Record<string, unknown>
  if (isError === true) return 'tool-error'
  return resultType === 'input_required' ? 'input-required' : 'complete'
}

/** The id keys of the responses among the messages. */
function idKeysOf(messages: readonly ServerMessage[]): (string | undefined)[] {
  return messages.flatMap((each) => (each.kind === 'response' ? [each.idKey] : []))
}

const text = fc.string({
  unit: fc.constantFrom('"', '\\', '{', '}', '[', ',', ':', 'é', 'id', 'x', '\n'),
  maxLength: 12,
})
const anything = fc.jsonValue({ maxDepth: 3 })
const result = fc.record(
  {
    content: fc.array(fc.record({ type: fc.constant('text'), text })),
    isError: fc.boolean(),
    resultType: fc.constantFrom('complete', 'input_required'),
    id: fc.constant(5),
    nested: fc.record({ id: fc.constant(6), isError: fc.constant(true), result: anything }),
  },
  { requiredKeys: [] },
)
const message = fc
  .tuple(
    fc.record(
      {
        id: fc.oneof(text, fc.integer()),
        result,
        error: fc.record({ code: fc.integer(), message: text }),
        method: text,
        params: anything,
      },
      { requiredKeys: [] },
    ),
    fc.nat(4),
  )
  // Keys in any order.
  .map(([value, turns]) => {
    const entries = Object.entries(value)
    return Object.fromEntries([...entries.slice(turns), ...entries.slice(0, turns)])
  })
const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })

test('a message has the content that JSON.parse finds, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(message, pieces, fc.constantFrom(undefined, 1), (value, lengths, space) => {
      assert.deepEqual(seen(JSON.stringify(value, null, space), lengths), [parsed(value)])
    }),
  )
})

test('each message of a batch is recognized', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), pieces, (values, lengths) => {
      assert.deepEqual(seen(JSON.stringify(values), lengths), values.map(parsed))
    }),
  )
})

test('events are recognized with every line ending, with comments and other fields between them', () => {
  const ends = fc.constantFrom('\n', '\r', '\r\n')
  const noise = fc.constantFrom('', ': ping', 'id: 7', 'retry: 10', 'event: message', 'database: {"id":9}')
  fc.assert(
    fc.property(fc.array(fc.tuple(message, noise)), ends, pieces, (events, end, lengths) => {
      const stream = events
        .map(([value, line]) => `${line}${end}data: ${JSON.stringify(value)}${end}${end}`)
        .join('')
      assert.deepEqual(
        seen(stream, lengths, (scan) => new EventScan(scan)),
        events.map(([value]) => parsed(value)),
      )
    }),
  )
})

test('data over several lines is one message, and an unfinished event is dropped', () => {
  const stream =
    'data: {"id":\ndata:1,\ndata: "result":{}}\n\ndata: {"id":2,"result":{"x":"\n\ndata\n\ndata:{"id":3}\n\n'
  assert.deepEqual(idKeysOf(seen(stream, [3], (scan) => new EventScan(scan))), ['number:1', 'number:3'])
})

test('after malformed text and a reset the next message is recognized', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '1') }),
      pieces,
      (junk, lengths) => {
        seen(junk, lengths)
        const messages: ServerMessage[] = []
        const scan = new MessageScan((each) => messages.push(each))
        scan.write(Buffer.from(junk))
        scan.reset()
        messages.length = 0
        scan.write(Buffer.from('{"id":1,"result":{}}'))
        assert.deepEqual(idKeysOf(messages), ['number:1'])
      },
    ),
  )
})

test('any bytes give the same messages whole and in pieces, and nothing is thrown', () => {
  const parts = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\n',
      '\r',
      '\n\n',
      'data:',
      'data: ',
      'id:',
      '"id":',
      '"result":',
      '"\\u0069d":',
    ],
    ...[
      '"method"',
      '"error":',
      '"isError":true',
      '"resultType":"x"',
      '1',
      '-0.5e3',
      'true',
      'é',
      '\\x',
      '"\\ud800"',
      '01',
    ],
  )
  const bytes = fc
    .array(fc.oneof({ weight: 6, arbitrary: parts }, fc.string({ unit: 'binary', maxLength: 3 })), {
      maxLength: 40,
    })
    .map((each) => each.join(''))
  fc.assert(
    fc.property(bytes, pieces, fc.boolean(), (junk, lengths, isStream) => {
      const of = (scan: MessageScan): Sink => (isStream ? new EventScan(scan) : scan)
      const whole = seen(junk, [Infinity], of)
      assert.deepEqual(seen(junk, lengths, of), whole)
    }),
    { numRuns: 5000 },
  )
})

test('malformed ids and keys take no longer than well-formed ones', () => {
  const costMs = (text: string): number => {
    const bytes = Buffer.from(text)
    const runs = Array.from({ length: 5 }, () => {
      const startedAt = performance.now()
      new MessageScan(() => undefined).write(bytes)
      return performance.now() - startedAt
    })
    return Math.min(...runs)
  }
  for (const [good, bad] of [
    ['[{"id":1},', '[{"id":x},'],
    ['{"a":1,', '{"\\x":1,'],
  ] as const) {
    const [first, ...rest] = [good, bad].map((text) =>
      costMs(text.slice(0, 1) + text.slice(1).repeat(30_000)),
    )
    assert.ok(
      rest.every((ms) => ms < 5 * (first ?? 0)),
      `${rest.join()} ms, ${first} ms`,
    )
  }
})

test('an id longer than the buffer gives no id', () => {
  assert.deepEqual(idKeysOf(seen(JSON.stringify({ id: 'x'.repeat(10_000), result: {} }), [1000])), [
    undefined,
  ])
})
