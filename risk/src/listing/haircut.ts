/** What of an asset does not count, by the one formula there is (spec/haircut.md), told what spec/listing.md says. */
import { divUp, max, min, mulDown, mulUp, type Ratio, rootUp, type Usd, WAD } from '@omnimargin/core/wad'
import { DEFAULTS } from '../estimate/defaults.ts'
import { computeHaircut, type HaircutTerms } from '../estimate/haircut.ts'
import { shareOf } from '../estimate/ratio.ts'
import { quantile } from '../quantile.ts'
import type { Facts } from './facts.ts'
import { type History, lossesOf } from './history.ts'
import { offLately, pegOf } from './peg.ts'
import * as rules from './rules.ts'

export type Haircut = {
  readonly terms: HaircutTerms
  /** At least what the class has; rounded up to a tenth of a percent. */
  readonly haircut: Ratio
}

/** The most that is taken of it, over all accounts: a share of what can be sold in a bad day. Rounds down. */
export function capOf(stressed: Usd): Usd {
  return mulDown(stressed, rules.CAP_SHARE)
}

/** What can be sold of it in a bad day. Rounds down. */
export function stressedOf({ dailyVolume }: Pick<Facts, 'dailyVolume'>, kind: rules.Class): Usd {
  return mulDown(dailyVolume, rules.DEPTH_LEFT[kind])
}

/** With the cap full, and an account's share of it to be sold; the losses are those of this part of its history. */
export function haircutOf(
  facts: Facts,
  kind: rules.Class,
  confidence: Ratio,
  history: History = facts.history,
): Haircut {
  const { price, dailyVolume, routeSeconds, spread } = facts
  const loss = max(0n, quantile(lossesOf(history), confidence))
  const hourly = mulUp(loss, rootUp(divUp(3_600n * WAD, BigInt(history[0]?.interval ?? 1)) * WAD))
  // All that is lost by selling is in proportion to loss, gap and spread.
  const lost = (share: Ratio) => shareOf(facts.isOwnToken ? mulUp(share, rules.OWN_TOKEN_FACTOR) : share)
  const apart = price.dispersion > rules.DISPERSION_NOTED ? divUp(price.dispersion * WAD, 2n * rules.CONFIDENCES) : 0n
  const cap = capOf(stressedOf(facts, kind))
  const { fast, terms } = computeHaircut(
    {
      quantile: lost(hourly),
      longRunQuantile: lost(hourly),
      gap: lost(rules.GAP[kind]),
      spread: lost(spread),
      finalitySeconds: 0,
      latencyTailSeconds: routeSeconds,
      heartbeatAgeSeconds: 0,
      amount: dollarsOf(mulUp(cap, rules.ACCOUNT_SHARE)),
      held: dollarsOf(cap),
      depthPerDay: dollarsOf(dailyVolume),
      depthLeft: shareOf(rules.DEPTH_LEFT[kind]),
      oracleAgeSeconds: price.maxAgeSeconds,
      oracleConfidence: shareOf(price.confidence + apart),
      peg: shareOf(pegPartOf(facts)),
      failuresPerYear: shareOf(failuresOf(facts)),
      lossGivenFailure: 1,
      least: 0,
    },
    { ...DEFAULTS, oracle: { deviation: shareOf(price.deviation), confidences: shareOf(rules.CONFIDENCES) } },
  )
  return { terms, haircut: min(WAD, max(grainUp(fast), rules.LEAST[kind])) }
}

function dollarsOf(usd: Usd): number {
  return Number(usd) / Number(WAD)
}

function pegPartOf(facts: Facts): Ratio {
  const off = pegOf(facts)
  if (!off || !facts.peg) return 0n
  return rules.PEG[facts.peg.issue] + rules.PEG_SLOPE * max(0n, offLately(off, rules.DAY_SECONDS) - rules.PEG_QUIET)
}

/** Of the chain, the route, and what a wrapped token is locked in. */
function failuresOf({ chain, isWrapped }: Facts): Ratio {
  return rules.CHAIN_FAILURES[chain] + rules.ROUTE_FAILURES + (isWrapped ? rules.WRAPPER_FAILURES : 0n)
}

/** To the next tenth of a percent. */
export function grainUp(value: Ratio): Ratio {
  return divUp(value, rules.GRAIN) * rules.GRAIN
}
