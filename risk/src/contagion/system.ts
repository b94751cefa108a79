/** Everything that may fail at once: accounts, prices, chains, routes and issuers around one clearing. */
import { type Hex, isSame } from '@omnimargin/core/bytes'
import type { Ledger } from '@omnimargin/core/ledger'
import type { Ratio, Usd } from '@omnimargin/core/wad'

/** What the market of a price can bear, wherever it is traded, and how far it falls where that is asked. */
export type MarketDepth = {
  /** What is there of a day's trade on the day it is needed, and the standard deviation of a day's return. */
  readonly stressed: Usd
  readonly dailyVolatility: Ratio
  /** The share of its price that the asset loses when it is the one that fails. */
  readonly fall: Ratio
}

/** Who owes the assets of some listings, by the clearing's numbers of them, and the share of them that is lost with it. */
export type Issuer = { readonly name: string; readonly listings: readonly number[]; readonly loss: Ratio }

export type System = {
  readonly ledger: Ledger
  /** Seconds; ages are judged by it. */
  readonly now: bigint
  /** The clearing's own chain, which is not among what may be lost: without it there is no margin. */
  readonly homeChain: bigint
  /** By the clearing's number of a feed. */
  readonly depths: readonly MarketDepth[]
  /** By the clearing's number of a listing: what is there of it on its own chain, as its haircut has it. */
  readonly stressedThere: readonly Usd[]
  readonly issuers: readonly Issuer[]
  /** What the square root is multiplied by beside the volatility; 1 in the literature. */
  readonly impactFactor: Ratio
  /** What is there to pay bad debt with. */
  readonly insurance: Usd
}

/** One thing that may be lost. A route is a vault or a venue on another chain as the clearing knows it. */
export type Node =
  | { readonly kind: 'account'; readonly id: Hex }
  | { readonly kind: 'asset'; readonly feed: number }
  | { readonly kind: 'chain'; readonly chainId: bigint }
  | { readonly kind: 'vault'; readonly chainId: bigint; readonly address: Hex }
  | { readonly kind: 'venue'; readonly chainId: bigint; readonly address: Hex }
  | { readonly kind: 'issuer'; readonly issuer: number }

/** All but the accounts, each once, in the order of the clearing's own lists. */
export function nodesOf({ ledger, homeChain, issuers, depths }: System): Node[] {
  const { listings, markets, feeds } = ledger
  const places = [...listings, ...markets]
  const remote = <Place extends { readonly chainId: bigint }>(place: Place) => place.chainId !== homeChain
  const chains = [...new Set(places.filter(remote).map(({ chainId }) => chainId))]
  const vaults = listings.filter(remote).map(({ chainId, vault }) => ({ chainId, address: vault }))
  const venues = markets.filter(remote).map(({ chainId, venue }) => ({ chainId, address: venue }))
  const falling = feeds.flatMap((_, feed) => ((depths[feed]?.fall ?? 0n) > 0n ? [feed] : []))
  return [
    ...falling.map((feed): Node => ({ kind: 'asset', feed })),
    ...issuers.map((_, issuer): Node => ({ kind: 'issuer', issuer })),
    ...chains.map((chainId): Node => ({ kind: 'chain', chainId })),
    ...distinct(vaults).map((vault): Node => ({ kind: 'vault', ...vault })),
    ...distinct(venues).map((venue): Node => ({ kind: 'venue', ...venue })),
  ]
}

type Contract = { readonly chainId: bigint; readonly address: Hex }

function distinct(contracts: readonly Contract[]): Contract[] {
  return contracts.filter((one, i) => contracts.findIndex((other) => isSameContract(one, other)) === i)
}

export function isSameContract(one: Contract, other: Contract): boolean {
  return one.chainId === other.chainId && isSame(one.address, other.address)
}
