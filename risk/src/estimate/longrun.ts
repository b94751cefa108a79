/** The quantile of every loss there ever was, in memory that does not grow. */
import { exp, ln } from './elementary.ts'

/** Bins of a logarithm: each 0.4 % wide, from e^-16 up to a loss of all. */
const PER_UNIT = 256
const BINS = 16 * PER_UNIT

export type LongRun = {
  /** A loss as a share; what is not above zero is only counted. */
  readonly add: (loss: number) => void
  readonly count: () => number
  /** The upper edge of the bin in which the quantile lies, so never below it; zero where it is no loss. */
  readonly quantile: (p: number) => number
}

export function longRun(): LongRun {
  const bins = new Int32Array(BINS + 1)
  let count = 0
  return {
    add: (loss) => {
      count += 1
      if (!(loss > 0)) return
      const bin = (ln(Math.min(1, loss)) * PER_UNIT + BINS) | 0
      const place = Math.max(0, bin)
      bins[place] = bins[place]! + 1
    },
    count: () => count,
    quantile: (p) => {
      // The rank is a whole number, and a product that missed it by its last bit is one.
      const exact = count * p - 1e-9
      const rank = (exact | 0) + 1
      let above = count - rank
      for (let bin = BINS; bin >= 0; bin--) {
        above -= bins[bin]!
        if (above < 0) return Math.min(1, exp((bin + 1 - BINS) / PER_UNIT))
      }
      return 0
    },
  }
}
