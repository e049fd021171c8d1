/**
 * Reads the repository for the tests in this folder: its files, the imports of a source file, and tables and code in Markdown.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Folders that are not part of the repository's sources. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'coverage'])

export function read(path: string): string {
  return readFileSync(ROOT + path, 'utf8')
}

/** Paths of all files below a folder, relative to the root, with `/` as separator. */
export function filesBelow(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name) || /\.(?:log|tgz)$/.test(entry.name)) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

/** Paths of all folders below a folder that contain files, relative to the root. */
export function foldersBelow(folder: string): string[] {
  const folders = new Set(filesBelow(folder).map((file) => file.slice(0, file.lastIndexOf('/'))))
  return [...folders].filter((each) => each !== folder)
}

export const SOURCES = filesBelow('src').filter((file) => file.endsWith('.ts'))

/** The specifiers that a source file imports: `from`, `import`, `import()`, and programs that the demo starts by name. */
export function importsOf(source: string): string[] {
  const named = /\bfrom '([^']+)'|\bimport '([^']+)'|\bimport\('([^']+)'\)/g
  const programs = /\bscriptBeside\('([^']+)'\)/g
  return [
    ...[...source.matchAll(named)].map((match) => match[1] ?? match[2] ?? match[3] ?? ''),
    ...[...source.matchAll(programs)].map((match) => `${match[1] ?? ''}.ts`),
  ]
}

/** The file that a relative specifier names. */
export function resolveFrom(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1)
}

/** The cells of the first table after a heading, without its header row. */
export function tableAfter(markdown: string, heading: string): string[][] {
  const at = markdown.indexOf(`${heading}\n`)
  if (at === -1) throw new Error(`there is no heading ${heading}`)
  const lines = markdown.slice(at).split('\n')
  const first = lines.findIndex((line) => line.startsWith('|'))
  const rest = lines.slice(first)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(2, end === -1 ? undefined : end).map(cellsOf)
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())
}

/** All inline code. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')
}

/** Fenced blocks of one language. */
export function blocksOf(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)
  return [...blocks].flatMap((match) => (match[1] === language ? [match[2] ?? ''] : []))
}
