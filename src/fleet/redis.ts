/**
 * The fleet's store on Redis or Valkey: one hash for each tool, one script that takes reports, and one channel for each
 * sidecar, on which it is told news. The script decides; this file carries reports there and answers and news back, and
 * keeps the connections. Loaded only where a redis:// or rediss:// store is configured.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createClient } from '@redis/client'
import type { Clock, Timer } from '../time/clock.ts'
import { failureText } from './failure.ts'
import { allotmentFrom, parseNews } from './news.ts'
import { fleetFull, MOST_SIDECARS, REOPEN_AFTER_MS, StoreFailure } from './store.ts'
import type { Allotment, FleetStore, News, Report, StoreOptions } from './store.ts'
import { within } from './within.ts'

/** Milliseconds that a tool's key outlives its last use. After that, the first sidecar waits for one TTL again. */
const FORGET_AFTER_MS = 7 * 86_400_000
/** Commands that may queue for a server that hangs; each tool has one under way. */
const MOST_COMMANDS = 4096
const LONGEST_RETRY_MS = 1000
const SUBSCRIBE_AGAIN_MS = 250
const SHORTEST_PING_MS = 500
const LONGEST_PING_MS = 5000

const REPORT = readFileSync(new URL('redis/report.lua', import.meta.url), 'utf8')
const REPORT_SHA = createHash('sha1').update(REPORT).digest('hex')

export function openRedis(url: string, options: StoreOptions, clock: Clock): FleetStore {
  return new RedisStore(url, options, clock)
}

/** One connection sends reports, the other receives news. The client reconnects both by itself. */
interface Link {
  readonly commands: Client
  readonly subscriber: Client
  /** Resolves when the first connection is made; reconnections are not waited for. */
  readonly begun: Promise<unknown>
  /** The last error of the connection: a report would only see that nobody answers. */
  trouble: Error | undefined
}

class RedisStore implements FleetStore {
  readonly #url: string
  readonly #options: StoreOptions
  readonly #clock: Clock
  readonly #channelPrefix: string
  #link: Link
  #subscribeAgain: Timer | undefined
  #answeredAtMs: number
  #onNews: (news: News) => void = () => undefined
  #isClosed = false

  constructor(url: string, options: StoreOptions, clock: Clock) {
    this.#url = url
    this.#options = options
    this.#clock = clock
    this.#channelPrefix = `spillway:${options.fleet}:to:`
    this.#answeredAtMs = clock.nowMs()
    this.#link = this.#open()
  }

  async report(report: Report): Promise<Allotment> {
    const { sidecar, ttlMs } = this.#options
    const { tool, cap, epoch, returned, held, want, order, isLeaving } = report
    const reply = await this.#runReport(tool, [
      sidecar,
      ...[ttlMs, cap, epoch, returned, held, want, order].map(String),
      this.#channelPrefix,
      tool,
      String(MOST_SIDECARS),
      String(FORGET_AFTER_MS),
      isLeaving ? '1' : '0',
    ])
    return allotmentFrom(reply)
  }

  listen(onNews: (news: News) => void): void {
    this.#onNews = onNews
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#subscribeAgain?.clear()
    shut(this.#link)
    return Promise.resolve()
  }

  async #runReport(tool: string, args: string[]): Promise<unknown> {
    const link = this.#link
    const { commands, begun } = link
    const request = { keys: [`spillway:{${this.#options.fleet}/${tool}}`], arguments: args }
    const answer = async () => {
      if (!commands.isReady) await begun
      try {
        return await commands.evalSha(REPORT_SHA, request)
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT'))
          return commands.eval(REPORT, request)
        throw error
      }
    }
    try {
      const reply = await within(answer(), this.#options.answerWithinMs, this.#clock)
      this.#answeredAtMs = this.#clock.nowMs()
      return reply
    } catch (error) {
      if (error instanceof StoreFailure) this.#reopenWhenSilent()
      const isCut = !commands.isReady && link.trouble !== undefined
      throw failureOf(isCut ? link.trouble : error, tool, this.#url)
    }
  }

  /** TCP would keep a connection to a peer that vanished for many minutes. */
  #reopenWhenSilent(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#isClosed || nowMs - this.#answeredAtMs < Math.min(this.#options.ttlMs, REOPEN_AFTER_MS)) return
    this.#answeredAtMs = nowMs
    this.#subscribeAgain?.clear()
    shut(this.#link)
    this.#link = this.#open()
  }

  #open(): Link {
    const commands = connect(this.#url, this.#options)
    const subscriber = connect(this.#url, this.#options)
    const begun = new Promise((resolve) => commands.once('ready', resolve))
    // Both go on trying by themselves, and each report meanwhile is rejected.
    for (const client of [commands, subscriber]) client.connect().catch(() => undefined)
    const link: Link = { commands, subscriber, begun, trouble: undefined }
    commands.on('error', (error: Error) => (link.trouble = error))
    commands.on('ready', () => (link.trouble = undefined))
    this.#subscribe(link)
    return link
  }

  /** After the first success the client renews the subscription on every new connection. */
  #subscribe(link: Link): void {
    const channel = this.#channelPrefix + this.#options.sidecar
    link.subscriber
      .subscribe(channel, (message) => {
        const news = parseNews(message)
        if (news !== undefined && link === this.#link) this.#onNews(news)
      })
      .catch(() => {
        if (this.#isClosed || link !== this.#link) return
        this.#subscribeAgain = this.#clock.after(SUBSCRIBE_AGAIN_MS, () => this.#subscribe(link))
      })
  }
}

type Client = ReturnType<typeof connect>

function connect(url: string, { ttlMs, answerWithinMs, sidecar }: StoreOptions) {
  const pingMs = Math.max(SHORTEST_PING_MS, Math.min(LONGEST_PING_MS, ttlMs / 3))
  const client = createClient({
    url,
    name: `spillway-${sidecar}`,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_COMMANDS,
    // A peer that vanished is noticed by the silence after a ping.
    pingInterval: pingMs,
    socket: {
      connectTimeout: Math.max(answerWithinMs, 500),
      socketTimeout: 3 * pingMs,
      reconnectStrategy: (retries) =>
        Math.min(50 * 2 ** retries, LONGEST_RETRY_MS) * (0.5 + Math.random() / 2),
    },
  })
  // Reports are rejected with the failure. Without a listener the event would end the process.
  client.on('error', () => undefined)
  return client
}

function shut({ commands, subscriber }: Link): void {
  for (const client of [commands, subscriber]) if (client.isOpen) client.destroy()
}

function failureOf(error: unknown, tool: string, url: string): StoreFailure {
  if (error instanceof StoreFailure) return error
  const reason = failureText(error, url)
  if (reason.startsWith('FLEET_FULL')) return fleetFull(tool, error)
  return new StoreFailure('STORE_REFUSED', `redis: ${reason}`, error)
}
