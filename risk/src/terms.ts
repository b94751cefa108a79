/** What the comparison supposes: the margin formula's parameters, the level of safety, and the speed of a bridge. */
import type { Underlying } from '@omnimargin/core/margin'
import type { Ratio } from '@omnimargin/core/wad'

export type ChainTerms = {
  /** From a fill there to a close-out acting on it: finality, attestation, delivery. */
  readonly latencySeconds: number
  readonly initialLegShare: Ratio
  readonly maintenanceLegShare: Ratio
  /** Expected failures of the route a year, and the share of what is recognized there that one costs. */
  readonly failuresPerYear: Ratio
  readonly lossGivenFailure: Ratio
}

export type CreditTerms = { readonly first: string; readonly second: string; readonly ratio: Ratio }

/** Everything about an underlying but its price. */
export type UnderlyingTerms = Omit<Underlying, 'price'>

export type Terms = {
  /** Of start times at which the capital lasts for the window. */
  readonly confidence: Ratio
  readonly windowSeconds: number
  /** Of the bridge regime: until someone moves money, and until it has arrived. */
  readonly reactionSeconds: number
  readonly transferSeconds: number
  /** Share of a dollar of collateral that does not count anywhere, and what more does not count across chains. */
  readonly haircut: Ratio
  readonly latencyPremium: Ratio
  readonly venueLossShare: Ratio
  readonly underlyings: ReadonlyMap<string, UnderlyingTerms>
  readonly credits: readonly CreditTerms[]
  readonly chains: ReadonlyMap<string, ChainTerms>
}
