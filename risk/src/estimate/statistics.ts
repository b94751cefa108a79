/** Whether haircuts did what they promised: counts, tests and what they cost. Every p-value is by the error function of elementary.ts. */
import { erfc, ln } from './elementary.ts'

/** Hour by hour, in order: the haircut said before, the share then lost by the close and at the low, and whether a fall came just before. */
export type Trial = {
  readonly haircuts: Float64Array
  readonly losses: Float64Array
  readonly lows: Float64Array
  readonly triggers: Uint8Array
}

export type Verdict = {
  readonly hours: number
  readonly misses: number
  readonly coverage: number
  /** How likely so many misses, and misses so close to each other, are by chance. */
  readonly kupiec: number
  readonly christoffersen: number
  readonly missAfterMiss: number
  readonly mean: number
  /** The mean, all haircuts times the one factor with which they would have missed as often as promised. */
  readonly equalCoverage: number
  /** Mean loss beyond those, over all hours; the worst beyond the haircuts as they were. */
  readonly shortfall: number
  readonly worstShortfall: number
  readonly pinball: number
  readonly triggerHours: number
  readonly triggerClose: number
  readonly triggerLow: number
  /** The greatest haircut by the least within 30 days: of the middle one of all such spans, and of the worst; the greatest rise within 24. */
  readonly peakToTrough: number
  readonly worstPeakToTrough: number
  readonly rise: number
}

const MONTH = 720
const DAY = 24
/** A haircut of nothing is taken for this when something is divided by it. */
const LEAST = 1e-9

/** Of at least one hour. */
export function judge(trial: Trial, alpha: number): Verdict {
  const { haircuts, losses, lows, triggers } = trial
  const hours = haircuts.length
  if (hours === 0) throw new RangeError('There is no hour to judge: give at least one.')
  const missed = haircuts.map((haircut, i) => (losses[i]! > haircut ? 1 : 0))
  const misses = sum(missed)
  const scale = scaleOf(trial, alpha)
  const mean = sum(haircuts) / hours
  const triggerHours = triggers.reduce((total, is) => total + is, 0)
  const share = (values: Float64Array) => {
    const count = values.reduce((total, value, i) => total + (triggers[i] === 1 && value > haircuts[i]! ? 1 : 0), 0)
    return triggerHours === 0 ? 1 : 1 - count / triggerHours
  }
  return {
    hours,
    misses,
    coverage: 1 - misses / hours,
    kupiec: kupiec(hours, misses, alpha),
    ...christoffersen(missed),
    mean,
    equalCoverage: scale * mean,
    shortfall: sum(losses.map((loss, i) => Math.max(0, loss - scale * haircuts[i]!))) / hours,
    worstShortfall: losses.reduce((most, loss, i) => Math.max(most, loss - haircuts[i]!), 0),
    pinball: sum(losses.map((loss, i) => pinball(loss - haircuts[i]!, 1 - alpha))) / hours,
    triggerHours,
    triggerClose: share(losses),
    triggerLow: share(lows),
    ...peakToTrough(haircuts, MONTH),
    rise: rise(haircuts, DAY),
  }
}

/** The cost of a quantile at `level` that is below the outcome by `rest`, or above it where that is negative. */
export function pinball(rest: number, level: number): number {
  return rest > 0 ? level * rest : (level - 1) * rest
}

/** Whether misses come as often as promised (Kupiec 1995): the p-value. */
export function kupiec(hours: number, misses: number, alpha: number): number {
  const rate = misses / hours
  const promised = times(hours - misses, 1 - alpha) + times(misses, alpha)
  const found = times(hours - misses, 1 - rate) + times(misses, rate)
  return pValue(2 * (found - promised))
}

/** Whether a miss makes the next one likelier (Christoffersen 1998): the p-value, and how often it followed. */
export function christoffersen(missed: Float64Array): { christoffersen: number; missAfterMiss: number } {
  const after = { calm: [0, 0], miss: [0, 0] }
  for (let i = 1; i < missed.length; i++) {
    const counts = missed[i - 1] === 1 ? after.miss : after.calm
    const next = missed[i] === 1 ? 1 : 0
    counts[next] = counts[next]! + 1
  }
  const [calmCalm = 0, calmMiss = 0] = after.calm
  const [missCalm = 0, missMiss = 0] = after.miss
  const rateOf = (no: number, yes: number) => (no + yes === 0 ? 0 : yes / (no + yes))
  const logLikelihood = (no: number, yes: number, rate: number) => times(no, 1 - rate) + times(yes, rate)
  const one = logLikelihood(calmCalm + missCalm, calmMiss + missMiss, rateOf(calmCalm + missCalm, calmMiss + missMiss))
  const two =
    logLikelihood(calmCalm, calmMiss, rateOf(calmCalm, calmMiss)) +
    logLikelihood(missCalm, missMiss, rateOf(missCalm, missMiss))
  return { christoffersen: pValue(2 * (two - one)), missAfterMiss: rateOf(missCalm, missMiss) }
}

/** The least factor on all haircuts with which a share of at most `alpha` of the hours is missed. */
export function scaleOf({ haircuts, losses }: Pick<Trial, 'haircuts' | 'losses'>, alpha: number): number {
  const ratios = losses.map((loss, i) => loss / Math.max(LEAST, haircuts[i]!)).sort()
  const allowed = (alpha * ratios.length) | 0
  return Math.max(0, ratios[ratios.length - 1 - allowed]!)
}

/** Over all spans that are whole; over what there is where it is less than one. */
export function peakToTrough(haircuts: Float64Array, span: number) {
  const greatest = slidingGreatest(haircuts, span)
  const least = slidingGreatest(
    haircuts.map((haircut) => -haircut),
    span,
  )
  const whole = Math.min(span, haircuts.length) - 1
  const ratios = greatest
    .map((high, i) => high / Math.max(LEAST, -least[i]!))
    .slice(whole)
    .sort()
  return { peakToTrough: ratios[ratios.length >> 1]!, worstPeakToTrough: ratios[ratios.length - 1]! }
}

/** The greatest haircut by the least of the `span` hours before it; at least 1. */
export function rise(haircuts: Float64Array, span: number): number {
  const least = slidingGreatest(
    haircuts.map((haircut) => -haircut),
    span + 1,
  )
  return haircuts.reduce((most, haircut, i) => Math.max(most, haircut / Math.max(LEAST, -least[i]!)), 1)
}

/** Of a chi-squared with one degree of freedom. */
function pValue(statistic: number): number {
  return erfc(Math.sqrt(Math.max(0, statistic) / 2))
}

/** n ln p, and nothing where n is. */
function times(count: number, chance: number): number {
  return count === 0 ? 0 : count * ln(chance)
}

/** At each place the greatest of the last `span` values. */
function slidingGreatest(values: Float64Array, span: number): Float64Array {
  const falling = new Int32Array(values.length)
  let [front, back] = [0, 0]
  return values.map((value, i) => {
    while (back > front && values[falling[back - 1]!]! <= value) back -= 1
    falling[back] = i
    back += 1
    if (falling[front]! <= i - span) front += 1
    return values[falling[front]!]!
  })
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
