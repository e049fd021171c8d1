/**
 * The tool of the benchmark: node:http answers every request at once with 180 bytes of JSON. Prints its port.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY = JSON.stringify({
  ok: true,
  items: Array.from({ length: 20 }, (_, i) => i),
  note: 'x'.repeat(100),
})

const server = createServer((request, response) => {
  request.resume()
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(BODY.length) })
  response.end(BODY)
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
})
