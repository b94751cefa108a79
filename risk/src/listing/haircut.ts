/** What of an asset does not count, by the one formula there is (spec/haircut.md), told what spec/listing.md says. */
import { divUp, max, min, mulUp, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { DEFAULTS } from '../estimate/defaults.ts'
import { computeHaircut, type HaircutTerms } from '../estimate/haircut.ts'
import { shareOf } from '../estimate/ratio.ts'
import { quantile } from '../quantile.ts'
import { rootUp } from '../root.ts'
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
export function capOf({ dailyVolume }: Pick<Facts, 'dailyVolume'>): Usd {
  return (dailyVolume * rules.STRESS_DEPTH * rules.CAP_SHARE) / (WAD * WAD)
}

/** With the cap full, and an account's share of it to be sold; the losses are those of this part of its history. */
export function haircutOf(
  facts: Facts,
  kind: rules.Class,
  confidence: Ratio,
  history: History = facts.history,
): Haircut {
  const { price, dailyVolume, routeSeconds } = facts
  const loss = max(0n, quantile(lossesOf(history), confidence))
  const hourly = mulUp(loss, rootUp(divUp(3_600n * WAD, BigInt(history[0]?.interval ?? 1)) * WAD))
  // All that is lost by selling is in proportion to these three.
  const more = facts.isOwnToken ? rules.OWN_TOKEN_FACTOR : 1
  const lost = shareOf(hourly) * more
  const apart = price.dispersion > rules.DISPERSION_NOTED ? shareOf(price.dispersion) / 2 : 0
  const { oracle, impact } = DEFAULTS
  const cap = capOf(facts)
  const { fast, terms } = computeHaircut(
    {
      ...{ quantile: lost, longRunQuantile: lost, gap: rules.GAP[kind] * more, spread: shareOf(facts.spread) * more },
      ...{ finalitySeconds: 0, latencyTailSeconds: routeSeconds, heartbeatAgeSeconds: 0 },
      ...{
        amount: dollarsOf(mulUp(cap, rules.ACCOUNT_SHARE)),
        held: dollarsOf(cap),
        depthPerDay: dollarsOf(dailyVolume),
      },
      depthLeft: kind === 'stable' ? impact.depthLeftPeg : impact.depthLeft,
      oracleAgeSeconds: price.maxAgeSeconds,
      oracleConfidence: shareOf(price.confidence) + apart / oracle.confidences,
      peg: shareOf(pegPartOf(facts)),
      ...{ failuresPerYear: failuresOf(facts), lossGivenFailure: 1, least: 0 },
    },
    { ...DEFAULTS, oracle: { ...oracle, deviation: shareOf(price.deviation) } },
  )
  return { terms, haircut: min(WAD, max(grainUp(fast), rules.LEAST[kind])) }
}

function dollarsOf(usd: Usd): number {
  return Number(usd) / 1e18
}

function pegPartOf(facts: Facts): Ratio {
  const off = pegOf(facts)
  if (!off || !facts.peg) return 0n
  return rules.PEG[facts.peg.issue] + rules.PEG_SLOPE * max(0n, offLately(off, rules.DAY_SECONDS) - rules.PEG_QUIET)
}

/** Of the chain, the route, and what a wrapped token is locked in. What is lost is all. */
function failuresOf({ chain, isWrapped }: Facts): number {
  const { ethereum, rollup, otherChain, route, wrapped } = DEFAULTS.security.failuresPerYear
  return { ethereum, rollup, other: otherChain }[chain] + route + (isWrapped ? wrapped : 0)
}

/** To the next tenth of a percent. */
export function grainUp(value: Ratio): Ratio {
  return divUp(value, rules.GRAIN) * rules.GRAIN
}
