/**
 * docs/configuration.md, out of the rows of the configuration keys. Pure.
 */
import { PROCESS_KEYS } from '../../src/config/keys/process.ts'
import { RELOAD_EFFECTS } from '../../src/config/keys/row.ts'
import type { Default, Key, Part, ReloadEffect, Section } from '../../src/config/keys/row.ts'
import { TOOL_KEYS } from '../../src/config/keys/tool.ts'
import { FILE_PARTS } from '../../src/config/schema.ts'

/** One line of a table. */
export interface Line {
  readonly key: string
  readonly row: Key | Part
  readonly reload: ReloadEffect | undefined
}

export const PROCESS_LINES: readonly Line[] = [...linesOf(PROCESS_KEYS), ...linesOf(FILE_PARTS)]
export const TOOL_LINES: readonly Line[] = linesOf(TOOL_KEYS)

export function page(): string {
  return [
    '# The configuration',
    '',
    'Every key of `tools.yaml`. The page is written by `npm run docs` from the rows in `src/config/keys/`, which the program itself reads; `test/repo/configuration.test.ts`',
    'compares the two. The [README](../README.md#configuration) has the same keys in short, and what they mean together.',
    '',
    'A value that is not written comes from `defaults`, else it is the default of this page. Flags and environment variables win over the file.',
    '',
    'A reload (`SIGHUP`, or `POST /reload` at the admin address) reads the file again. The column "reload" says from when a changed value counts:',
    '',
    '| reload | a changed value |',
    '|---|---|',
    ...Object.entries(RELOAD_EFFECTS).map(([effect, meaning]) => `| ${effect} | ${meaning} |`),
    '',
    '## The process',
    'These keys stand at the top level; those of `fleet` stand in its map.',
    '',
    ...table(PROCESS_LINES),
    '',
    '## A tool',
    'These keys stand in a tool, and all but `upstream`, `match` and `mcp` also in `defaults`. `controller.algorithm` is the key `algorithm` in the map `controller`.',
    '',
    ...table(TOOL_LINES),
    '',
  ].join('\n')
}

/** A default as it stands in a table, without its quotes; empty where there is none. */
export function shownDefault(fallback: Default<unknown>): string {
  switch (fallback.kind) {
    case 'given':
      return shown(fallback.value)
    case 'same as':
      return fallback.key
    case 'none':
      return fallback.shown
    case 'needed':
      return ''
  }
}

function table(lines: readonly Line[]): string[] {
  return [
    '| key | value | default | unit | reload | meaning |',
    '|---|---|---|---|---|---|',
    ...lines.map(({ key, row, reload }) => {
      const cells = [`\`${key}\``, row.field.expected, defaultCell(row), row.unit ?? '', reload ?? '']
      return `| ${[...cells, meaning(row)].join(' | ')} |`
    }),
  ]
}

function defaultCell(row: Key | Part): string {
  if (row.default.kind === 'needed') return 'has to be written'
  const plain = withReason(row.default)
  return 'withMcp' in row ? `${plain}<br>with \`mcp\` ${withReason(row.withMcp)}` : plain
}

function withReason(fallback: Default<unknown>): string {
  const text = shownDefault(fallback)
  const quoted = text === '' || text.includes('`') ? text : `\`${text}\``
  return 'reason' in fallback ? `${quoted}: ${fallback.reason}` : quoted
}

function meaning(row: Key | Part): string {
  const names = 'at' in row ? [row.flag, row.variable].filter((name) => name !== undefined) : []
  const overrides = names.map((name) => `\`${name}\``).join(', ')
  return overrides === '' ? row.says : `${row.says} ${overrides}.`
}

function linesOf(rows: Readonly<Record<string, Key | Section | Part>>): Line[] {
  return Object.entries(rows).flatMap(([key, row]): Line[] => {
    if (!('kind' in row)) return [{ key, row, reload: undefined }]
    if (row.kind === 'section') {
      return linesOf(row.keys).map((line) => ({ ...line, key: `${key}.${line.key}` }))
    }
    const prefix = key === 'match' ? 'match[]' : key
    const parts = Object.entries(row.parts ?? {}).map(([name, part]): Line => ({
      key: `${prefix}.${name}`,
      row: part,
      reload: row.reload,
    }))
    return [{ key, row, reload: row.reload }, ...parts]
  })
}

/** A value as YAML writes it on one line. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).map(([key, each]) => `${key}: ${shown(each)}`)
  return `{ ${entries.join(', ')} }`
}
