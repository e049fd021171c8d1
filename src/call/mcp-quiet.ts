/**
 * The passage of what goes beside the lanes: the figures of a lane are those of its calls, so only the end of such a
 * passage is told.
 */
import type { Passing } from './attempt.ts'

export interface Quiet {
  readonly passing: Passing
  /** Calls `done` once nothing of it runs any more. */
  readonly whenOver: (done: () => void) => void
}

export function quietly(passing: Passing): Quiet {
  const waiting: (() => void)[] = []
  let isOver = false
  const end = (): void => {
    isOver = true
    for (const done of waiting.splice(0)) done()
  }
  const quiet: Passing = {
    ...passing,
    emit: (_tool, event) => {
      if (event.kind === 'finished') end()
    },
    refuse: (...refusal) => {
      end()
      passing.refuse(...refusal)
    },
  }
  return { passing: quiet, whenOver: (done) => (isOver ? done() : void waiting.push(done)) }
}
