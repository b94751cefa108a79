/** Funding: what longs pay shorts for a price above the index, and shorts longs for one below. Twin of contracts/src/venue/Funding.sol. */
import { abs, max, min, type Price, type Ratio, type Usd, WAD } from './wad.ts'

/** The funding of one market that runs between two writes of its record. Times are in seconds. */
export type Running = {
  /** What the last fill's price was above the index, as a share of it: above zero longs pay, below shorts. */
  readonly premium: Ratio
  readonly accruedAt: bigint
  /** Accrued and not in the record yet, per base unit. */
  readonly byLongs: Usd
  readonly byShorts: Usd
}

export type Index = { readonly price: Price; readonly publishTime: bigint }

export type FundingTerms = {
  /** The index is taken for the price until it is this old, and for nothing after. */
  readonly maxAge: bigint
  /** The time in which a standing premium is paid once; not zero. */
  readonly period: bigint
}

/** (mark - index) / index, toward zero, held within `maxPremium` either way. `index` is not zero. */
export function premiumOf(mark: Price, index: Price, maxPremium: Ratio): Ratio {
  const size = min((abs(mark - index) * WAD) / index, maxPremium)
  return mark > index ? size : -size
}

/** `running` up to `now`: index * |premium| * elapsed / (1e18 * period), rounded down, is owed per base unit. */
export function accrue(running: Running, index: Index, terms: FundingTerms, now: bigint): Running {
  const until = min(now, index.publishTime + terms.maxAge)
  const elapsed = max(0n, until - running.accruedAt)
  const owed = (index.price * abs(running.premium) * elapsed) / (WAD * terms.period)
  const paidByLongs = running.premium > 0n ? owed : 0n
  return {
    premium: running.premium,
    accruedAt: now,
    byLongs: running.byLongs + paidByLongs,
    byShorts: running.byShorts + owed - paidByLongs,
  }
}
