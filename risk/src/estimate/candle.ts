/** Bars as doubles, for estimators: what is counted in money stays in integers. */
import type { Series } from '../bars.ts'
import { InputError } from '../errors.ts'

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

const HOUR = 3600

/** Hours out of an asset's bars: of shorter ones, those of which none is missing. Throws InputError for bars that make no hour. */
export function hourlyOf(stretches: readonly Series[]): readonly Candle[] {
  const candles = stretches.flatMap(candlesOf)
  const { symbol, interval } = stretches[0] ?? { symbol: '', interval: HOUR }
  if (HOUR % interval !== 0) throw new InputError(`${symbol} has bars of ${interval} s: give hourly ones, or shorter.`)
  if (interval === HOUR) return candles
  const parts = Map.groupBy(candles, ({ time }) => time - (time % HOUR))
  return [...parts].flatMap(([time, bars]) => {
    const [first, last] = [bars[0], bars.at(-1)]
    if (bars.length * interval !== HOUR || !first || !last) return []
    const [high, low] = [Math.max(...bars.map((bar) => bar.high)), Math.min(...bars.map((bar) => bar.low))]
    return [{ time, open: first.open, high, low, close: last.close }]
  })
}

/** The share of the price before that is lost at the price after; below zero is a gain. */
export function lossOf(before: number, after: number): number {
  return (before - after) / before
}
