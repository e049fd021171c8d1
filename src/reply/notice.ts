/**
 * Spillway's own answers that are no refusals: a message was accepted, a worker has its lease. Pure.
 */
import type { Answer } from './answer.ts'

/** To a message that asked for no answer, and to a call that its caller cancelled by such a message. */
export function accepted(): Answer {
  return { status: 202, headers: [], body: '' }
}

/** `lease` is what the worker sees of it; `id` is its part of the address where it is renewed and ended. */
export function leaseGranted(lease: object, id: string): Answer {
  const body = `${JSON.stringify(lease)}\n`
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'Location',
    `/leases/${id}`,
  ]
  return { status: 201, headers, body }
}
