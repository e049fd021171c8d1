/**
 * Watchers that do not read, or are many, against a virtual clock and responses that never drain.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { MAX_WATCHERS, Watchers } from '../../src/observe/watch.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Takes what is written, and lets nothing go out unless it is read. */
class Response extends EventEmitter {
  writableLength = 0
  status = 0
  isDestroyed = false
  readonly isRead: boolean

  constructor(isRead: boolean) {
    super()
    this.isRead = isRead
  }

  writeHead(status: number): this {
    this.status = status
    return this
  }

  write(text: string): void {
    if (!this.isRead) this.writableLength += text.length
  }

  end(): void {
    this.emit('close')
  }

  destroy(): void {
    this.isDestroyed = true
    this.emit('close')
  }
}

const asResponse = (response: Response): ServerResponse => response as unknown as ServerResponse

test('a watcher that does not read is cut off within a bound, and the others go on', () => {
  const clock = new VirtualClock()
  const lanes = [{ tool: 'x'.repeat(100_000) }]
  const watchers = new Watchers({ clock, onError: () => undefined, lanes: () => lanes })
  const [reader, sleeper] = [new Response(true), new Response(false)]
  for (const each of [reader, sleeper]) watchers.add(asResponse(each))
  clock.advance(60_000)
  assert.deepEqual([reader.isDestroyed, sleeper.isDestroyed], [false, true])
  assert.ok(sleeper.writableLength < 1_300_000, `${sleeper.writableLength} bytes were kept for nobody`)
  watchers.close()
})

test('a watcher too many is told to come back, and one that leaves makes room', () => {
  const clock = new VirtualClock()
  const watchers = new Watchers({ clock, onError: () => undefined, lanes: () => [] })
  const all = Array.from({ length: MAX_WATCHERS + 1 }, () => new Response(true))
  for (const each of all) watchers.add(asResponse(each))
  assert.equal(all.at(-1)?.status, 503)
  assert.equal(all[0]?.status, 200)
  all[0].destroy()
  const late = new Response(true)
  watchers.add(asResponse(late))
  assert.equal(late.status, 200)
  watchers.close()
})
