/**
 * The keys of the process itself, at the top level of tools.yaml, and those of `fleet`. Flags and environment variables
 * win over the file (process-settings.ts).
 */
import { parseAddress } from '../address.ts'
import { decimal, oneOf, text, textOrNumber } from '../fields.ts'
import { parseFleetName, parseStoreUrl, STORE_EXAMPLE } from '../store-url.ts'
import { asWritten, certain, toMs } from './convert.ts'
import { mapWith } from './map-of.ts'
import { given, NEEDED, processKey, section } from './row.ts'

const ADDRESS = { what: 'an address', example: '127.0.0.1:8080' }

const FLEET_NEEDED = {
  store: processKey({
    field: text(parseStoreUrl, { what: 'the URL of a store', example: STORE_EXAMPLE }),
    default: NEEDED,
    says: 'The store through which all sidecars of this fleet share one cap per tool: `redis://`, `rediss://` (TLS) or `postgres://`; `memory:` for a fleet of one.',
    setting: { fleet: { store: asWritten } },
    reload: 'restart',
  }),
}

const FLEET_OPTIONAL = {
  name: processKey({
    field: text(parseFleetName, { what: 'a name', example: 'production' }),
    default: given('default', 'most stores serve one fleet'),
    says: 'The name of the fleet. Sidecars of another name share the store and nothing else.',
    setting: { fleet: { name: asWritten } },
    reload: 'restart',
  }),
  leaseTtlSeconds: processKey({
    field: decimal({ from: 1, to: 600, example: 10 }),
    default: given(10, "a dead sidecar's slots are missing for ten seconds, and renewals cost little"),
    unit: 'seconds',
    says: 'When a sidecar has not reported for this time, the others get its slots.',
    setting: { fleet: { leaseTtlMs: toMs } },
    reload: 'restart',
  }),
  onStoreLoss: processKey({
    field: oneOf(['local-share', 'closed', 'open']),
    default: given('local-share', 'calls go on, near the cap'),
    says: 'What a sidecar does while the store does not answer. `local-share`: it goes on with cap / last known number of sidecars. `closed`: it refuses with STORE_UNAVAILABLE. `open`: it goes on with the whole cap.',
    setting: { fleet: { onStoreLoss: asWritten } },
    reload: 'restart',
  }),
}

export const PROCESS_KEYS = {
  listen: processKey({
    field: textOrNumber(parseAddress, ADDRESS),
    default: given('127.0.0.1:8080', 'a sidecar serves its own machine or pod only'),
    says: 'The address that agents call: `HOST:PORT`, `:PORT` for all interfaces, or `PORT` for this machine only.',
    setting: { listen: certain(parseAddress) },
    reload: 'restart',
    flag: '--listen',
    variable: 'SPILLWAY_LISTEN',
  }),
  admin: processKey({
    field: textOrNumber(parseAddress, ADDRESS),
    default: given('127.0.0.1:9090', 'reading needs no token, so only this machine may read'),
    says: 'The address of metrics, health and the admin API.',
    setting: { admin: certain(parseAddress) },
    reload: 'restart',
    flag: '--admin',
    variable: 'SPILLWAY_ADMIN',
  }),
  drainSeconds: processKey({
    field: decimal({ from: 0, to: 3600, example: 25 }),
    default: given(25, "below Kubernetes' 30 s between SIGTERM and SIGKILL"),
    unit: 'seconds',
    says: 'How long calls that run or wait may go on after SIGTERM.',
    setting: { drainMs: toMs },
    reload: 'at once',
    flag: '--drain-seconds',
  }),
  fleet: section({
    field: mapWith(
      { what: 'a map with at least store', example: `{ store: "${STORE_EXAMPLE}", name: production }` },
      FLEET_NEEDED,
      FLEET_OPTIONAL,
    ),
    says: 'One cap per tool for many sidecars; see docs/fleet.md. Without it a sidecar works on its own.',
    keys: { ...FLEET_NEEDED, ...FLEET_OPTIONAL },
    whole: { at: ['fleet'], reload: 'restart' },
  }),
}
