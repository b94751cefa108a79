/** What is remembered of a market after each bar: its variance over several spans, the hour of the week, its last falls. */
import type { Candle } from './candle.ts'
import { lossOf } from './candle.ts'
import type { Defaults } from './defaults.ts'
import { exp, ln } from './elementary.ts'
import { rollingMean } from './rolling.ts'
import { seasonOf } from './season.ts'

export type Memory = {
  /** Garman and Klass's variance of the bar, and of a jump at its opening, by what its hour of the week is wont to have. */
  readonly variance: number
  /** The share lost since the bar before, if there was one without a gap. */
  readonly loss: number | undefined
  /** Logarithms of the mean of such variances over each of the spans. */
  readonly logs: readonly number[]
  /** The same over a year: what is usual. */
  readonly usual: number
  /** What the hour of the week that comes adds to them. */
  readonly season: number
  /** The last hour's and the last day's return in deviations of the last day, where it was a fall; else zero. */
  readonly falls: readonly [hour: number, day: number]
}

const HOUR = 3600
/** The last day's place among the spans, and its hours. */
const DAY = 3
const HOURS_OF_DAY = 24
/** 2 ln 2 - 1 */
const GARMAN_KLASS = 0.38629436111989057

/** Told bar by bar, in order; nothing until there are as many as the least, nor where a bar says nothing. */
export function memoryOf({ estimator }: Defaults): (candle: Candle) => Memory | undefined {
  const variances = estimator.spans.map(rollingMean)
  const year = rollingMean(estimator.usual)
  const season = seasonOf(estimator.seasonWeeks)
  const quietest = estimator.quietest * estimator.quietest
  const closes = new Float64Array(HOURS_OF_DAY + 1)
  let before: Candle | undefined
  let bars = 0
  return (candle) => {
    const last = before
    before = candle
    const follows = last !== undefined && candle.time - last.time === HOUR
    // An hour after a gap that has one price alone says nothing of how wild it was: where nobody looked it is not calm.
    if (!follows && candle.high === candle.low) {
      closes.fill(candle.close)
      return undefined
    }
    const opened = follows && last ? ln(candle.open / last.close) : 0
    const range = ln(candle.high / candle.low)
    const moved = ln(candle.close / candle.open)
    const whole = Math.max(quietest, (range * range) / 2 - GARMAN_KLASS * moved * moved + opened * opened)
    const variance = whole * exp(-season.of(candle.time))
    const meanOf = (span: number) => Math.max(quietest, variances[span]!.mean())
    if (bars >= HOURS_OF_DAY) season.add(candle.time, ln(whole / meanOf(DAY)))
    for (const one of [...variances, year]) one.add(variance)
    // The closes of the last day, newest last; a gap forgets them.
    if (!follows) closes.fill(candle.close)
    closes.copyWithin(0, 1)
    closes[HOURS_OF_DAY] = candle.close
    bars += 1
    if (bars < estimator.least / 2) return undefined
    const daily = Math.sqrt(meanOf(DAY))
    const fallFrom = (close: number) => Math.min(0, candle.close / close - 1)
    return {
      variance,
      loss: follows && last ? lossOf(last.close, candle.close) : undefined,
      logs: variances.map((_, span) => ln(meanOf(span))),
      usual: ln(Math.max(quietest, year.mean())),
      season: season.of(candle.time + HOUR),
      falls: [fallFrom(closes[HOURS_OF_DAY - 1]!) / daily, fallFrom(closes[0]!) / (daily * Math.sqrt(HOURS_OF_DAY))],
    }
  }
}
