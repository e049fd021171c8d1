/**
 * AgentQueues, the waiting tickets of one priority class, without a lane: the order of service, the ticket to evict,
 * the lengths against a plain count, and its cost with 100,000 agents.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AgentQueues } from '../../src/lane/agent-queues.ts'
import { Ticket } from '../../src/lane/ticket.ts'

function ticketOf(agent: string): Ticket {
  return new Ticket({ leaseMs: undefined, queuedAtMs: 0, dueAtMs: 9, spread: 0, priority: 'normal', agent })
}

function filled(agents: string): { line: AgentQueues; tickets: Ticket[] } {
  const line = new AgentQueues()
  const tickets = agents.split('').map(ticketOf)
  for (const ticket of tickets) line.push(ticket)
  return { line, tickets }
}

/** The agents in the order in which they are served. */
function served(line: AgentQueues): string {
  let order = ''
  for (let ticket = line.takeTurn(); ticket !== undefined; ticket = line.takeTurn()) {
    line.remove(ticket)
    order += ticket.agent
  }
  return order
}

test('agents are served in turns, however many tickets each has', () => {
  assert.equal(served(filled('aaaabbc').line), 'abcabaa')
})

test('an agent that arrives while others wait is served within one round', () => {
  const { line } = filled('aaabbb')
  const first = line.takeTurn()
  assert.ok(first)
  line.remove(first)
  line.push(ticketOf('c'))
  assert.equal(served(line), 'bacbab')
})

test('when a ticket leaves, no agent loses its turn', () => {
  const { line, tickets } = filled('aabb')
  line.remove(tickets[0] as Ticket)
  assert.equal(served(line), 'abb')
})

test('the ticket to evict is the newest of the longest queue', () => {
  const { line, tickets } = filled('abba')
  line.push(ticketOf('b'))
  assert.equal(line.longest, 3)
  assert.equal(line.lengthOf('a'), 2)
  assert.equal(line.lengthOf('nobody'), 0)
  const newest = line.newestOfLongest()
  assert.equal(newest?.agent, 'b')
  assert.ok(!tickets.includes(newest))
})

test('an agent whose last ticket leaves takes no more memory', () => {
  const line = new AgentQueues()
  for (let i = 0; i < 10_000; i++) {
    const ticket = ticketOf(`agent ${i}`)
    line.push(ticket)
    assert.equal(line.agents, 1)
    line.remove(ticket)
  }
  assert.deepEqual(
    [line.agents, line.longest, line.takeTurn(), line.newestOfLongest()],
    [0, 0, undefined, undefined],
  )
})

test('the lengths agree with a plain count after any pushes and removals', () => {
  const steps = fc.array(fc.record({ agent: fc.constantFrom('a', 'b', 'c'), gone: fc.option(fc.nat(20)) }), {
    maxLength: 80,
  })
  fc.assert(
    fc.property(steps, (history) => {
      const line = new AgentQueues()
      const tickets: Ticket[] = []
      for (const { agent, gone } of history) {
        const [ticket] = gone === null ? [] : tickets.splice(gone % Math.max(1, tickets.length), 1)
        if (ticket !== undefined) line.remove(ticket)
        if (gone === null) {
          tickets.push(ticketOf(agent))
          line.push(tickets.at(-1) as Ticket)
        }
        const counts = ['a', 'b', 'c'].map((each) => tickets.filter((of) => of.agent === each).length)
        assert.deepEqual(
          ['a', 'b', 'c'].map((each) => line.lengthOf(each)),
          counts,
        )
        assert.equal(line.longest, Math.max(...counts))
        assert.equal(line.agents, counts.filter((count) => count > 0).length)
        const longest = line.newestOfLongest()
        assert.equal(longest === undefined ? 0 : line.lengthOf(longest.agent), line.longest)
      }
    }),
  )
})

test('100000 tickets of as many agents are served in linear time', () => {
  const line = new AgentQueues()
  for (let i = 0; i < 100_000; i++) line.push(ticketOf(String(i)))
  const startedAt = performance.now()
  for (let i = 0; i < 50_000; i++) {
    const turn = line.takeTurn()
    const longest = line.newestOfLongest()
    if (turn !== undefined) line.remove(turn)
    if (longest !== undefined && longest !== turn) line.remove(longest)
  }
  assert.ok(performance.now() - startedAt < 5000)
  assert.ok(line.agents <= 50_000)
})
