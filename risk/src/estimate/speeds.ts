/** Two speeds of one haircut: new risk pays what is true now, what is already there is given time. */
import type { Defaults } from './defaults.ts'
import { exp, ln } from './elementary.ts'

const HOUR = 3600
const LN_2 = ln(2)

/** What the slow haircut moves to: a part of all of the past in calm times too, and never far below that. */
export function slowTargetOf(now: number, longRun: number, { speeds }: Defaults): number {
  const { stressWeight, floor } = speeds
  return Math.max((1 - stressWeight) * now + stressWeight * longRun, floor * longRun)
}

/** Up by so much an hour at most, down by half of the rest in a day. From zero nothing ever rises: whoever asks begins at what is never counted. */
export function stepSlow(before: number, target: number, seconds: number, { speeds }: Defaults): number {
  if (target >= before) return Math.min(target, before * exp((seconds / HOUR) * ln(speeds.upPerHour)))
  // A mean of both, and not target + part of the rest: so written it does not fall by a rounding where either rises.
  const left = halved(1, seconds, speeds.downHalfLife)
  return Math.min(before, Math.max(target, left * before + (1 - left) * target))
}

/** What is left of a value that halves in each half-life. */
export function halved(value: number, seconds: number, halfLife: number): number {
  return value * exp((-seconds / halfLife) * LN_2)
}
