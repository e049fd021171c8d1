/**
 * The keys of `controller`: which control law moves a lane's limit, and the figures of `aimd`, which are the seed
 * document's. The other laws have no figures to set.
 */
import type { ControllerSettings } from '../../lane/settings.ts'
import { decimal, oneOf, seconds, whole } from '../fields.ts'
import { asWritten, toMs } from './convert.ts'
import { mapOf } from './map-of.ts'
import { given, section, toolKey } from './row.ts'

const MOST_LEASES = 10_000
const HOUR_MS = 3_600_000
const SEED = "the seed document's figure"

const CONTROLLER_KEYS = {
  algorithm: toolKey({
    field: oneOf(['adaptive', 'aimd', 'gradient', 'fixed']),
    default: given('adaptive', 'it beats the others in bench/control'),
    says: "The law that moves the limit. `fixed`: only the configuration and operators move it. Where it is not written, any of `aimd`'s figures means `aimd`.",
    setting: { lane: { controller: { algorithm: algorithmAlone } } },
    reload: 'at once',
  }),
  decreaseAboveP95Ms: toolKey({
    field: decimal({ from: 1, to: HOUR_MS, example: 4000 }),
    default: given(4000, SEED),
    unit: 'milliseconds',
    says: 'A window whose p95 is above this takes `decreaseBy` off the limit.',
    setting: { lane: { controller: { decreaseAboveP95Ms: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  increaseBelowP95Ms: toolKey({
    field: decimal({ from: 0, to: HOUR_MS, example: 1200 }),
    default: given(1200, SEED),
    unit: 'milliseconds',
    says: 'A window whose p95 is below this may add `increaseBy` to the limit.',
    setting: { lane: { controller: { increaseBelowP95Ms: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  halveAboveErrorRate: toolKey({
    field: decimal({ from: 0, to: 1, example: 0.1 }),
    default: given(0.1, SEED),
    unit: 'share of calls',
    says: 'A window with a larger share of failed calls halves the limit.',
    setting: { lane: { controller: { halveAboveErrorRate: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  increaseBelowErrorRate: toolKey({
    field: decimal({ from: 0, to: 1, example: 0.02 }),
    default: given(0.02, SEED),
    unit: 'share of calls',
    says: 'The limit grows only after a window with a smaller share of failed calls.',
    setting: { lane: { controller: { increaseBelowErrorRate: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  decreaseBy: toolKey({
    field: whole({ from: 1, to: MOST_LEASES, example: 2 }),
    default: given(2, SEED),
    unit: 'calls',
    says: 'How much a slow window takes off the limit.',
    setting: { lane: { controller: { decreaseBy: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  increaseBy: toolKey({
    field: whole({ from: 1, to: MOST_LEASES, example: 1 }),
    default: given(1, SEED),
    unit: 'calls',
    says: 'How much a fast window adds to the limit.',
    setting: { lane: { controller: { increaseBy: asWritten } } },
    reload: 'at once',
    under: 'aimd',
  }),
  windowSeconds: toolKey({
    field: seconds({ to: 3600, example: 2 }),
    default: given(2, SEED),
    unit: 'seconds',
    says: 'The shortest window. A window also needs enough calls.',
    setting: { lane: { controller: { windowMs: toMs } } },
    reload: 'at once',
    under: 'aimd',
  }),
}

export const CONTROLLER = section({
  field: mapOf({ what: 'a map', example: '{ algorithm: aimd }' }, CONTROLLER_KEYS),
  says: 'How the limit of the lane moves.',
  keys: CONTROLLER_KEYS,
})

/** For the compiler any one of the laws: the figures of `aimd` come from their own rows. */
function algorithmAlone(algorithm: ControllerSettings['algorithm']) {
  return algorithm as never
}
