/** Both sides of a deployment as its chains tell them: what vaults and venues wrote and hold, what the clearing made of it. */
import type { Hex } from '@omnimargin/core/bytes'
import type { Ledger } from '@omnimargin/core/ledger'

/** A block of each chain, and all that is to be added up as it was there. */
export type Sides = {
  readonly blocks: readonly SeenBlock[]
  readonly tokens: readonly TokenSides[]
  readonly markets: readonly MarketSides[]
  /** The clearing's accounts, rebuilt from its events. */
  readonly ledger: Ledger
  /** The accounts of which the clearing itself says something else. */
  readonly differing: readonly Hex[]
}

export type SeenBlock = {
  readonly name: string
  readonly chainId: number
  readonly number: bigint
  readonly time: bigint
}

/** Amounts by line, an account and a holder: `lineOf`. */
export type Lines = ReadonlyMap<string, bigint>

/** A peer of the clearing: a vault or a venue. */
export type PeerPlace = { readonly chainId: number; readonly address: Hex }

export type TokenSides = {
  readonly name: string
  readonly vault: PeerPlace
  readonly decimals: number
  /** The token's own word for what the vault holds. */
  readonly held: bigint
  /** What the vault owes, rebuilt from its events: free by holder, pool by clearing. */
  readonly owed: ReadonlyMap<string, bigint>
  /** The same as the vault itself says it. */
  readonly owedOnChain: ReadonlyMap<string, bigint>
  /** The vault's pool for this clearing, as the vault says it. */
  readonly pool: bigint
  readonly granted: Lines
  readonly grantsLearned: Lines
  readonly released: Lines
  readonly honored: Lines
  /** What the clearing says each line owns, opened or not. */
  readonly units: Lines
}

/** What an account bought, sold, paid and received at a venue. */
export type Fills = { readonly bought: bigint; readonly sold: bigint; readonly paid: bigint; readonly received: bigint }

export type MarketSides = {
  readonly name: string
  readonly venue: PeerPlace
  /** By account: as the venue wrote them, and as the clearing learned them. */
  readonly written: ReadonlyMap<Hex, Fills>
  readonly learned: ReadonlyMap<Hex, Fills>
}

export function lineOf({ account, holder }: { readonly account: Hex; readonly holder: Hex }): string {
  return `account ${account} of holder ${holder}`.toLowerCase()
}
