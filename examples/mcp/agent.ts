/**
 * An agent loop: a model asks for six slow calls in one turn, reads the answers and acts on them. The function `decide`
 * stands for the model and gets only the text that a model would read. Run it with `node examples/mcp/agent.ts [URL]`.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

interface Call {
  readonly name: string
  readonly arguments: { readonly query: string }
}

interface Answer {
  readonly call: Call
  readonly text: string
}

const QUERIES = ['otters', 'herons', 'eels', 'newts', 'perch', 'voles']
const URL_OF_SPILLWAY = process.argv[2] ?? 'http://127.0.0.1:8180/search/mcp'

/** The model: it accepts an answer, and repeats a refused call with the tool that the refusal offers. */
function decide(answers: readonly Answer[]): readonly Call[] {
  return answers.flatMap(({ call, text }) => {
    const [, other] = /In its place you can use (\w+) now/.exec(text) ?? []
    return other === undefined ? [] : [{ ...call, name: other }]
  })
}

async function answer(client: Client, call: Call): Promise<Answer> {
  const startedAt = performance.now()
  const { content } = await client.callTool({ name: call.name, arguments: { ...call.arguments } })
  const [first] = content
  const text = first?.type === 'text' ? first.text : ''
  const ms = Math.round(performance.now() - startedAt)
  console.log(
    `  ${call.name}(${call.arguments.query}) after ${ms} ms\n    ${text.replaceAll('\n', '\n    ')}`,
  )
  return { call, text }
}

const client = new Client({ name: 'agent', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(new StreamableHTTPClientTransport(new URL(URL_OF_SPILLWAY)))
let calls: readonly Call[] = QUERIES.map((query) => ({ name: 'deep_research', arguments: { query } }))
for (let turn = 1; calls.length > 0; turn++) {
  console.log(`\nturn ${turn}: the model asks for ${calls.length} calls at once; it reads`)
  calls = decide(await Promise.all(calls.map((call) => answer(client, call))))
}
console.log('\nthe model has its answers')
await client.close()
