/**
 * The reference proxy: http-proxy 1.18.1 in its usual setup, with a keep-alive agent. Argument: the tool's URL.
 * Prints its port.
 */
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import httpProxy from 'http-proxy'

const target = process.argv[2]
const proxy = httpProxy.createProxyServer({ target, agent: new Agent({ keepAlive: true }) })
const server = createServer((request, response) => proxy.web(request, response, {}, () => response.destroy()))
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
})
