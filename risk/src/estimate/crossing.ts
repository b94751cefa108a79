/** How likely a price goes so far within a time: spec/warnings.md. By what it did before, in units of what was expected of it. */
import type { Candle } from './candle.ts'
import type { Defaults } from './defaults.ts'
import { sortedWindow } from './rolling.ts'

export type Crossings = {
  /** The bar, the one before it, and the loss quantile that was expected of it. */
  readonly add: (before: Candle, candle: Candle, quantile: number) => void
  readonly count: () => number
  /** The chance that an hour goes, at some time in it, at least so many quantiles: down, or up. */
  readonly chanceOf: (quantiles: number, direction: 'down' | 'up') => number
}

const HOUR = 3600
/** Before anything is seen, and beyond all that was: Student's law with four degrees of freedom, 1 % beyond one quantile. As much as so many hours. */
const PRIOR_HOURS = 100
const STUDENT_99 = 3.746947387979197
/** Within an hour a price goes at least as far as it ends up, about twice as often were it a random walk. */
const REFLECTED = 2

export function crossingsOf({ estimator }: Defaults): Crossings {
  const [downs, ups] = [sortedWindow(estimator.scores), sortedWindow(estimator.scores)]
  return {
    add: (before, candle, quantile) => {
      if (!(quantile > 0) || candle.time - before.time !== HOUR) return
      downs.add((before.close - candle.low) / before.close / quantile)
      ups.add((candle.high - before.close) / before.close / quantile)
    },
    count: () => downs.count(),
    chanceOf: (quantiles, direction) => {
      if (!(quantiles > 0)) return 1
      const seen = direction === 'down' ? downs : ups
      const prior = Math.min(1, REFLECTED * studentTail(quantiles * STUDENT_99))
      return (seen.countFrom(quantiles) + PRIOR_HOURS * prior) / (seen.count() + PRIOR_HOURS)
    },
  }
}

/** How likely a draw of Student's law with four degrees of freedom is above `t`; of `t` above zero. */
export function studentTail(t: number): number {
  const square = 1 / (1 + (t * t) / 4)
  // 1/2 - F(t), written without a difference of what is nearly the same: (1 - c)^2 (2 + c) / 4 with c = t / sqrt(4 + t^2).
  const cosine = Math.sqrt(1 - square)
  const rest = square / (1 + cosine)
  return (rest * rest * (2 + cosine)) / 4
}
