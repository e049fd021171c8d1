/**
 * A name server on a free UDP port of loopback, for A and AAAA questions only. A test decides its answers and may change
 * them at any time.
 */
import { createSocket } from 'node:dgram'
import { writeFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'

export type Said =
  | { readonly addresses: readonly string[]; readonly ttlSeconds?: number; readonly afterMs?: number }
  | 'no such name'
  | 'failure'
  | 'nothing'

export interface NameServer extends AsyncDisposable {
  readonly port: number
  /** Names in lower case, with the type asked for: `tool.test A`. */
  readonly asked: readonly string[]
  /** Decides the answer for a name; with `nothing` none is sent. */
  says: (name: string) => Said
  /** Writes a resolv.conf that names this server, with further lines; returns its path. */
  writeResolvConf(path: string, more?: string): Promise<string>
}

const TYPE_A = 1
const TYPE_AAAA = 28
const HEADER_BYTES = 12
const NO_SUCH_NAME = 3
const FAILURE = 2

export async function nameServer(says: (name: string) => Said): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, { port, address }) => {
    const { name, type, end } = read(question)
    asked.push(`${name} ${type === TYPE_AAAA ? 'AAAA' : 'A'}`)
    const said = server.says(name)
    if (said === 'nothing') return
    const answer = reply(question.subarray(0, end), type, said)
    const afterMs = typeof said === 'object' ? (said.afterMs ?? 0) : 0
    setTimeout(() => socket.send(answer, port, address, () => undefined), afterMs)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  const server: NameServer = {
    port,
    asked,
    says,
    async writeResolvConf(path, more = '') {
      await writeFile(path, `nameserver [127.0.0.1]:${port}\n${more}`)
      return path
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  }
  return server
}

function read(question: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: question.readUInt16BE(at + 1), end: at + 5 }
}

function reply(question: Buffer, type: number, said: Exclude<Said, 'nothing'>): Buffer {
  const head = Buffer.from(question)
  const code = said === 'no such name' ? NO_SUCH_NAME : said === 'failure' ? FAILURE : 0
  const all = typeof said === 'object' ? said.addresses : []
  const addresses = all.filter((each) => isIPv4(each) === (type === TYPE_A))
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  const ttlSeconds = typeof said === 'object' ? (said.ttlSeconds ?? 60) : 0
  return Buffer.concat([head, ...addresses.map((address) => record(address, type, ttlSeconds))])
}

function record(address: string, type: number, ttlSeconds: number): Buffer {
  const data = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6(address)
  const head = Buffer.alloc(12)
  // A pointer to the name in the question.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttlSeconds, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function ipv6(address: string): Buffer {
  const [before = '', after] = address.split('::')
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'))
  const [start, end] = [groups(before), groups(after)]
  const all = [...start, ...Array<string>(8 - start.length - end.length).fill('0'), ...end]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
