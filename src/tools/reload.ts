/**
 * Reloads the configuration of a running process: reads it, plans the changes, then applies them all. An invalid file
 * changes nothing; a valid one keeps queues and leases. A key that needs a restart keeps its running value, so that the
 * next reload still reports the difference.
 */
import { planReload } from '../config/reload.ts'
import type { Settings, ToolSettings } from '../config/settings.ts'
import type { Log } from '../observe/log.ts'
import type { Tools } from './tools.ts'

/** The configuration as it was read again; `problems` are lines for the operator. */
export type Reread =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] }

export interface ReloadParts {
  readonly tools: Tools
  /** Divides the connections of the process among these tools. */
  readonly allot: (tools: readonly ToolSettings[]) => void
  readonly reread: () => Reread
  readonly log: Log
}

export class Reload {
  readonly #parts: ReloadParts
  #settings: Settings

  constructor(settings: Settings, parts: ReloadParts) {
    this.#settings = settings
    this.#parts = parts
  }

  /** The settings in force. */
  get settings(): Settings {
    return this.#settings
  }

  /** `body` is the answer to POST /reload. */
  readonly run = (): { readonly ok: boolean; readonly body: object } => {
    const { tools, allot, log } = this.#parts
    const reread = this.#parts.reread()
    if (!reread.ok) {
      const { problems } = reread
      log('error', { reload: 'refused', problems: problems.length, first: problems[0] })
      return { ok: false, body: { reloaded: false, problems } }
    }
    const { settings } = reread
    const plan = planReload(this.#settings, settings)
    tools.apply(plan)
    allot(settings.tools)
    this.#settings = plan.settings
    const { added, changed, removed, needsRestart, takesEffect } = plan
    log('info', {
      reload: 'done',
      added: added.length,
      changed: changed.length,
      removed: removed.length,
      needs_restart: needsRestart.join(',') || undefined,
    })
    const body = {
      reloaded: true,
      added: added.map(({ tool }) => tool),
      changed: changed.map(({ tool, keys }) => ({ tool, keys })),
      removed,
      takes_effect: takesEffect,
      needs_restart: needsRestart,
    }
    return { ok: true, body }
  }
}
