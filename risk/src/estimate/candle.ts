/** Bars as doubles, for estimators: what is counted in money stays in integers. */
import type { Series } from '../bars.ts'

export type Candle = {
  /** When it opened, seconds since 1970. */
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

const SCALE = 1e18

/** Each number as the nearest double. */
export function candlesOf(series: Series): Candle[] {
  const { opens, highs, lows, closes, start, interval } = series
  const at = (values: readonly bigint[], i: number) => Number(values[i] ?? 0n) / SCALE
  return closes.map((_, i) => ({
    time: start + i * interval,
    open: at(opens, i),
    high: at(highs, i),
    low: at(lows, i),
    close: at(closes, i),
  }))
}

/** The share of the price before that is lost at the price after; below zero is a gain. */
export function lossOf(before: number, after: number): number {
  return (before - after) / before
}
