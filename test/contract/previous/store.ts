/**
 * The client side of the previous version: its Lua scripts and SQL functions, unchanged, behind today's port. In that
 * version a sidecar left by a script of its own. News are not read, because the tests compare answers only.
 */
import { readFileSync } from 'node:fs'
import { createClient } from '@redis/client'
import postgres from 'postgres'
import { allotmentFrom } from '../../../src/fleet/news.ts'
import type { Allotment, FleetStore, Report, StoreOptions } from '../../../src/fleet/store.ts'
import { MOST_SIDECARS } from '../../../src/fleet/store.ts'

const KEY_OUTLIVES_MS = 60_000
const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

export const PREVIOUS_FUNCTIONS = read('functions.sql')
export type OpenPrevious = (url: string, options: StoreOptions) => Promise<FleetStore>

export const previousOnRedis: OpenPrevious = async (url, { fleet, sidecar, ttlMs }) => {
  const [reportScript, leaveScript] = [read('report.lua'), read('leave.lua')]
  const client = createClient({ url })
  await client.connect()
  const prefix = `spillway:${fleet}:to:`
  const run = (script: string, tool: string, args: readonly (string | number)[]) =>
    client.eval(script, { keys: [`spillway:{${fleet}/${tool}}`], arguments: args.map(String) })
  return store(
    async ({ tool, cap, epoch, returned, held, want, order }) => {
      const numbers = [ttlMs, cap, epoch, returned, held, want, order]
      const more = [prefix, tool, MOST_SIDECARS, KEY_OUTLIVES_MS]
      return allotmentFrom(await run(reportScript, tool, [sidecar, ...numbers, ...more]))
    },
    ({ tool }) => run(leaveScript, tool, [sidecar, prefix, tool]),
    () => client.destroy(),
  )
}

/** Needs the functions of the previous version in the database. */
export const previousOnPostgres: OpenPrevious = (url, { fleet, sidecar, ttlMs }) => {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  const channel = `spillway_${fleet}_`
  return Promise.resolve(
    store(
      async ({ tool, cap, epoch, returned, held, want, order }) => {
        const rows =
          await sql`select * from spillway_report_v2(${fleet}, ${tool}, ${sidecar}, ${ttlMs}, ${cap},
          ${epoch}, ${returned}, ${held}, ${want}, ${order}, ${channel}, ${MOST_SIDECARS})`
        return allotmentFrom(Object.values(rows[0] ?? {}).map(Number))
      },
      ({ tool }) => sql`select spillway_leave_v1(${fleet}, ${tool}, ${sidecar}, ${channel})`,
      () => void sql.end({ timeout: 0 }),
    ),
  )
}

function store(
  report: (report: Report) => Promise<Allotment>,
  leave: (report: Report) => Promise<unknown>,
  close: () => void,
): FleetStore {
  return {
    report: async (said) => {
      if (!said.isLeaving) return report(said)
      await leave(said)
      return allotmentFrom([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    },
    listen: () => undefined,
    close: () => {
      close()
      return Promise.resolve()
    },
  }
}
