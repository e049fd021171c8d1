/**
 * Reads a configuration text for a test: the settings, or the lines that an operator gets.
 */
import assert from 'node:assert/strict'
import { parseSettings } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'
import type { Settings, ToolSettings } from '../../src/config/settings.ts'
import type { Environment, Flags } from '../../src/config/process-settings.ts'

interface Around {
  readonly env?: Environment
  readonly flags?: Flags
}

export function problemsIn(text: string, { env = {}, flags = {} }: Around = {}): readonly string[] {
  const result = parseSettings({ text, file: 'tools.yaml', env, flags })
  return result.ok ? [] : result.problems.map(formatProblem)
}

export function settingsIn(text: string, around: Around = {}): Settings {
  const { env = {}, flags = {} } = around
  const result = parseSettings({ text, file: 'tools.yaml', env, flags })
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join('\n'))
  return result.settings
}

export function toolIn(text: string, name: string): ToolSettings {
  const found = settingsIn(text).tools.find(({ tool }) => tool === name)
  if (found === undefined) assert.fail(`no tool ${name}`)
  return found
}
