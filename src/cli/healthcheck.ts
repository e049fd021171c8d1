/**
 * `spillway healthcheck`: asks the admin listener of a running proxy whether it is up, for a container's HEALTHCHECK.
 * The configuration need not be valid: then the address comes from flag or environment, else it is the default.
 */
import { readSettings } from '../config/load.ts'
import { formatAddress } from '../config/address.ts'
import { readProcessSettings } from '../config/process-settings.ts'
import type { Address } from '../config/settings.ts'
import type { Typed } from './arguments.ts'
import { EXIT } from './exit.ts'
import type { ExitCode } from './exit.ts'

/** For each address that means every interface, the address at which this host reaches itself. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
/** Milliseconds to wait for the answer. A container's HEALTHCHECK may have a longer timeout. */
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
