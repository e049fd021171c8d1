/**
 * Conflicts within one lane, after its layers are merged: a lower bound above its upper bound, figures of another
 * algorithm. The complaint is about the value in the layer nearer to the tool. Must not know other tools (claims.ts).
 */
import { isAbove, PRIORITIES } from '../lane/priority.ts'
import { TOOL_ROWS } from './keys/list.ts'
import { effective } from './layers.ts'
import type { Effective } from './layers.ts'
import { formatPath, valueAt } from './paths.ts'
import type { Path } from './paths.ts'
import type { Complaint } from './problems.ts'
import type { Remains } from './schema.ts'
import type { Shape } from './shape.ts'

interface Order {
  readonly low: Path
  readonly high: Path
  /** Whether the two may be equal. */
  readonly mayMeet: boolean
  readonly algorithm?: 'aimd'
}

const ORDERS: readonly Order[] = [
  { low: ['minConcurrent'], high: ['maxConcurrent'], mayMeet: true },
  { low: ['minConcurrent'], high: ['startConcurrent'], mayMeet: true },
  { low: ['startConcurrent'], high: ['maxConcurrent'], mayMeet: true },
  { low: ['retryAfter', 'minSeconds'], high: ['retryAfter', 'maxSeconds'], mayMeet: true },
  {
    low: ['controller', 'increaseBelowP95Ms'],
    high: ['controller', 'decreaseAboveP95Ms'],
    mayMeet: false,
    algorithm: 'aimd',
  },
  {
    low: ['controller', 'increaseBelowErrorRate'],
    high: ['controller', 'halveAboveErrorRate'],
    mayMeet: true,
    algorithm: 'aimd',
  },
]

const ALGORITHM = ['controller', 'algorithm']

/** A value that the schema refused takes part in no conflict. */
export function laneConflicts(shape: Shape): readonly Complaint[] {
  const { tools, defaults } = shape.remains
  const ofTools = Object.keys(tools ?? {}).flatMap((tool) => {
    const algorithm = certain(shape, tool, ALGORITHM)?.value
    const orders = ORDERS.filter((order) => order.algorithm === undefined || order.algorithm === algorithm)
    return [
      ...orders.flatMap((order) =>
        outOfOrder(order, certain(shape, tool, order.low), certain(shape, tool, order.high)),
      ),
      ...overClaim(certain(shape, tool, ['priority', 'default']), certain(shape, tool, ['priority', 'max'])),
      ...idleFigures(shape.remains, ['tools', tool], algorithm),
    ]
  })
  const byDefault = defaults?.controller?.algorithm
  return [...ofTools, ...idleFigures(shape.remains, ['defaults'], byDefault)]
}

/** The value that counts. Undefined where the schema refused the value that would count. */
function certain({ remains, isRefused }: Shape, tool: string, key: Path): Effective | undefined {
  const found = effective(remains, tool, key)
  if (isRefused(['tools', tool, ...key])) return undefined
  return found?.depth !== 0 && isRefused(['defaults', ...key]) ? undefined : found
}

function outOfOrder(order: Order, low?: Effective, high?: Effective): readonly Complaint[] {
  if (typeof low?.value !== 'number' || typeof high?.value !== 'number') return []
  if (low.value < high.value || (order.mayMeet && low.value === high.value)) return []
  return low.depth <= high.depth ? aboutLow(order, low, high) : aboutHigh(order, low, high)
}

function aboutLow(order: Order, low: Effective, high: Effective): readonly Complaint[] {
  if (low.path === undefined) return []
  const [name, bound] = [formatPath(order.high), String(high.value)]
  const what = `${String(low.value)} is ${order.mayMeet ? 'above' : 'not below'} ${name}, which is ${bound}${origin(high)}`
  const remedy = `write ${order.mayMeet ? 'at most' : 'less than'} ${bound}, or raise ${name}`
  return [{ where: { kind: 'value', path: low.path }, what, remedy }]
}

function aboutHigh(order: Order, low: Effective, high: Effective): readonly Complaint[] {
  if (high.path === undefined) return []
  const [name, bound] = [formatPath(order.low), String(low.value)]
  const what = `${String(high.value)} is ${order.mayMeet ? 'below' : 'not above'} ${name}, which is ${bound}${origin(low)}`
  const remedy = `write ${order.mayMeet ? 'at least' : 'more than'} ${bound}, or lower ${name}`
  return [{ where: { kind: 'value', path: high.path }, what, remedy }]
}

function origin({ depth }: Effective): string {
  return ['', ' in defaults', ' by default'][depth] ?? ''
}

/** A `priority.default` above `priority.max`. The built-in default is no conflict: `priority.max` lowers it. */
function overClaim(byDefault?: Effective, max?: Effective): readonly Complaint[] {
  const [low, high] = [byDefault?.value, max?.value].map((value) => PRIORITIES.find((each) => each === value))
  if (byDefault?.path === undefined || max === undefined || low === undefined || high === undefined) return []
  if (!isAbove(low, high)) return []
  const what = `${low} is above priority.max, which is ${high}${origin(max)}`
  const remedy = `write ${high} or lower, or raise priority.max`
  return [{ where: { kind: 'value', path: byDefault.path }, what, remedy }]
}

/** Figures of one law under another law have no effect, which their writer has to know. */
function idleFigures(written: Remains, place: Path, algorithm: unknown): readonly Complaint[] {
  if (typeof algorithm !== 'string') return []
  return TOOL_ROWS.flatMap(({ path, key }): readonly Complaint[] => {
    const at = [...place, ...path]
    if (key.under === undefined || key.under === algorithm || valueAt(written, at) === undefined) return []
    const what = `does nothing under the algorithm ${algorithm}`
    return [{ where: { kind: 'key', path: at }, what, remedy: `remove it, or write algorithm: ${key.under}` }]
  })
}
