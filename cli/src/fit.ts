/** `omnimargin fit`: the parameters of a comparison, their rates and credits out of recorded prices. */
import { between, type Series } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { fitTerms } from '@omnimargin/risk/fit'
import { findPrices, readSeries } from '@omnimargin/service/prices'
import { formatTime, parseTime } from './compare/span.ts'
import { readTerms, writeTerms } from './compare/terms.ts'

export type FitOptions = {
  readonly prices: string
  readonly parameters: string
  readonly from: string
  readonly to: string
}

/** Returns a parameter file: each underlying is fitted on what there is of it within the time. */
export function fitParameters(options: FitOptions): string {
  const terms = readTerms(options.parameters)
  const files = findPrices(options.prices)
  const [from, to] = [parseTime(options.from), parseTime(options.to)]
  const missing = [...terms.underlyings.keys()].find((symbol) => !files.bySymbol.has(symbol))
  if (missing !== undefined) {
    throw new InputError(
      `${options.prices} has no price file of ${missing}, which ${options.parameters} names: add it there.`,
    )
  }
  const series = [...terms.underlyings.keys()].map((symbol) => within(readSeries(symbol, files), from, to))
  const spans = series.map((one) => `${one.symbol} ${spanOf(one)}`).join(', ')
  return writeTerms(fitTerms(terms, series), `rates, credits and leg shares fitted on ${spans}; the rest is judgement`)
}

/** What there is of it within the time. Throws InputError where that is less than two whole bars. */
function within(series: Series, from: number, to: number): Series {
  const { symbol, start, interval, closes } = series
  const [first, last] = [Math.max(from, start), Math.min(to, start + closes.length * interval)]
  const isWhole = [first, last].every((time) => (time - start) % interval === 0)
  if (isWhole && last - first >= 2 * interval) return between(series, first, last)
  throw new InputError(
    `${symbol}: there are prices from ${spanOf(series)} in bars of ${interval} s: ask for two whole bars of that or more, not ${formatTime(from)} to ${formatTime(to)}.`,
  )
}

function spanOf({ start, interval, closes }: Series): string {
  return `${formatTime(start)} to ${formatTime(start + closes.length * interval)}`
}
