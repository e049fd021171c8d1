/**
 * The judge reports the violations of two bad proxies: one relays bytes unread, the other answers without asking the tool.
 */
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { Proxy } from './proxies.ts'
import { CASES, Placement } from './table.ts'

/** A proxy that handles each connection of a caller with `onCaller`. */
async function proxyOf(onCaller: (caller: Socket) => void): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const server = createServer((caller) => {
    sockets.add(caller)
    caller.on('error', () => caller.destroy())
    onCaller(caller)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    name: 'test',
    version: '0',
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function problemsOf(
  name: string,
  onCaller: (caller: Socket, toolPort: number) => void,
): Promise<string> {
  await using placement = await Placement.of(CASES.filter((one) => one.name === name))
  const [port = 0] = placement.tools.values()
  await using proxy = await proxyOf((caller) => onCaller(caller, port))
  const [judged] = await placement.run(proxy)
  return judged?.problems.join('; ') ?? 'it did not run'
}

function relay(caller: Socket, toolPort: number): void {
  const tool = connect(toolPort, '127.0.0.1')
  tool.on('error', () => caller.destroy())
  caller.on('close', () => tool.destroy())
  caller.pipe(tool).pipe(caller)
}

test('the judge reports the malformed bytes that a plain relay passes on', async () => {
  assert.equal(await problemsOf('a connection lasts', relay), '')
  assert.match(await problemsOf('Content-Length +3', relay), /the tool got a bad Content-Length/)
  assert.match(await problemsOf('a field that Connection names', relay), /the tool sees x-a/)
  assert.match(await problemsOf('Connection: close', relay), /the connection goes on/)
  assert.match(await problemsOf('a bare CR in a value', relay), /the tool got a bad field line/)
  assert.match(await problemsOf('two Hosts', relay), /the tool saw 1 requests in place of 0/)
  assert.match(await problemsOf('the status line HTTP/1.1 20 OK', relay), /the caller got a bad status line/)
  assert.match(await problemsOf('an unrequested 101', relay), /2 answers in place of 0/)
})

test('the judge reports answers that do not come from the tool', async () => {
  const forAll = 'HTTP/1.1 200 OK\r\nX-For: somebody\r\nContent-Length: 4\r\n\r\nevil'
  const problems = await problemsOf('a connection lasts', (caller) => {
    caller.on('data', () => caller.write(forAll))
  })
  assert.match(problems, /the tool saw 0 requests in place of 1/)
  assert.match(problems, /the next caller got what is not its own/)
})
