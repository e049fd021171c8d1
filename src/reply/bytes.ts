/**
 * A reply as the bytes of a whole answer, for a caller without a ServerResponse. The connection is closed after it.
 */
import type { Reason } from '../lane/reason.ts'
import type { Reply } from './refuse.ts'

export function bytesOf(reason: Reason, { status, headers, body }: Reply): string {
  const lines = [`HTTP/1.1 ${status} ${reason}`, 'Connection: close']
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i] ?? ''}: ${headers[i + 1] ?? ''}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
