/**
 * A relay that passes bytes on unchanged between a client and Spillway and records every request and every 429. It passes
 * a 429 on when it is whole and the test's callback has ended, so that the effects of the callback come before the client
 * can know of its refusal. All times are of one monotonic clock, in milliseconds.
 */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface Attempt {
  /** The number of the connection, in the order in which they were opened. */
  readonly connection: number
  readonly method: string
  readonly atMs: number
}

export interface Refusal {
  readonly connection: number
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** The time just before the client could read the first byte of the refusal. */
  readonly atMs: number
}

export interface Relay extends AsyncDisposable {
  readonly port: number
  readonly attempts: readonly Attempt[]
  readonly refusals: readonly Refusal[]
}

interface Notes {
  readonly attempts: Attempt[]
  readonly refusals: Refusal[]
  readonly beforeRefusal: () => Promise<void>
}

const REQUEST = /^([A-Z]+) \S+ HTTP\/1\.1\r\n/
const REFUSAL = 'HTTP/1.1 429 '

/** Relays to the listener on `port`; `beforeRefusal` runs before each 429 is passed on. */
export async function startRelay(port: number, beforeRefusal: () => Promise<void>): Promise<Relay> {
  const notes: Notes = { attempts: [], refusals: [], beforeRefusal }
  const open = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    const sidecar = connect(port, '127.0.0.1')
    for (const socket of [client, sidecar]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => open.delete(socket))
    }
    pass(client, sidecar, { ...notes, connection: ++connections })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    attempts: notes.attempts,
    refusals: notes.refusals,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function pass(client: Socket, sidecar: Socket, notes: Notes & { readonly connection: number }): void {
  const { connection } = notes
  client.on('data', (chunk) => {
    const method = REQUEST.exec(chunk.toString('latin1'))?.[1]
    if (method !== undefined) notes.attempts.push({ connection, method, atMs: performance.now() })
    sidecar.write(chunk)
  })
  client.on('close', () => sidecar.destroy())
  let begun = ''
  let handedOn = Promise.resolve()
  const handOn = async (text: string, answer: Omit<Refusal, 'atMs' | 'connection'>): Promise<void> => {
    await notes.beforeRefusal()
    notes.refusals.push({ ...answer, connection, atMs: performance.now() })
    client.write(text, 'latin1')
  }
  sidecar.setEncoding('latin1').on('data', (text: string) => {
    if (begun === '' && !text.startsWith(REFUSAL)) {
      client.write(text, 'latin1')
      return
    }
    begun += text
    const answer = wholeAnswer(begun)
    if (answer === undefined) return
    // If the callback fails, the client gets no answer, and its connection is closed.
    handedOn = handOn(begun, answer).catch((error: unknown) => client.destroy(error as Error) as never)
    begun = ''
  })
  sidecar.on('close', () => void handedOn.then(() => client.end()))
}

/** The head and body of a whole answer; undefined while bytes are missing. */
function wholeAnswer(text: string): Omit<Refusal, 'atMs' | 'connection'> | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const lines = text.slice(0, headEnd).split('\r\n').slice(1)
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = text.slice(headEnd + 4)
  if (body.length < Number(headers.get('content-length'))) return undefined
  return { headers, body: Buffer.from(body, 'latin1').toString('utf8') }
}
