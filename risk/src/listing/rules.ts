/** The numbers of spec/listing.md, all judgement until a market says otherwise. */
import { type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import type { Facts } from './facts.ts'

const basisPoints = (n: bigint): Ratio => (n * WAD) / 10_000n
const dollars = (n: bigint): Usd => n * WAD

export const CLASSES = ['deep', 'large', 'small', 'stable', 'derived'] as const
export type Class = (typeof CLASSES)[number]

/** Of an asset without a peg: what must be traded in a day. */
export const DEEP_VOLUME = dollars(1_000_000_000n)
export const LARGE_VOLUME = dollars(50_000_000n)

/** What a price may jump before anybody can act. */
export const GAP: Record<Class, Ratio> = {
  deep: basisPoints(200n),
  large: basisPoints(400n),
  small: basisPoints(700n),
  stable: 0n,
  derived: basisPoints(400n),
}
/** The least that does not count. */
export const LEAST: Record<Class, Ratio> = {
  deep: basisPoints(500n),
  large: basisPoints(1_000n),
  small: basisPoints(1_000n),
  stable: basisPoints(50n),
  derived: basisPoints(1_000n),
}

/** What a pegged token may be off by on a quiet day. */
export const PEG: Record<NonNullable<Facts['peg']>['issue'], Ratio> = {
  native: basisPoints(50n),
  bridged: basisPoints(200n),
  wrapped: basisPoints(200n),
  staked: basisPoints(300n),
  synthetic: basisPoints(500n),
  restaked: basisPoints(1_000n),
}
export const PEG_SLOPE = 4n
export const PEG_QUIET = basisPoints(20n)
/** A peg is broken that was off by the first share for the time without a break, or by the second at any close. */
export const PEG_BROKEN = basisPoints(500n)
export const PEG_BROKEN_SECONDS = 86_400
export const PEG_GONE = basisPoints(5_000n)
/** What is worth more than so many times its peg has another one, or none. */
export const NOT_PEGGED = 2n

/** Failures a year: of a chain, of any route, of what a wrapped token is locked in. What is lost is all. */
export const CHAIN_FAILURES: Record<Facts['chain'], Ratio> = {
  ethereum: basisPoints(10n),
  rollup: basisPoints(50n),
  other: basisPoints(100n),
}
export const ROUTE_FAILURES = basisPoints(100n)
export const WRAPPER_FAILURES = basisPoints(100n)

/** The share of a day's volume that is there under stress: of a dollar that breaks, hardly any. */
export const DEPTH_LEFT: Record<Class, Ratio> = {
  deep: basisPoints(2_000n),
  large: basisPoints(2_000n),
  small: basisPoints(2_000n),
  stable: basisPoints(200n),
  derived: basisPoints(2_000n),
}
/** The share of that as the cap, and of the cap in one account. */
export const CAP_SHARE = basisPoints(500n)
export const ACCOUNT_SHARE = basisPoints(1_000n)
/** Standard deviations of the feed's own confidence. */
export const CONFIDENCES: Ratio = basisPoints(23_300n)
/** By how much more of what falls with the chain or the venue it is to secure may be lost. */
export const OWN_TOKEN_FACTOR: Ratio = basisPoints(15_000n)

/** The share of the bars' losses that the haircut covers. */
export const MAINTENANCE_CONFIDENCE = basisPoints(9_900n)
export const INITIAL_CONFIDENCE = basisPoints(9_990n)
/** The initial haircut is at least so many times the maintenance one. */
export const INITIAL_FACTOR: Ratio = basisPoints(12_500n)

export const LEAST_VERIFIERS = 2
export const LEAST_VENUES = 3
export const DISPERSION_NOTED = basisPoints(100n)
export const MOST_DISPERSION = basisPoints(300n)
export const LEAST_HISTORY_SECONDS = 365 * 86_400
/** Of the bars between the first and the last, the share that may be missing. */
export const MOST_MISSING = basisPoints(100n)
/** A source that publishes whole days is so late at most. */
export const LATEST_SECONDS = 2 * 86_400
/** What was lost between two closes of the last day, or week, by what is dying. */
export const DAY_SECONDS = 86_400
export const WEEK_SECONDS = 7 * DAY_SECONDS
export const MOST_FALL_DAY = basisPoints(2_500n)
export const MOST_FALL_WEEK = basisPoints(4_000n)
/** Over which it must be traded, and not too volatile by itself; and the share of it in which it need not be. */
export const MONTH_SECONDS = 30 * DAY_SECONDS
export const MOST_IDLE = basisPoints(500n)
/** Longer bars hide what happens between them. */
export const LONGEST_BAR_SECONDS = 4 * 3_600
export const LEAST_CAP = dollars(50_000n)
export const MOST_HAIRCUT = basisPoints(5_000n)
export const GRAIN = basisPoints(10n)
