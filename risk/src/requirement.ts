/** A book as the margin formula sees it: the one of spec/margin.md, in every regime. */
import { computeMargin, type Portfolio, type Position } from '@omnimargin/core/margin'
import { type Usd, WAD } from '@omnimargin/core/wad'
import type { Leg } from './book.ts'
import type { Terms } from './terms.ts'

/** A leg and what it is worth now in USD, long above zero. */
export type Exposure = { readonly leg: Leg; readonly signed: Usd }

export type Requirement = { readonly initialMargin: Usd; readonly maintenanceMargin: Usd }

/**
 * The requirement of all exposures as one account. With charges: for venue basis, for the latency of each leg's chain, and for the
 * loss of a venue. A silo's clearing is on its own chain, so it is asked for none of them.
 */
export function requirementOf(exposures: readonly Exposure[], terms: Terms, charges: 'all' | 'none'): Requirement {
  const { initialMargin, maintenanceMargin } = computeMargin(portfolioOf(exposures, terms, charges === 'all'))
  return { initialMargin, maintenanceMargin }
}

function portfolioOf(exposures: readonly Exposure[], terms: Terms, charged: boolean): Portfolio {
  const names = [...new Set(exposures.map(({ leg }) => leg.underlying))]
  const homes = [...new Map(exposures.map(({ leg }) => [homeOf(leg), leg.chain]))]
  const homeNames = homes.map(([home]) => home)
  return {
    cash: 0n,
    cashHaircut: 0n,
    lines: [],
    positions: exposures.map(({ leg, signed }): Position => {
      // A unit is one dollar, so that legs held in units and in dollars net against each other.
      const underlying = names.indexOf(leg.underlying)
      const venue = homeNames.indexOf(homeOf(leg))
      return { size: signed, quote: -signed, buyOut: 0n, sellOut: 0n, price: WAD, band: 0n, underlying, venue }
    }),
    underlyings: names.map((name) => {
      const underlying = known(terms.underlyings, name)
      return charged ? underlying : { ...underlying, basisRate: 0n }
    }),
    venues: homes.map(([, chain]) => {
      const { initialLegShare, maintenanceLegShare } = known(terms.chains, chain)
      return charged ? { initialLegShare, maintenanceLegShare } : { initialLegShare: 0n, maintenanceLegShare: 0n }
    }),
    credits: terms.credits
      .map(({ first, second, ratio }) => ({ first: names.indexOf(first), second: names.indexOf(second), ratio }))
      .filter(({ first, second }) => first >= 0 && second >= 0),
    venueLossShare: charged ? terms.venueLossShare : 0n,
  }
}

function homeOf({ chain, venue }: Leg): string {
  return `${chain}/${venue}`
}

/** What was checked when the book was read. */
export function known<Value>(terms: ReadonlyMap<string, Value>, name: string): Value {
  const value = terms.get(name)
  if (value === undefined) throw new RangeError(`No terms for ${name}: check the book against them first.`)
  return value
}
