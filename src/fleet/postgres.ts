/**
 * The fleet's store on PostgreSQL: tables, a function that takes reports, and one channel for each sidecar, on which it is
 * told news. The functions in postgres/ decide; this file installs them where they are missing, and carries reports there
 * and answers and news back. Behind a pooler that lends sessions (PgBouncer in transaction mode) LISTEN delivers nothing:
 * the store finds that out by a message to itself, and then fetches news. Loaded only where a postgres:// store is configured.
 */
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import type { Clock, Timer } from '../time/clock.ts'
import { failureText } from './failure.ts'
import { allotmentFrom, parseNews } from './news.ts'
import { fleetFull, MOST_SIDECARS, REOPEN_AFTER_MS, StoreFailure } from './store.ts'
import type { Allotment, FleetStore, News, Report, StoreOptions } from './store.ts'
import { within } from './within.ts'

/** Sessions for statements; one more listens. Each tool has at most one report under way that is still waited for. */
const SESSIONS = 3
const LISTEN_AGAIN_MS = 250
const LONGEST_RETRY_SECONDS = 1
/** Milliseconds between two fetches of news where LISTEN delivers none: a slot changes hands 50 ms later than with it. */
const FETCH_EVERY_MS = 100
/** Fetches of news between two tests whether LISTEN delivers after all. */
const FETCHES_A_TRY = 100
const FILES = ['1-schema', '2-hand-out', '3-news', '4-report'].map((name) =>
  readFileSync(new URL(`postgres/${name}.sql`, import.meta.url), 'utf8'),
)
/** undefined_table, _function and _column: somebody has replaced the database or dropped what was installed. */
const NOT_INSTALLED = new Set(['42P01', '42883', '42703'])

const REPORT = 'select * from spillway_report_v3($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)'
/** Everything that this version uses is there. */
const IS_INSTALLED = `select to_regproc('spillway_report_v3') is not null
  and to_regproc('spillway_snapshots_v1') is not null and to_regproc('spillway_news_v1') is not null
  and to_regclass('tool_leases') is not null and to_regclass('spillway_members') is not null
  and exists (select from pg_attribute where attrelid = to_regclass('spillway_tools')
    and attname = 'first_until' and not attisdropped) as yes`
/** Neither tables nor functions of any version are there. */
const IS_BARE = `select to_regclass('spillway_tools') is null and to_regclass('spillway_members') is null
  and not exists (select from pg_proc
    where starts_with(proname, 'spillway_') and pg_function_is_visible(oid)) as yes`
