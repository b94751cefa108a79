/** What of an asset does not count: spec/listing.md. Every part rounds up. */
import { divUp, max, min, mulUp, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { momentsOf } from '../moments.ts'
import { quantile } from '../quantile.ts'
import { rootUp } from '../root.ts'
import type { Facts } from './facts.ts'
import { offLately, pegOf } from './peg.ts'
import * as rules from './rules.ts'

export type Haircut = {
  /** Shares of the value, each on its own. */
  readonly parts: {
    /** What the price may lose until it is sold, and what the selling costs, with the cap full. */
    readonly volatility: Ratio
    readonly liquidity: Ratio
    readonly oracle: Ratio
    readonly peg: Ratio
    readonly security: Ratio
  }
  readonly horizonSeconds: bigint
  /** All of them, one after the other, at least what the class has; rounded up to a tenth of a percent. */
  readonly haircut: Ratio
}

/** The most that is taken of it, over all accounts: a share of what can be sold in a bad day. Rounds down. */
export function capOf({ dailyVolume }: Pick<Facts, 'dailyVolume'>): Usd {
  return (dailyVolume * rules.STRESS_DEPTH * rules.CAP_SHARE) / (WAD * WAD)
}

export function haircutOf(facts: Facts, kind: rules.Class, confidence: Ratio): Haircut {
  const { history, price, dailyVolume, spread } = facts
  const lossOverBar = max(0n, quantile(lossesOf(history.closes), confidence))
  const lossOver = (seconds: bigint) => mulUp(lossOverBar, rootOfTime(seconds, history.interval))
  const sold = mulUp(capOf(facts), rules.ACCOUNT_SHARE)
  const stressed = max(1n, (dailyVolume * rules.STRESS_DEPTH) / WAD)
  const horizonSeconds = horizonOf(facts, sold, stressed)
  const volatility = max(lossOver(horizonSeconds), rules.GAP[kind])
  const dailyDeviation = mulUp(momentsOf(history).deviation, rootOfTime(86_400n, history.interval))
  const liquidity = divUp(spread, 2n) + mulUp(dailyDeviation, rootUp(divUp(sold * WAD, stressed) * WAD))
  const market = mulUp(volatility + liquidity, rules.CONCENTRATION)
  const wrongWay = facts.isOwnToken ? mulUp(market, rules.OWN_TOKEN_SHARE) : 0n
  const oracle =
    max(lossOver(BigInt(price.maxAgeSeconds)), price.deviation) +
    mulUp(price.confidence, rules.CONFIDENCES) +
    (price.dispersion > rules.DISPERSION_NOTED ? divUp(price.dispersion, 2n) : 0n)
  const [peg, security] = [pegPartOf(facts), securityOf(facts)]
  const whole = [market + wrongWay, oracle, peg, security].reduce(after, 0n)
  return {
    parts: { volatility, liquidity, oracle, peg, security },
    horizonSeconds,
    haircut: min(WAD, grainUp(max(whole, rules.LEAST[kind]))),
  }
}

/** What is gone once another share of the rest is. */
function after(gone: Ratio, share: Ratio): Ratio {
  return gone + mulUp(WAD - gone, min(WAD, share))
}

function horizonOf({ routeSeconds }: Facts, sold: Usd, stressed: Usd): bigint {
  const { least, most } = rules.SELLING_SECONDS
  const selling = divUp(sold * 86_400n * WAD, stressed * rules.PARTICIPATION)
  return rules.DETECTION_SECONDS + BigInt(routeSeconds) + rules.AUCTION_SECONDS + max(least, min(most, selling))
}

/** A price wanders with the root of time. */
function rootOfTime(seconds: bigint, interval: number): Ratio {
  return rootUp(divUp(seconds * WAD, BigInt(interval)) * WAD)
}

function lossesOf(closes: readonly bigint[]): Ratio[] {
  return closes.slice(1).map((close, i) => WAD - (close * WAD) / (closes[i] ?? 1n))
}

function pegPartOf(facts: Facts): Ratio {
  const off = pegOf(facts)
  if (!off || !facts.peg) return 0n
  return rules.PEG[facts.peg.issue] + rules.PEG_SLOPE * max(0n, offLately(off) - rules.PEG_QUIET)
}

/** One minus a power of e is less than the exponent. */
function securityOf({ chain, isWrapped }: Facts): Ratio {
  const aYear = rules.CHAIN_FAILURES[chain] + rules.ROUTE_FAILURES + (isWrapped ? rules.WRAPPER_FAILURES : 0n)
  return divUp(aYear * rules.HOLDING_DAYS, 365n)
}

/** To the next tenth of a percent. */
export function grainUp(value: Ratio): Ratio {
  return divUp(value, rules.GRAIN) * rules.GRAIN
}
