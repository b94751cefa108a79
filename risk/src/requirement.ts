/** A book as the margin formula sees it: the one of spec/margin.md, in every regime. */
import { computeMargin, type Portfolio, type Position, type Venue } from '@omnimargin/core/margin'
import { type Usd, WAD } from '@omnimargin/core/wad'
import type { Leg } from './book.ts'
import type { Terms } from './terms.ts'

/** A leg and what it is worth now in USD, long above zero. */
export type Exposure = { readonly leg: Leg; readonly signed: Usd }

export type Requirement = { readonly initialMargin: Usd; readonly maintenanceMargin: Usd }

/** Whether the clearing is on each leg's own chain, so that none is late, or on one chain for all of them. */
export type Clearing = 'local' | 'remote'

/** The requirement of all exposures as one account. Only the share for a late leg depends on where the clearing is. */
export function requirementOf(exposures: readonly Exposure[], terms: Terms, clearing: Clearing): Requirement {
  const { initialMargin, maintenanceMargin } = computeMargin(portfolioOf(exposures, terms, clearing))
  return { initialMargin, maintenanceMargin }
}

function portfolioOf(exposures: readonly Exposure[], terms: Terms, clearing: Clearing): Portfolio {
  const names = [...new Set(exposures.map(({ leg }) => leg.underlying))]
  const venues = new Map(exposures.map(({ leg }) => [venueOf(leg), leg.chain]))
  const order = [...venues.keys()]
  return {
    cash: 0n,
    cashHaircut: 0n,
    lines: [],
    positions: exposures.map(({ leg, signed }): Position => {
      // A unit is one dollar, so that legs held in units and in dollars net against each other.
      const size: bigint = signed
      const [underlying, venue] = [names.indexOf(leg.underlying), order.indexOf(venueOf(leg))]
      return { size, quote: -signed, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n, underlying, venue }
    }),
    underlyings: names.map((name) => ({ ...known(terms.underlyings, name), price: WAD })),
    venues: [...venues.values()].map((chain): Venue => {
      if (clearing === 'local') return { initialLegShare: 0n, maintenanceLegShare: 0n }
      const { initialLegShare, maintenanceLegShare } = known(terms.chains, chain)
      return { initialLegShare, maintenanceLegShare }
    }),
    credits: terms.credits
      .map(({ first, second, ratio }) => ({ first: names.indexOf(first), second: names.indexOf(second), ratio }))
      .filter(({ first, second }) => first >= 0 && second >= 0),
    venueLossShare: terms.venueLossShare,
  }
}

function venueOf({ chain, venue }: Leg): string {
  return `${chain}/${venue}`
}

/** What was checked when the book was read. */
export function known<Value>(terms: ReadonlyMap<string, Value>, name: string): Value {
  const value = terms.get(name)
  if (value === undefined) throw new RangeError(`No terms for ${name}: check the book against them first.`)
  return value
}
