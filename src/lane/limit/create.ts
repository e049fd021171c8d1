/**
 * Makes the law that the configuration names: the only file that knows all laws.
 */
import type { ControllerSettings } from '../settings.ts'
import { AdaptiveLimiter } from './adaptive.ts'
import { AimdLimiter } from './aimd.ts'
import { fixedLimiter } from './fixed.ts'
import { GradientLimiter } from './gradient.ts'
import type { Limiter } from './limiter.ts'

export function createLimiter(settings: ControllerSettings): Limiter {
  switch (settings.algorithm) {
    case 'aimd':
      return new AimdLimiter(settings)
    case 'gradient':
      return new GradientLimiter()
    case 'adaptive':
      return new AdaptiveLimiter()
    case 'fixed':
      return fixedLimiter()
    default:
      return settings satisfies never
  }
}
