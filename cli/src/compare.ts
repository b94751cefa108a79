/** `omnimargin compare`: what books cost siloed, with a bridge, and unified, over recorded prices. */
import { join } from 'node:path'
import type { Series } from '@omnimargin/risk/bars'
import { underlyingsOf } from '@omnimargin/risk/book'
import { type Comparison, compare as compareBook } from '@omnimargin/risk/compare'
import { InputError } from '@omnimargin/risk/errors'
import type { Terms } from '@omnimargin/risk/terms'
import { findPrices } from '@omnimargin/service/prices'
import { type BookFile, readBooks } from './compare/books.ts'
import { formatReport, type Report } from './compare/report.ts'
import { type Asked, readSpan } from './compare/span.ts'
import { readTerms } from './compare/terms.ts'
import { progressOf } from './terminal/progress.ts'

const shipped = join(import.meta.dirname, '..', '..', 'risk')
export const SHIPPED = {
  books: join(shipped, 'books'),
  prices: join(shipped, 'prices'),
  parameters: join(shipped, 'parameters.json'),
}

export type CompareOptions = Asked & {
  readonly book: readonly string[]
  readonly prices: string
  readonly parameters: string
  readonly format: 'table' | 'csv' | 'json'
}

/** Returns what is to be printed. Throws InputError or ConfigError with the place of what cannot be used. */
export function compare(options: CompareOptions): string {
  const terms = readTerms(options.parameters)
  const files = findPrices(options.prices)
  const symbols = [...terms.underlyings.keys()].filter((symbol) => files.bySymbol.has(symbol))
  const known = { symbols, folder: options.prices, chains: [...terms.chains.keys()] }
  const bookFiles = options.book.flatMap((path) => readBooks(path, known))
  const used = symbols.filter((symbol) =>
    bookFiles.some(({ books }) => books.some((book) => underlyingsOf(book).includes(symbol))),
  )
  const series = readSpan(used, files, options)
  assertLongEnough(series, terms)
  const report = { ...reportOn(bookFiles, series, terms), isMadeUp: options.prices === SHIPPED.prices }
  return formatReport(report, options.format)
}

function reportOn(
  bookFiles: readonly BookFile[],
  series: ReadonlyMap<string, Series>,
  terms: Terms,
): Omit<Report, 'isMadeUp'> {
  const progress = progressOf()
  const groups = bookFiles.map(({ name, isRandom, books }) => ({
    name,
    isRandom,
    comparisons: books.map((book, i): Comparison => {
      progress(name, i / books.length)
      const its = new Map(underlyingsOf(book).flatMap((symbol) => [...series].filter(([name]) => name === symbol)))
      return compareBook(book, its, terms)
    }),
  }))
  const { start = 0, interval = 0, closes = [] } = series.values().next().value ?? {}
  return { groups, terms, span: { from: start, to: start + closes.length * interval, interval, bars: closes.length } }
}

function assertLongEnough(series: ReadonlyMap<string, Series>, { windowSeconds }: Terms): void {
  for (const { symbol, closes, interval } of series.values()) {
    if ((closes.length - 1) * interval >= windowSeconds) continue
    throw new InputError(
      `${symbol} has ${closes.length} bars of ${interval} s, less than one window of ${windowSeconds} s: ask for more.`,
    )
  }
}
