/**
 * Queue without a lane: the order in which tickets leave, their deadlines, the ticket to evict, and random histories
 * against a plain array.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Queue } from '../../src/lane/queue.ts'
import type { Priority } from '../../src/lane/priority.ts'
import { Ticket } from '../../src/lane/ticket.ts'

function ticketOf(dueAtMs: number, priority: Priority = 'normal', agent = ''): Ticket {
  return new Ticket({ leaseMs: undefined, queuedAtMs: 0, dueAtMs, spread: 0, priority, agent })
}

function filled(...dues: number[]): { queue: Queue; tickets: Ticket[] } {
  const queue = new Queue()
  const tickets = dues.map((dueAtMs) => ticketOf(dueAtMs))
  for (const ticket of tickets) queue.push(ticket)
  return { queue, tickets }
}

test('an empty queue has no next ticket and nothing due', () => {
  const queue = new Queue()
  assert.equal(queue.depth, 0)
  assert.equal(queue.oldest(), undefined)
  assert.equal(queue.shift(), undefined)
  assert.equal(queue.shiftDue(1e9), undefined)
  assert.equal(queue.nextDueAtMs(), Infinity)
})

test('tickets leave the queue first in, first out, whatever their deadlines', () => {
  const { queue, tickets } = filled(30, 10, 20)
  assert.equal(queue.oldest(), tickets[0])
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], tickets)
  assert.equal(queue.depth, 0)
})

test('a ticket can leave from any place', () => {
  for (const place of [0, 1, 2]) {
    const { queue, tickets } = filled(1, 2, 3)
    const [gone] = tickets.splice(place, 1) as [Ticket]
    assert.equal(queue.remove(gone), true)
    assert.equal(queue.remove(gone), false)
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], [...tickets, undefined])
  }
})

test('shiftDue takes tickets in the order of their deadlines, from the deadline on', () => {
  const { queue, tickets } = filled(30, 10, 20)
  assert.equal(queue.nextDueAtMs(), 10)
  assert.equal(queue.shiftDue(9.999), undefined)
  assert.equal(queue.shiftDue(10), tickets[1])
  assert.equal(queue.shiftDue(10), undefined)
  assert.equal(queue.shiftDue(30), tickets[2])
  assert.equal(queue.shiftDue(30), tickets[0])
})

test('a removed ticket holds no reference to another ticket', () => {
  const { queue, tickets } = filled(1, 2, 3)
  queue.shift()
  queue.shiftDue(2)
  for (const ticket of tickets.slice(0, 2)) {
    assert.equal(ticket.arrival, undefined)
    assert.equal(ticket.place, undefined)
  }
  assert.equal(tickets[2]?.arrival?.before, undefined)
  assert.equal(tickets[2]?.place?.before, undefined)
})

test('a higher class goes first, and within a class the oldest ticket', () => {
  const queue = new Queue()
  const words = ['low', 'normal', 'high', 'low', 'critical', 'normal', 'high'] as const
  const tickets = words.map((priority) => ticketOf(9, priority))
  for (const ticket of tickets) queue.push(ticket)
  assert.equal(queue.oldest(), tickets[0])
  const order = words.map(() => tickets.indexOf(queue.shift() as Ticket))
  assert.deepEqual(order, [4, 2, 6, 1, 5, 0, 3])
})

test("the ticket to evict is the newest of the lowest class, if that class is below the newcomer's", () => {
  const queue = new Queue()
  assert.equal(queue.leastWanted('critical', ''), undefined)
  const [high, first, second] = [ticketOf(9, 'high'), ticketOf(9), ticketOf(9)]
  for (const ticket of [high, first, second]) queue.push(ticket)
  const asked = ['critical', 'high', 'normal', 'low'] as const
  assert.deepEqual(
    asked.map((priority) => queue.leastWanted(priority, '')),
    [second, second, undefined, undefined],
    'an agent that is alone in the queue evicts none of its own tickets',
  )
  queue.remove(second)
  queue.remove(first)
  assert.equal(queue.leastWanted('critical', ''), high)
  assert.equal(queue.leastWanted('high', ''), undefined)
})

type Step =
  | { readonly push: number }
  | { readonly shift: true }
  | { readonly due: number }
  | { readonly remove: number }

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ push: fc.nat(30) }),
  fc.constant<Step>({ shift: true }),
  fc.record({ due: fc.nat(30) }),
  fc.record({ remove: fc.nat(30) }),
)

/** Takes one ticket out of the queue as `step` says; undefined when the list has no such ticket. */
function take(queue: Queue, list: Ticket[], step: Exclude<Step, { push: number }>): Ticket | undefined {
  if ('shift' in step) {
    assert.equal(queue.shift(), list[0])
    return list[0]
  }
  if ('remove' in step) {
    const ticket = list[step.remove % list.length]
    if (ticket !== undefined) assert.equal(queue.remove(ticket), true)
    return ticket
  }
  const taken = queue.shiftDue(step.due)
  const earliest = Math.min(...list.map(({ dueAtMs }) => dueAtMs))
  assert.equal(taken?.dueAtMs, earliest <= step.due ? earliest : undefined)
  return taken
}

test('a queue agrees with an array after any steps', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80, size: 'max' }), (history) => {
      const queue = new Queue()
      let list: Ticket[] = []
      for (const step of history) {
        if ('push' in step) {
          const ticket = ticketOf(step.push)
          queue.push(ticket)
          list.push(ticket)
        } else {
          const taken = take(queue, list, step)
          list = list.filter((ticket) => ticket !== taken)
        }
        assert.equal(queue.depth, list.length)
        assert.equal(queue.oldest(), list[0])
        assert.equal(queue.nextDueAtMs(), Math.min(...list.map(({ dueAtMs }) => dueAtMs)))
      }
    }),
    { numRuns: 1000 },
  )
})
