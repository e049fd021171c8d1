/**
 * The waiting tickets of one priority class: a queue for each agent, served round robin, so that an agent with a hundred
 * tickets gets one slot while each other agent gets one. Also knows the longest queue, from which a ticket is evicted when
 * the lane's queue is full. O(1) for each operation. An agent is kept only while it has a ticket here, so the state is
 * bounded by the tickets. Agent keys are opaque.
 */
import { Chain } from './chain.ts'
import type { Link } from './chain.ts'
import type { Ticket } from './ticket.ts'

interface AgentLine {
  readonly tickets: Chain<Ticket>
  length: number
  /** The agent's place in the round robin. */
  turn: Link<AgentLine> | undefined
  /** The queue's place among those of equal length. */
  peer: Link<AgentLine> | undefined
}

export class AgentQueues {
  readonly #agents = new Map<string, AgentLine>()
  readonly #turns = new Chain<AgentLine>()
  /** Holds only lengths that some queue has. */
  readonly #byLength = new Map<number, Chain<AgentLine>>()
  #longest = 0
  #depth = 0

  /** Tickets of all agents. */
  get depth(): number {
    return this.#depth
  }

  /** Agents with a ticket here. */
  get agents(): number {
    return this.#agents.size
  }

  /** Tickets of the agent that has the most. */
  get longest(): number {
    return this.#longest
  }

  lengthOf(agent: string): number {
    return this.#agents.get(agent)?.length ?? 0
  }

  push(ticket: Ticket): void {
    let line = this.#agents.get(ticket.agent)
    if (line === undefined) {
      line = { tickets: new Chain(), length: 0, turn: undefined, peer: undefined }
      line.turn = this.#turns.push(line)
      this.#agents.set(ticket.agent, line)
    }
    ticket.place = line.tickets.push(ticket)
    this.#resize(line, line.length + 1)
  }

  /** The ticket that is next; its agent goes to the end of the round robin. The ticket stays until it is removed. */
  takeTurn(): Ticket | undefined {
    const line = this.#turns.first
    if (line?.turn === undefined) return undefined
    this.#turns.remove(line.turn)
    line.turn = this.#turns.push(line)
    return line.tickets.first
  }

  /** The newest ticket of an agent with the longest queue. */
  newestOfLongest(): Ticket | undefined {
    return this.#byLength.get(this.#longest)?.first?.tickets.last
  }

  /** Takes out a ticket that is in. */
  remove(ticket: Ticket): void {
    const line = this.#agents.get(ticket.agent)
    if (line === undefined || ticket.place === undefined) return
    line.tickets.remove(ticket.place)
    ticket.place = undefined
    this.#resize(line, line.length - 1)
    if (line.length > 0) return
    if (line.turn !== undefined) this.#turns.remove(line.turn)
    this.#agents.delete(ticket.agent)
  }

  #resize(line: AgentLine, length: number): void {
    const before = line.length
    this.#depth += length - before
    if (line.peer !== undefined) this.#leaveEquals(before, line.peer)
    line.length = length
    line.peer = length === 0 ? undefined : this.#equalsOf(length).push(line)
    if (length > this.#longest) this.#longest = length
    // No queue is as long as the longest one was, so the longest is now one ticket shorter.
    else if (before === this.#longest && !this.#byLength.has(before)) this.#longest = length
  }

  #equalsOf(length: number): Chain<AgentLine> {
    let equals = this.#byLength.get(length)
    if (equals === undefined) {
      equals = new Chain()
      this.#byLength.set(length, equals)
    }
    return equals
  }

  #leaveEquals(length: number, peer: Link<AgentLine>): void {
    const equals = this.#byLength.get(length)
    equals?.remove(peer)
    if (equals?.first === undefined) this.#byLength.delete(length)
  }
}