/** The row that says that the tables have forgotten nothing: 1-schema.sql. */
const IS_WHOLE = `insert into spillway_tools (fleet, tool, run, opens_at, count)
  select '', '', extract(epoch from pg_postmaster_start_time())::text, clock_timestamp(), 0`

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
  /** The store has answered this process before: tables that are missing now are no first start. */
  #wasAnswered = false
  /** LISTEN delivers. */
  #hears = false
  #fetching: Timer | undefined
  #isFetching = false
  #fetches = 0
  /** The last message to itself, sent once LISTEN was answered: it arrives where LISTEN delivers. */
  #echo = ''
  #echoes = 0
  /** Tools of which this sidecar holds or wants slots: bounded by the configuration. */
  readonly #busy = new Set<string>()
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

  async report(report: Report): Promise<Allotment> {
    const { fleet, sidecar, ttlMs } = this.#options
    const { tool, cap, epoch, returned, held, want, order, isLeaving } = report
    const row = [fleet, tool, sidecar, ttlMs, cap, epoch, returned, held, want, order, this.#channelPrefix]
    // Behind a pooler a prepared statement is lost to its session, and would pile up there. Elsewhere it saves a round trip.
    const rows = await this.#ask(tool, (sql) =>
      sql.unsafe(REPORT, [...row, MOST_SIDECARS, isLeaving], { prepare: this.#hears }),
    )
    // Every column is a bigint, which the driver hands over as text; in the order of the function's own row.
    const allotment = allotmentFrom(Object.values(rows[0] ?? {}).map(Number))
    if (want > 0 || held > 0 || allotment.given > returned) this.#busy.add(tool)
    else this.#busy.delete(tool)
    return allotment
  }

  listen(onNews: (news: News) => void): void {
    this.#onNews = onNews
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listenAgain?.clear()
    this.#fetching?.clear()
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
      this.#wasAnswered = true
      return rows
    } catch (error) {
      throw this.#failed(error, tool)
    }
  }

  /** Of two sidecars that start together, the second waits for the lock, and its IS_BARE is false. */
  async #install(): Promise<void> {
    try {
      const found = await this.#sessions.unsafe(IS_INSTALLED)
      if (found[0]?.['yes'] === true) return
      await this.#sessions.begin(async (sql) => {
        await sql.unsafe("select pg_advisory_xact_lock(hashtext('spillway fleet'))")
        const isBare = (await sql.unsafe(IS_BARE))[0]?.['yes'] === true
        for (const file of FILES) await sql.unsafe(file)
        if (isBare && !this.#wasAnswered) await sql.unsafe(IS_WHOLE)
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
    return new StoreFailure('STORE_REFUSED', `postgres: ${failureText(error, this.#url)}`, error)
  }

  /** TCP would keep sessions with a peer that vanished for many minutes. */
  #reopenWhenSilent(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#isClosed || nowMs - this.#answeredAtMs < Math.min(this.#options.ttlMs, REOPEN_AFTER_MS)) return
    this.#answeredAtMs = nowMs
    this.#installed = undefined
    // Ending a session that hangs may hang as well, so it is not waited for.
    for (const old of [this.#sessions, this.#listener]) void old?.end({ timeout: 0 }).catch(() => undefined)
    this.#sessions = this.#connect({ max: SESSIONS })
    this.#startListening()
  }

  #startListening(): void {
    this.#hears = false
    this.#fetchLater()
    const listener = this.#connect({
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      onclose: () => {
        if (this.#listener !== listener) return
        this.#hears = false
        this.#fetchLater()
        this.#listenLater(listener)
      },
      // The driver's sql.listen() uses the same hook, but tries to reconnect only once.
      ...{ onnotify: (_: string, message: string) => this.#heard(message) },
    })
    this.#listener = listener
    listener.unsafe(`listen "${this.#channel}"`).then(
      () => this.#tryEcho(),
      () => this.#listenLater(listener),
    )
  }

  get #channel(): string {
    return this.#channelPrefix + this.#options.sidecar
  }

  /** A pooler accepts LISTEN and never delivers. An echo that is lost is made up for by the next try. */
  #tryEcho(): void {
    this.#echo = `echo${++this.#echoes}`
    // A store that cannot be reached is noticed by the next report.
    this.#sessions.unsafe('select pg_notify($1, $2)', [this.#channel, this.#echo]).catch(() => undefined)
  }

  #fetchLater(): void {
    if (this.#isClosed) return
    this.#fetching ??= this.#clock.after(FETCH_EVERY_MS, () => {
      this.#fetching = undefined
      if (this.#hears) return
      this.#fetchLater()
      if (++this.#fetches % FETCHES_A_TRY === 0) this.#tryEcho()
      if (this.#busy.size > 0 && !this.#isFetching && this.#installed !== undefined) void this.#fetch()
    })
  }

  /** One at a time, however long it takes: a fetch that hangs ends with its session. */
  async #fetch(): Promise<void> {
    const { fleet, sidecar } = this.#options
    this.#isFetching = true
    try {
      const rows = await this.#sessions.unsafe('select spillway_news_v1($1, $2) as news', [fleet, sidecar])
      for (const { news } of rows) this.#heard(String(news))
    } catch {
      // The next report fails for the same reason, and says it.
    }
    this.#isFetching = false
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
    if (message === this.#echo) {
      this.#hears = true
      return
    }
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
