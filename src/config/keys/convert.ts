/**
 * How a value as written becomes a setting: the functions that several rows share. Pure.
 */
import type { Parsed } from '../problems.ts'

export function asWritten<Value>(value: Value): Value {
  return value
}

export function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}

/** What `parse` makes of a value that the row's schema has checked with the same `parse`. */
export function certain<Written, Value>(parse: (written: Written) => Parsed<Value>) {
  return (written: Written | undefined): Value => {
    const parsed = written === undefined ? undefined : parse(written)
    if (parsed?.ok !== true) throw new Error('a value that the schema refuses became a setting')
    return parsed.value
  }
}
