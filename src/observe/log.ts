/**
 * Writes log lines: one object of fields, as JSON (pino) for machines or as logfmt for people. narrate.ts decides which
 * events get a line.
 */
import { pino } from 'pino'

export type Level = 'info' | 'warn' | 'error'

/** In the order in which they are shown. `undefined` leaves the field out. */
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>

export type Log = (level: Level, fields: Fields) => void

/** Takes finished lines. */
export interface LineSink {
  write(line: string): unknown
}

export function jsonLog(sink: LineSink, wallMs: () => number): Log {
  const logger = pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date(wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void sink.write(line) },
  )
  return (level, fields) => logger[level](fields)
}

/** `time=... key=value ...`, and `level=` only where it is not `info`. */
export function textLog(sink: LineSink, wallMs: () => number): Log {
  return (level, fields) => {
    const parts = [`time=${new Date(wallMs()).toISOString()}`]
    if (level !== 'info') parts.push(`level=${level}`)
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) parts.push(`${key}=${quoted(String(value))}`)
    }
    sink.write(`${parts.join(' ')}\n`)
  }
}

const NEEDS_QUOTES = /[\s"=\p{Cc}]|^$/u

function quoted(value: string): string {
  return NEEDS_QUOTES.test(value) ? JSON.stringify(value) : value
}
