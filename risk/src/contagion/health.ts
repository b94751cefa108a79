/** The worst that an account may come to while prices stand anywhere within their spans: spec/contagion.md. */
import { positionValue } from '@omnimargin/core/instrument'
import { computeBalances, computeMaintenanceMargin, type Portfolio } from '@omnimargin/core/margin'
import { max, min, mulDown, type Price, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { InputError } from '../errors.ts'
import type { Span, Spans } from './impact.ts'
import type { Remains } from './remains.ts'

/** An account is looked at in every corner of the prices it has positions in: so many at the most. */
const MAX_CORNER_FEEDS = 8

/** What the margin of two points may be apart by rounding alone is far less, and it is far less than a cent. */
const ROUNDING: Usd = 10n ** 9n
/** By how much wider spans an account is looked at than asked for: a 256th of the price, so that the next look may be spared. */
const ROOM = 256n

/** Below maintenance somewhere within the spans. */
export function isBelow(remains: Remains, spans: Spans): boolean {
  if (isClearWithin(remains, spans)) return false
  const wider = widened(remains, spans)
  if (movingOf(remains, wider).length > MAX_CORNER_FEEDS || !hasExcess(remains, wider, ROUNDING))
    return !hasExcess(remains, spans, 0n)
  remains.clear = wider
  return false
}

/** The least maintenance margin balance, at the worst of the prices. */
export function leastBalance(remains: Remains, spans: Spans): Usd {
  return [...cornersOf(remains, spans)].map((one) => computeBalances(one).maintenanceMarginBalance).reduce(min)
}

/** What is owed beyond everything that is held, at the worst of the prices, when so much is got for each listing. */
export function shortfallOf(remains: Remains, spans: Spans, proceeds: readonly Ratio[]): Usd {
  const lines = remains.portfolio.lines.map((line) => {
    return { ...line, units: mulDown(line.units, proceeds[line.listing] ?? WAD) }
  })
  const sold = { ...remains, portfolio: { ...remains.portfolio, lines } }
  return max(0n, -[...cornersOf(sold, spans)].map((one) => computeBalances(one).equity).reduce(min))
}

/** Its balance is so much above what is required, wherever prices stand. */
function hasExcess(remains: Remains, spans: Spans, excess: Usd): boolean {
  for (const portfolio of cornersOf(remains, spans)) {
    const { maintenanceMarginBalance } = computeBalances(portfolio)
    if (maintenanceMarginBalance - computeMaintenanceMargin(portfolio) < excess) return false
  }
  return true
}

/**
 * Balance and equity less requirement are concave in the prices, so their least value is in a corner. A price that an
 * account has only collateral of is worst where it is lowest.
 */
function* cornersOf(remains: Remains, spans: Spans): Generator<Portfolio> {
  const feeds = movingOf(remains, spans)
  if (feeds.length > MAX_CORNER_FEEDS) {
    throw new InputError(
      `Account ${remains.id} has positions in ${feeds.length} prices that would move, the limit is ${MAX_CORNER_FEEDS}: describe it as several accounts in a file.`,
    )
  }
  for (let corner = 0; corner < 2 ** feeds.length; corner++) {
    const highs = feeds.filter((_, i) => ((corner >> i) & 1) === 1)
    yield valuedAt(remains, (feed) => {
      const span = spans.get(feed)
      return (highs.includes(feed) ? span?.high : span?.low) ?? 0n
    })
  }
}

/** A leg at a lost venue has no profit, only its loss. */
function valuedAt({ portfolio, isVoid }: Remains, priceOf: (feed: number) => Price): Portfolio {
  const underlyings = portfolio.underlyings.map((terms) => ({ ...terms, price: priceOf(terms.feed) }))
  const positions = portfolio.positions.map((position, i) => {
    if (!isVoid[i]) return position
    const worth = positionValue(position.size, underlyings[position.underlying]?.price ?? 0n)
    return { ...position, quote: min(position.quote, -worth) }
  })
  const lines = portfolio.lines.map((line) => ({ ...line, price: priceOf(line.feed) }))
  return { ...portfolio, underlyings, positions, lines }
}

/** The prices that its positions are valued by, as far as they move. */
function movingOf({ traded }: Remains, spans: Spans): number[] {
  return traded.filter((feed) => {
    const span = spans.get(feed)
    return span !== undefined && span.low < span.high
  })
}

/** Being clear of maintenance in wider spans it is so in these: what is concave is least in the corners of the wider ones. */
function isClearWithin({ feeds, clear }: Remains, spans: Spans): boolean {
  if (!clear) return false
  return feeds.every((feed) => {
    const [asked, known] = [spans.get(feed), clear.get(feed)]
    return asked && known && known.low <= asked.low && asked.high <= known.high
  })
}

/** With some room where they move, and at least as wide as those that it is clear within. */
function widened({ feeds, clear }: Remains, spans: Spans): Spans {
  return new Map(
    feeds.flatMap((feed): [number, Span][] => {
      const span = spans.get(feed)
      if (!span) return []
      const known = clear?.get(feed) ?? span
      const room = span.low < span.high ? span.high / ROOM : 0n
      return [[feed, { low: min(known.low, max(0n, span.low - room)), high: max(known.high, span.high + room) }]]
    }),
  )
}
