/**
 * Status codes and the bytes of response heads are written in src/reply/ only. Reading the status of a tool's answer is
 * free everywhere.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read, SOURCES } from './tree.ts'

const CODE = String.raw`\b[1-5]\d\d\b`

/** How a status or a response head can be written in source. */
const WRITTEN: readonly RegExp[] = [
  // writeHead(202), writeHead(isOk ? 200 : 503)
  new RegExp(String.raw`\bwriteHead\([^,){]*${CODE}`),
  // { status: 404 }, status = 404, { status: isOk ? 200 : 503 }, { statusCode: 404 }
  new RegExp(String.raw`\bstatus(?:Code)?\s*[:=](?!=)[^,;}=]*${CODE}`),
  // json(400, ...), refuse(503)
  new RegExp(String.raw`\b(?:json|text|html|send|answer|reply|refuse|respond)\([^,)]*${CODE}\s*[,)]`),
  // response.statusCode = status
  /\.status(?:Code|Message)\s*=(?!=)/,
  // A status line
  /['"`]HTTP\/\d\.\d (?!is|and|or)/,
  // A head put together from lines
  /\.join\(['"`](?:\\r)?\\n['"`]\).*\\r\\n\\r\\n/,
]

/** Not Spillway's answers: the demo's own tool, and the head of a request that is parsed again. */
const OTHERS: readonly RegExp[] = [/^src\/cli\/demo\//]
const REQUEST_HEAD = "return Buffer.from(`${lines.join('\\r\\n')}\\r\\n\\r\\n`, 'latin1')"

function findingsIn(file: string, source: string): string[] {
  if (file.startsWith('src/reply/') || OTHERS.some((each) => each.test(file))) return []
  return withoutComments(source)
    .split('\n')
    .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
    .filter(({ line }) => WRITTEN.some((pattern) => pattern.test(line)))
    .filter(({ line }) => !(file === 'src/listen/head.ts' && line.trim() === REQUEST_HEAD))
    .map(({ line, at }) => `${at} ${line.trim()}`)
}

/** Line breaks stay, so that line numbers stay. */
function withoutComments(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/^\s*\/\/.*$/gm, '')
}

test('status codes and response heads are written in src/reply/ only', () => {
  assert.deepEqual(
    SOURCES.flatMap((file) => findingsIn(file, read(file))),
    [],
  )
})

const PLANTED: readonly string[] = [
  'response.writeHead(202).end()',
  'response.writeHead(isOk ? 200 : 503, headers)',
  "response.writeHead(503, { 'Retry-After': '5' })",
  "return { status: 403, problem: 'no' }",
  'return { status: isOk ? 200 : 503 }',
  'const status = 404',
  'response.statusCode = status',
  "response.statusMessage = 'No'",
  "return json(404, { error: 'no' })",
  'return json(isOk ? 200 : 422, body)',
  "return text(200, 'yes')",
  "socket.write('HTTP/1.1 101 Switching Protocols')",
  'const lines = [`HTTP/1.1 ${status} ${phrase}`]',
  "return `${lines.join('\\r\\n')}\\r\\n\\r\\n`",
]

const FREE: readonly string[] = [
  'if (status === 429 || status >= 500) return "dropped"',
  'const isWithoutBody = status === 204 || status === 304',
  'response.writeHead(head.status, head.text, head.headers)',
  '// A 404 of the tool: status: 404',
  "throw new Error('only HTTP/1.1 is spoken here')",
]

test('a status or a response head that is written elsewhere is found', () => {
  for (const line of PLANTED) assert.equal(findingsIn('src/call/planted.ts', `\n${line}`).length, 1, line)
  for (const line of PLANTED) assert.deepEqual(findingsIn('src/reply/planted.ts', line), [], line)
})

test('reading a status is free', () => {
  for (const line of FREE) assert.deepEqual(findingsIn('src/upstream/planted.ts', line), [], line)
})
