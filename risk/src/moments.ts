/** What a series of prices is like, in integers at 1e18: so that made-up prices can be judged. */
import { abs, max, min, type Ratio, rootUp, WAD } from '@omnimargin/core/wad'
import type { Series } from './bars.ts'

export type Moments = {
  /** Standard deviation of a bar's simple return, and that by the root of the bars in a year. */
  readonly deviation: Ratio
  readonly deviationPerYear: Ratio
  /** Fourth moment by the square of the second: 3 for a normal distribution. */
  readonly kurtosis: Ratio
  readonly worst: Ratio
  readonly best: Ratio
}

const YEAR_SECONDS = 365n * 86_400n

/** Deviations round up, the kurtosis down. */
export function momentsOf(series: Series): Moments {
  const returns = returnsOf(series)
  const [second, fourth] = [centralMoment(returns, 2n), centralMoment(returns, 4n)]
  return {
    deviation: rootUp(second * WAD),
    deviationPerYear: rootUp((second * WAD * YEAR_SECONDS) / BigInt(series.interval)),
    kurtosis: (fourth * WAD * WAD) / max(1n, second * second),
    worst: returns.reduce(min, 0n),
    best: returns.reduce(max, 0n),
  }
}

/** Correlation of the bars' returns of two series of one span. */
export function correlationOf(a: Series, b: Series): Ratio {
  const [first, second] = [deviationsOf(returnsOf(a)), deviationsOf(returnsOf(b))]
  const product = first.reduce((total, value, i) => total + value * (second[i] ?? 0n), 0n)
  const squares = [first, second].map((values) => values.reduce((total, value) => total + value * value, 0n))
  const root = rootUp((squares[0] ?? 0n) * (squares[1] ?? 0n))
  return root === 0n ? 0n : (product * WAD) / root
}

/** The return of the worst stretch of so many bars. */
export function worstOver(series: Series, bars: number): Ratio {
  return returnsOf(series, bars).reduce(min, 0n)
}

/** The simple return over so many bars, from each bar that has as many after it; toward zero. */
export function returnsOf({ closes }: Series, bars = 1): Ratio[] {
  return closes.slice(bars).map((close, start) => (close * WAD) / (closes[start] ?? 1n) - WAD)
}

function deviationsOf(values: readonly bigint[]): bigint[] {
  const mean = values.reduce((total, value) => total + value, 0n) / max(1n, BigInt(values.length))
  return values.map((value) => value - mean)
}

function centralMoment(values: readonly bigint[], power: 2n | 4n): bigint {
  const total = deviationsOf(values).reduce((sum, value) => sum + abs(value) ** power / WAD ** (power - 1n), 0n)
  return total / max(1n, BigInt(values.length))
}
