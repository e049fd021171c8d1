/**
 * `spillway healthcheck`: asks a running proxy's admin listener whether it is up. For a container's HEALTHCHECK, so it
 * does not need a valid configuration: an address from flag, environment or file, else the default.
 */
import { readSettings } from '../config/load.ts'
import { formatAddress } from '../config/address.ts'
import { readProcessSettings } from '../config/process-settings.ts'
import type { Address } from '../config/settings.ts'
import type { Typed } from './arguments.ts'
import { EXIT } from './exit.ts'
import type { ExitCode } from './exit.ts'

/** The addresses that mean every interface, and how this host calls itself. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
/** Milliseconds to wait for the answer. */
const TIMEOUT_MS = 3000

export async function healthcheck(typed: Typed): Promise<ExitCode> {
  const { host, port } = adminAddress(typed)
  const callable = formatAddress({ host: LOOPBACK_OF[host] ?? host, port })
  const url = `http://${callable}/healthz`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    process.stdout.write(`${url} ${response.status}\n`)
    return response.ok ? EXIT.ok : EXIT.failure
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    process.stderr.write(`${url} does not answer: ${cause}\n`)
    return EXIT.failure
  }
}

function adminAddress({ config: file, flags }: Typed): Address {
  const parsed = readSettings({ file, env: process.env, flags })
  if (parsed.ok) return parsed.settings.admin
  return readProcessSettings({}, process.env, flags).admin.value
}
