/** One-hour loss quantiles that know less: for comparison, and while there is too little history for more. */
import type { Defaults } from './defaults.ts'
import { sortedWindow } from './rolling.ts'

/** Told each hour's loss, returns the quantile of the next one's; nothing until it has seen enough. */
export type Baseline = (loss: number) => number | undefined

/** The quantile of the first so many losses, for ever. */
export function staticQuantile({ alpha }: Defaults, bars: number): Baseline {
  const losses = sortedWindow(bars)
  let fixed: number | undefined
  return (loss) => {
    if (fixed !== undefined) return fixed
    losses.add(loss)
    if (losses.count() === bars) fixed = Math.max(0, losses.quantile(1 - alpha))
    return fixed
  }
}

/** Historical simulation: the quantile of the last year's. */
export function historicalQuantile({ alpha, estimator }: Defaults): Baseline {
  const losses = sortedWindow(estimator.historical)
  return (loss) => {
    losses.add(loss)
    return losses.count() < estimator.least ? undefined : Math.max(0, losses.quantile(1 - alpha))
  }
}

/** An exponentially weighted deviation times the normal quantile, and times the empirical one of losses in such deviations. */
export function weighted({
  alpha,
  estimator,
}: Defaults): (loss: number) => { normal: number; filtered: number } | undefined {
  const { decay, scores, least, quietest } = estimator
  const losses = sortedWindow(scores)
  let variance = 0
  let seen = 0
  return (loss) => {
    if (seen > 0) losses.add(loss / Math.sqrt(variance))
    seen += 1
    // While young it is the plain mean.
    const kept = Math.min(decay, 1 - 1 / seen)
    variance = Math.max(quietest * quietest, kept * variance + (1 - kept) * loss * loss)
    if (losses.count() < least) return undefined
    const sigma = Math.sqrt(variance)
    const share = (times: number) => Math.min(1, Math.max(0, sigma * times))
    return { normal: share(estimator.normal), filtered: share(losses.quantile(1 - alpha)) }
  }
}
