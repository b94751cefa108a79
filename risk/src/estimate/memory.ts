/** What is remembered of a market after each bar: its variance over several spans, its last moves, the time of day. */
import type { Candle } from './candle.ts'
import { lossOf } from './candle.ts'
import type { Defaults } from './defaults.ts'
import { ln } from './elementary.ts'
import { rollingMean } from './rolling.ts'

export type Memory = {
  /** Garman and Klass's variance of the bar, and of a jump at its opening. */
  readonly variance: number
  /** The share lost since the bar before, if there was one without a gap. */
  readonly loss: number | undefined
  /** Logarithms of the mean variance over each of the spans. */
  readonly logs: readonly number[]
  /** The last hour's and the last day's return, in deviations of the last day. */
  readonly hour: number
  readonly day: number
  /** Logarithm of the volume of three hours by that of a month. */
  readonly volume: number
  /** Of the hour that comes: sine and cosine of the day and of half of it, and whether it is a weekend's. */
  readonly calendar: readonly number[]
}

const HOUR = 3600
/** 2 ln 2 - 1 */
const GARMAN_KLASS = 0.38629436111989057
/** Sine and cosine of each hour's angle: turned on by 15 degrees at a time. */
const ANGLES = anglesOf(24)

/** Told bar by bar, in order; nothing until there are as many as the least. */
export function memoryOf({ estimator }: Defaults): (candle: Candle) => Memory | undefined {
  const variances = estimator.spans.map(rollingMean)
  const [volumeNow, volumeUsual] = [rollingMean(3), rollingMean(720)]
  const quietest = estimator.quietest * estimator.quietest
  const closes = new Float64Array(25)
  let before: Candle | undefined
  let bars = 0
  return (candle) => {
    const last = before
    before = candle
    const follows = last !== undefined && candle.time - last.time === HOUR
    const opened = follows && last ? ln(candle.open / last.close) : 0
    const range = ln(candle.high / candle.low)
    const moved = ln(candle.close / candle.open)
    const variance = Math.max(quietest, (range * range) / 2 - GARMAN_KLASS * moved * moved + opened * opened)
    for (const one of variances) one.add(variance)
    volumeNow.add(candle.volume)
    volumeUsual.add(candle.volume)
    // The closes of the last day, newest last; a gap forgets them.
    if (!follows) closes.fill(candle.close)
    closes.copyWithin(0, 1)
    closes[24] = candle.close
    bars += 1
    if (bars < estimator.least / 2) return undefined
    const logs = variances.map((one) => ln(Math.max(quietest, one.mean())))
    const daily = Math.sqrt(Math.max(quietest, variances[3]!.mean()))
    const usual = volumeUsual.mean()
    return {
      variance,
      loss: follows && last ? lossOf(last.close, candle.close) : undefined,
      logs,
      hour: (candle.close / closes[23]! - 1) / daily,
      day: (candle.close / closes[0]! - 1) / (daily * Math.sqrt(24)),
      volume: usual > 0 ? ln((volumeNow.mean() + usual / 100) / (usual * 1.01)) : 0,
      calendar: calendarOf(candle.time + HOUR),
    }
  }
}

function calendarOf(time: number): number[] {
  const hours = (time - (time % HOUR)) / HOUR
  const [hour, days] = [hours % 24, (hours - (hours % 24)) / 24]
  // 1970 began on a Thursday.
  const weekday = (days + 4) % 7
  const [whole, half] = [ANGLES[hour]!, ANGLES[(2 * hour) % 24]!]
  return [whole.sine, whole.cosine, half.sine, half.cosine, weekday === 0 || weekday === 6 ? 1 : 0]
}

function anglesOf(parts: 24): { sine: number; cosine: number }[] {
  // sin and cos of 15 degrees
  const [sine, cosine] = [(Math.sqrt(6) - Math.sqrt(2)) / 4, (Math.sqrt(6) + Math.sqrt(2)) / 4]
  const angles = [{ sine: 0, cosine: 1 }]
  for (let i = 1; i < parts; i++) {
    const last = angles[i - 1]!
    angles.push({ sine: last.sine * cosine + last.cosine * sine, cosine: last.cosine * cosine - last.sine * sine })
  }
  return angles
}
