/**
 * Identifiers that give nothing away: ids for requests, and hashes in place of what callers are known by.
 */
import { hash, randomBytes } from 'node:crypto'

/** 128 bits that cannot be looked up in another process, nor turned back into what was hashed. */
export function saltedHash(): (text: string) => string {
  const salt = randomBytes(16).toString('base64url')
  return (text) => hash('sha256', salt + text, 'base64url').slice(0, 22)
}

const PROCESS = randomBytes(9).toString('base64url')
let count = 0

/** Unlike any other process's, and cheap: a random part once, a count for each request. */
export function newRequestId(): string {
  return `${PROCESS}-${(++count).toString(36)}`
}
