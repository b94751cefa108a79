/** Markets whose law is known, out of a seed. */

import type { Candle } from '@omnimargin/risk/estimate/candle'
import { type Draw, drawBetween, drawsOf } from '@omnimargin/risk/random'

const HOUR = 3600
const GRAIN = 1n << 30n
const STEPS = 12

/** Near a normal draw of deviation one. */
export function shock(draw: Draw): number {
  let sum = 0
  for (let i = 0; i < 12; i++) sum += Number(drawBetween(draw, -GRAIN, GRAIN)) / Number(2n * GRAIN)
  return sum
}

/** Bars of twelve steps each, of deviation `sigmaAt(bar)` an hour. */
export function candlesWith(bars: number, seed: bigint, sigmaAt: (bar: number) => number): Candle[] {
  const draw = drawsOf(seed)
  let close = 1000
  return Array.from({ length: bars }, (_, i) => {
    const [open, sigma] = [close, sigmaAt(i) / Math.sqrt(STEPS)]
    let [high, low] = [open, open]
    for (let step = 0; step < STEPS; step++) {
      close *= Math.exp(sigma * shock(draw))
      high = Math.max(high, close)
      low = Math.min(low, close)
    }
    return { time: i * HOUR, open, high, low, close }
  })
}

/** Deviation that wanders: its logarithm falls back by 1 % an hour. */
export function wandering(bars: number, seed: bigint): (bar: number) => number {
  const draw = drawsOf(seed)
  let log = 0
  const logs = Array.from({ length: bars }, () => {
    log = 0.99 * log + 0.08 * shock(draw)
    return log
  })
  return (bar) => 0.006 * Math.exp(logs[bar] ?? 0)
}
