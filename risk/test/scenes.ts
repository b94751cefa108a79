/** Small markets and books, for tests. */

import { WAD } from '@omnimargin/core/wad'
import type { Series } from '@omnimargin/risk/bars'
import type { Book, Leg } from '@omnimargin/risk/book'
import type { Path } from '@omnimargin/risk/path'
import type { Terms } from '@omnimargin/risk/terms'
import fc from 'fast-check'

export const usd = (n: number | bigint) => BigInt(n) * WAD
export const percent = (n: number) => (BigInt(n) * WAD) / 100n

/** Two bars a window, one bar a bridge; no charge but what a test puts in. */
export const TERMS: Terms = {
  confidence: WAD,
  windowSeconds: 7_200,
  reactionSeconds: 1_800,
  transferSeconds: 1_800,
  haircut: 0n,
  latencyPremium: 0n,
  venueLossShare: 0n,
  underlyings: new Map(
    ['A', 'B'].map((name) => [
      name,
      {
        initialRate: percent(10),
        maintenanceRate: percent(5),
        basisRate: 0n,
        depth: usd(10 ** 9),
        concentrationRate: 0n,
      },
    ]),
  ),
  credits: [],
  chains: new Map(
    ['x', 'y', 'z'].map((name) => [
      name,
      {
        latencySeconds: 60,
        initialLegShare: 0n,
        maintenanceLegShare: 0n,
        failuresPerYear: percent(1),
        lossGivenFailure: percent(50),
      },
    ]),
  ),
}

export function seriesOf(symbol: string, closes: readonly (number | bigint)[]): Series {
  const prices = closes.map(usd)
  const volumes = prices.map(() => 0n)
  return { symbol, start: 0, interval: 3_600, opens: prices, highs: prices, lows: prices, closes: prices, volumes }
}

export function legOf(chain: string, underlying: string, dollars: number, measure: Leg['measure'] = 'dollars'): Leg {
  return { chain, venue: chain, underlying, measure, signed: usd(dollars) }
}

export function bookOf(...legs: Leg[]): Book {
  return { name: 'a book', legs, collateral: new Map([['x', usd(100)]]) }
}

/** A path of such bars. */
export function pathWith(profit: readonly bigint[], maintenance: readonly bigint[]): Path {
  return { profit, maintenance, spare: profit.map((made, bar) => made - (maintenance[bar] ?? 0n)) }
}

/** Closes that wander. */
export const closes = fc.array(fc.integer({ min: 50, max: 200 }), { minLength: 8, maxLength: 40 })
export const leg = fc
  .record({
    chain: fc.constantFrom('x', 'y', 'z'),
    underlying: fc.constantFrom('A', 'B'),
    size: fc.integer({ min: -1_000, max: 1_000 }).filter((size) => size !== 0),
    measure: fc.constantFrom('units' as const, 'dollars' as const),
  })
  .map(({ chain, underlying, size, measure }) => legOf(chain, underlying, size, measure))
export const legs = fc.uniqueArray(leg, {
  minLength: 1,
  maxLength: 6,
  selector: ({ chain, underlying }) => `${chain}${underlying}`,
})
