/**
 * The tools.yaml for `spillway --upstream URL [--concurrency N]`, and the name of its one tool. Accepts any text,
 * because parseSettings checks the result. Print the result only after that: a refused URL may hold a password.
 */
import { TOOL_NAME } from './tool-name.ts'

const NAMELESS = 'tool'
/** Names inside a network, where the first label is the service: `search.default.svc.cluster.local`. */
const PRIVATE_ENDINGS = new Set(['local', 'internal', 'svc', 'test', 'lan', 'home', 'localdomain'])
/** Labels under which a registry gives out names: the tool at `example.co.uk` is called `example`, not `co`. */
const REGISTRY_LABELS = new Set(['co', 'com', 'net', 'org', 'gov', 'ac', 'edu'])
const PLAIN_URL = /^https?:\/\/[\w./~%:-]*[\w/]$/
const PLAIN_NAME = /^(?!(?:null|true|false)$)[a-z][a-z0-9-]*$/
const PLAIN_NUMBER = /^\d+$/

export function quickYaml(options: {
  readonly upstream: string
  readonly concurrency?: string | undefined
}): string {
  const { upstream, concurrency } = options
  const lines = [
    'tools:',
    `  ${scalar(nameOf(upstream), PLAIN_NAME)}:`,
    `    upstream: ${scalar(upstream, PLAIN_URL)}`,
    '    match: [{ path: / }]',
  ]
  if (concurrency !== undefined) lines.push(`    maxConcurrent: ${scalar(concurrency, PLAIN_NUMBER)}`)
  return `${lines.join('\n')}\n`
}

function nameOf(upstream: string): string {
  const host = URL.canParse(upstream) ? new URL(upstream).hostname : ''
  const labels = host.split('.').filter((label) => label !== '')
  const last = labels.at(-1) ?? ''
  // The last label of an IP address is a number or ends in a bracket.
  if (last === 'localhost' || /^\d*$|\]$/.test(last)) return NAMELESS
  const name = PRIVATE_ENDINGS.has(last) ? labels[0] : publicName(labels)
  return name !== undefined && TOOL_NAME.test(name) ? name : NAMELESS
}

function publicName(labels: readonly string[]): string | undefined {
  const second = labels.at(-2)
  if (second === undefined) return labels[0]
  const isRegistry = labels.length > 2 && labels.at(-1)?.length === 2 && REGISTRY_LABELS.has(second)
  return isRegistry ? labels.at(-3) : second
}

/** A JSON string is a YAML string, so typed text cannot become a key or a list. */
function scalar(text: string, plain: RegExp): string {
  return plain.test(text) ? text : JSON.stringify(text)
}
