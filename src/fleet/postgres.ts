/**
 * The fleet's store on PostgreSQL: one function a verb, one channel a sidecar. Whatever is decided, the functions in
 * postgres/ decide; this file installs them where they are missing and carries it there and back. LISTEN needs a session
 * of its own: behind a pooler that lends sessions, news is lost and the slower look of the keeper stands in for it.
 * Loaded only where a postgres:// store is configured.
 */
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import type { Clock, Timer } from '../time/clock.ts'
import { reasonOf } from './failure.ts'
import { parseNews, standingFrom } from './news.ts'
import { fleetFull, MOST_SIDECARS, REOPEN_AFTER_MS, StoreFailure } from './store.ts'
import type { FleetStore, News, Standing, Statement, StoreOptions } from './store.ts'
import { within } from './within.ts'

/** Sessions for statements; one more listens. Each tool has at most one statement under way that is still waited for. */
const SESSIONS = 3
const LISTEN_AGAIN_MS = 250
const LONGEST_RETRY_SECONDS = 1
const FILES = ['1-schema', '2-hand-out', '3-tell', '4-report', '5-leave'].map((name) =>
  readFileSync(new URL(`postgres/${name}.sql`, import.meta.url), 'utf8'),
)
/** undefined_table and undefined_function: somebody took the database away and put another there. */
const NOT_INSTALLED = new Set(['42P01', '42883'])

export function openPostgres(url: string, options: StoreOptions, clock: Clock): FleetStore {
  return new PostgresStore(url, options, clock)
}

class PostgresStore implements FleetStore {
  readonly #url: string
  readonly #options: StoreOptions
  readonly #clock: Clock
  readonly #channelPrefix: string
  #sessions: postgres.Sql
  #listener: postgres.Sql | undefined
  #listenAgain: Timer | undefined
  #installed: Promise<void> | undefined
  #answeredAtMs: number
  #onNews: (news: News) => void = () => undefined
  #isClosed = false

  constructor(url: string, options: StoreOptions, clock: Clock) {
    this.#url = url
    this.#options = options
    this.#clock = clock
    this.#channelPrefix = `spillway_${options.fleet}_`.slice(0, 40)
    this.#answeredAtMs = clock.nowMs()
    this.#sessions = this.#connect({ max: SESSIONS })
    this.#startListening()
  }

  async report(said: Statement): Promise<Standing> {
    const { fleet, sidecar, ttlMs } = this.#options
    const rows = await this.#ask(
      said.tool,
      (sql) => sql`
        select * from spillway_report_v1(${fleet}, ${said.tool}, ${sidecar}, ${ttlMs}, ${said.cap}, ${said.epoch},
          ${said.returned}, ${said.held}, ${said.want}, ${said.order}, ${this.#channelPrefix}, ${MOST_SIDECARS})`,
    )
    // Every column is a bigint, which the driver hands over as text; in the order of the function's own row.
    return standingFrom(Object.values(rows[0] ?? {}).map(Number))
  }

  async leave(tool: string): Promise<void> {
    const { fleet, sidecar } = this.#options
    await this.#ask(
      tool,
      (sql) => sql`select spillway_leave_v1(${fleet}, ${tool}, ${sidecar}, ${this.#channelPrefix})`,
    )
  }

  listen(onNews: (news: News) => void): void {
    this.#onNews = onNews
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listenAgain?.clear()
    await Promise.all([this.#sessions.end({ timeout: 0 }), this.#listener?.end({ timeout: 0 })])
  }

  async #ask(
    tool: string,
    query: (sql: postgres.Sql) => Promise<readonly postgres.Row[]>,
  ): Promise<readonly postgres.Row[]> {
    const { answerWithinMs } = this.#options
    const answer = async () => {
      await (this.#installed ??= this.#install())
      return query(this.#sessions)
    }
    try {
      const rows = await within(answer(), answerWithinMs, this.#clock)
      this.#answeredAtMs = this.#clock.nowMs()
      return rows
    } catch (error) {
      throw this.#failed(error, tool)
    }
  }

  /** Two sidecars that start together install one after the other. */
  async #install(): Promise<void> {
    try {
      const found = await this.#sessions`select to_regproc('spillway_report_v1') is not null
        and to_regproc('spillway_leave_v1') is not null as yes`
      if (found[0]?.['yes'] === true) return
      await this.#sessions.begin(async (sql) => {
        await sql`select pg_advisory_xact_lock(hashtext('spillway fleet'))`
        for (const file of FILES) await sql.unsafe(file)
      })
    } catch (error) {
      this.#installed = undefined
      throw error
    }
  }

  #failed(error: unknown, tool: string): StoreFailure {
    const code = error instanceof postgres.PostgresError ? error.code : undefined
    if (code === 'SPLWY') return fleetFull(tool, error)
    if (code !== undefined && NOT_INSTALLED.has(code)) this.#installed = undefined
    if (error instanceof StoreFailure) {
      this.#reopenWhenSilent()
      return error
    }
    return new StoreFailure('STORE_REFUSED', `postgres: ${reasonOf(error, this.#url)}`, error)
  }

  /** A peer that vanished without a word would keep its sessions busy for many minutes. */
  #reopenWhenSilent(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#isClosed || nowMs - this.#answeredAtMs < Math.min(this.#options.ttlMs, REOPEN_AFTER_MS)) return
    this.#answeredAtMs = nowMs
    this.#installed = undefined
    // Ending what hangs can only fail by hanging; nobody waits for it.
    for (const old of [this.#sessions, this.#listener]) void old?.end({ timeout: 0 }).catch(() => undefined)
    this.#sessions = this.#connect({ max: SESSIONS })
    this.#startListening()
  }

  #startListening(): void {
    const channel = this.#channelPrefix + this.#options.sidecar
    const listener = this.#connect({
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      onclose: () => this.#listener === listener && this.#listenLater(listener),
      // What sql.listen is made of. Its own way back after a broken connection is tried once only.
      ...{ onnotify: (_: string, message: string) => this.#heard(message) },
    })
    this.#listener = listener
    listener.unsafe(`listen "${channel}"`).catch(() => this.#listenLater(listener))
  }

  #listenLater(listener: postgres.Sql): void {
    if (this.#isClosed || this.#listenAgain !== undefined) return
    this.#listenAgain = this.#clock.after(LISTEN_AGAIN_MS, () => {
      this.#listenAgain = undefined
      if (this.#isClosed || this.#listener !== listener) return
      void listener.end({ timeout: 0 }).catch(() => undefined)
      this.#startListening()
    })
  }

  #heard(message: string): void {
    const news = parseNews(message)
    if (news !== undefined) this.#onNews(news)
  }

  #connect(more: postgres.Options<Record<string, never>>): postgres.Sql {
    const { answerWithinMs, sidecar } = this.#options
    return postgres(this.#url, {
      connect_timeout: Math.max(1, answerWithinMs / 1000),
      backoff: (retries: number) => Math.min(0.05 * 2 ** retries, LONGEST_RETRY_SECONDS),
      fetch_types: false,
      onnotice: () => undefined,
      connection: { application_name: `spillway-${sidecar}` },
      ...more,
    })
  }
}
