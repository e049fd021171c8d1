/**
 * `spillway run`: reads the configuration, starts the proxy and follows signals. Resolves with the exit code when the
 * proxy has stopped.
 */
import { parseSettings, readSettings } from '../config/load.ts'
import { formatProblem } from '../config/problems.ts'
import { quickYaml } from '../config/quick.ts'
import type { Settings } from '../config/settings.ts'
import { jsonLog, textLog } from '../observe/log.ts'
import type { Log } from '../observe/log.ts'
import { showError } from '../observe/internal-error.ts'
import { Sidecar } from '../sidecar.ts'
import { systemClock } from '../time/system.ts'
import type { Typed } from './arguments.ts'
import { EXIT } from './exit.ts'
import type { ExitCode } from './exit.ts'
import { openFileLimit } from './open-files.ts'

export async function run(typed: Typed): Promise<ExitCode> {
  const parsed = read(typed)
  if (!parsed.ok) {
    for (const problem of parsed.problems) process.stderr.write(`${problem}\n`)
    process.stderr.write(`${parsed.problems.length} problem(s); nothing was started\n`)
    return EXIT.configuration
  }
  if (typed.upstream !== undefined) {
    const { upstream, concurrency } = typed
    process.stderr.write(`# the equivalent tools.yaml\n${quickYaml({ upstream, concurrency })}`)
  }
  // When the reader of the log is gone, writing fails. That must not end the proxy.
  process.stdout.on('error', () => undefined)
  const isText = typed.log === undefined ? process.stdout.isTTY : typed.log === 'text'
  const log = (isText ? textLog : jsonLog)(process.stdout, systemClock.wallMs)
  const sidecar = new Sidecar({
    settings: parsed.settings,
    clock: systemClock,
    random: Math.random,
    log,
    token: process.env['SPILLWAY_ADMIN_TOKEN'],
    openFiles: openFileLimit(),
    reread: () => read(typed),
  })
  const signals = listenForSignals(() => sidecar.reload())
  const trouble = listenForTrouble(log)
  try {
    const { listen, admin } = await sidecar.start()
    log('info', {
      msg: 'listening',
      listen: `${listen.host}:${listen.port}`,
      admin: `${admin.host}:${admin.port}`,
      tools: parsed.settings.tools.map(({ tool }) => tool).join(','),
    })
  } catch (error) {
    signals.close()
    return startFailed(error, log)
  }
  const result = await Promise.race([stop(sidecar, signals), trouble])
  // After an unexpected error the state is unknown, so the proxy is not closed in order.
  if (result === EXIT.failure) return result
  await Promise.race([sidecar.close(), trouble])
  signals.close()
  return result
}

/**
 * Logs an error that belongs to no call, and resolves with the exit code: the process ends, and a supervisor starts
 * another one. An error inside a call ends that call only (call/call.ts).
 */
function listenForTrouble(log: Log): Promise<ExitCode> {
  return new Promise((resolve) => {
    const onTrouble = (thrown: unknown, origin = 'unhandledRejection'): void => {
      const { error, message, stack } = showError(thrown)
      try {
        log('error', { fatal: error, msg: message, origin, stack, remedy: 'please report this bug' })
      } finally {
        resolve(EXIT.failure)
      }
    }
    process.on('uncaughtException', onTrouble)
    process.on('unhandledRejection', (reason) => onTrouble(reason))
  })
}

/** The first signal starts the drain, the second one ends the process at once. */
async function stop(sidecar: Sidecar, signals: Signals): Promise<ExitCode> {
  await signals.next()
  const second = signals.next().then(() => 'cut short' as const)
  const result = await Promise.race([sidecar.drain(), second])
  return result === 'finished' ? EXIT.ok : EXIT.drainRanOut
}

type ReadResult = { ok: true; settings: Settings } | { ok: false; problems: readonly string[] }

function read({ config: file, flags, upstream, concurrency }: Typed): ReadResult {
  const { env } = process
  const parsed =
    upstream === undefined
      ? readSettings({ file, env, flags })
      : parseSettings({ text: quickYaml({ upstream, concurrency }), file: '--upstream', env, flags })
  return parsed.ok ? parsed : { ok: false, problems: parsed.problems.map(formatProblem) }
}

function startFailed(error: unknown, log: Log): ExitCode {
  const { code, message, port, address } = error as NodeJS.ErrnoException & {
    port?: number
    address?: string
  }
  if (code === 'EADDRINUSE') {
    const remedy = 'stop what listens there, or choose another with --listen or --admin'
    log('error', { msg: `the address ${address ?? ''}:${port ?? ''} is in use`, remedy })
    return EXIT.addressInUse
  }
  log('error', { msg: message, code })
  return EXIT.failure
}

/** Milliseconds. Under npm, Ctrl-C reaches the process twice, from the terminal and from npm: the second is ignored. */
const ECHO_MS = 100

interface Signals {
  /** Resolves with the next SIGTERM or SIGINT. */
  next(): Promise<void>
  close(): void
}

function listenForSignals(onHangup: () => void): Signals {
  let pending = 0
  const waiting: (() => void)[] = []
  let lastMs = -Infinity
  const onStop = (): void => {
    const nowMs = systemClock.nowMs()
    const isEcho = nowMs - lastMs < ECHO_MS
    lastMs = nowMs
    if (isEcho) return
    const resolve = waiting.shift()
    if (resolve === undefined) pending++
    else resolve()
  }
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onHangup)
  return {
    next: () =>
      new Promise((resolve) => {
        if (pending === 0) waiting.push(resolve)
        else {
          pending--
          resolve()
        }
      }),
    close: () => {
      process.off('SIGTERM', onStop).off('SIGINT', onStop).off('SIGHUP', onHangup)
    },
  }
}
