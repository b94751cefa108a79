/** What is known of an asset on a chain before it may be listed. */
import type { Ratio, Usd } from '@omnimargin/core/wad'
import type { History } from './history.ts'

/** What fails a chain or a route least often first. */
export const CHAINS = ['ethereum', 'rollup', 'other'] as const
/** Who makes a pegged token, and out of what. */
export const ISSUES = ['native', 'bridged', 'wrapped', 'staked', 'restaked', 'synthetic'] as const

export type Facts = {
  readonly symbol: string
  /** When it is judged, in seconds since 1970: nothing later is looked at. */
  readonly asOf: number
  readonly decimals: number
  /** Balances that change by themselves, and transfers that arrive smaller: a vault counts neither. */
  readonly isRebasing: boolean
  readonly takesFee: boolean
  /** It secures the chain that it is locked on, or that chain or one of the clearing's venues issues it. */
  readonly isOwnToken: boolean
  /** Made by locking something on another chain. */
  readonly isWrapped: boolean
  readonly chain: (typeof CHAINS)[number]
  /** Of the route to the clearing: who must agree that units are there, each by itself, and the 0.99 quantile of the time until it is known. */
  readonly verifiers: number
  readonly routeSeconds: number
  readonly price: {
    /** Venues that trade it, none of which is another's source; and how far their prices are apart, of the middle one. */
    readonly venues: number
    readonly dispersion: Ratio
    readonly isOnChain: boolean
    readonly maxAgeSeconds: number
    /** A feed may be off by so much before it moves, and by its own word. */
    readonly deviation: Ratio
    readonly confidence: Ratio
  }
  /** What can be reached from the chain it is locked on. */
  readonly dailyVolume: Usd
  readonly spread: Ratio
  readonly history: History
  /** What it is to be worth: one dollar, or what another series says, bar by bar. */
  readonly peg?: { readonly issue: (typeof ISSUES)[number]; readonly reference?: History | undefined } | undefined
}
