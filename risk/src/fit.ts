/** The margin formula's parameters out of recorded prices, by the rules of spec/capital.md. Not out of the books they are for. */
import { abs, max, mulDown, type Ratio, rootUp, WAD } from '@omnimargin/core/wad'
import { barsIn, between, commonSpan, type Series } from './bars.ts'
import { returnsOf } from './moments.ts'
import { quantile } from './quantile.ts'
import type { CreditTerms, Terms } from './terms.ts'
import { slidingMax } from './window.ts'

/** The time a close-out may take. */
const POSITION_SECONDS = 4 * 3600
const MAINTENANCE_CONFIDENCE = (WAD * 99n) / 100n
const INITIAL_CONFIDENCE = (WAD * 999n) / 1000n
/** A credit is what the worst of these stretches gave, and not all of it. */
const CREDIT_SECONDS = 90 * 86_400
const CREDIT_STEP_SECONDS = 30 * 86_400
const CREDIT_KEPT = (WAD * 85n) / 100n
/** Rates and credits are rounded to a tenth of a percent: up, and down. */
const GRAIN = WAD / 1000n

/** The terms with rates, credits and leg shares put in; what no price tells is left as it is. */
export function fitTerms(terms: Terms, series: readonly Series[]): Terms {
  const underlyings = new Map(terms.underlyings)
  for (const one of series) {
    const before = underlyings.get(one.symbol)
    if (before) underlyings.set(one.symbol, { ...before, ...ratesOf(one, before.basisRate) })
  }
  const chains = [...terms.chains].map(([name, chain]) => {
    const share = legShareOf(chain.latencySeconds)
    return [name, { ...chain, initialLegShare: share, maintenanceLegShare: share }] as const
  })
  return { ...terms, underlyings, credits: creditsOf(series), chains: new Map(chains) }
}

/** How far the price goes against a position, long or short, before it is closed, less the basis that each leg is charged anyway. */
function ratesOf(series: Series, basisRate: Ratio): { initialRate: Ratio; maintenanceRate: Ratio } {
  const moves = adverseMovesOf(series)
  const besideBasis = (confidence: Ratio) => max(0n, grainUp(quantile(moves, confidence)) - basisRate)
  return { initialRate: besideBasis(INITIAL_CONFIDENCE), maintenanceRate: besideBasis(MAINTENANCE_CONFIDENCE) }
}

/** Both ways from each start: the greatest move by a close within the position's time, as a share of the price at the start. */
function adverseMovesOf({ closes, interval }: Series): bigint[] {
  const width = barsIn(POSITION_SECONDS, interval)
  const highest = slidingMax(closes, width)
  const lowest = slidingMax(
    closes.map((close) => -close),
    width,
  )
  return highest.flatMap((high, start) => {
    const close = closes[start] ?? 1n
    return [((high - close) * WAD) / close, ((close + (lowest[start] ?? 0n)) * WAD) / close]
  })
}

/** Largest first, as the formula takes them. A pair that gives nothing is left out. */
function creditsOf(series: readonly Series[]): CreditTerms[] {
  return series
    .flatMap((first, i) => series.slice(i + 1).map((second) => creditOf(first, second)))
    .filter(({ ratio }) => ratio > 0n)
    .sort((a, b) => (a.ratio > b.ratio ? -1 : 1))
}

/** The least, over the stretches, of what a long of one and a short of the other of equal risk saved against the two alone. */
function creditOf(first: Series, second: Series): CreditTerms {
  const { from, to, interval } = commonSpan([first, second])
  const horizon = barsIn(POSITION_SECONDS, interval)
  const stretch = barsIn(CREDIT_SECONDS, interval)
  const step = barsIn(CREDIT_STEP_SECONDS, interval)
  const moves = [first, second].map((one) => returnsOf(between(one, from, to), horizon))
  const [a = [], b = []] = moves
  let least = WAD
  for (let at = 0; at + stretch <= a.length; at += step) {
    const saved = savedBy(a.slice(at, at + stretch), b.slice(at, at + stretch))
    if (saved < least) least = saved
  }
  const isKnown = a.length >= stretch
  const ratio = isKnown ? mulDown(max(0n, least), CREDIT_KEPT) : 0n
  return { first: first.symbol, second: second.symbol, ratio: ratio - (ratio % GRAIN) }
}

function savedBy(a: readonly bigint[], b: readonly bigint[]): Ratio {
  const [riskOfA, riskOfB] = [a, b].map((moves) => max(1n, quantile(moves.map(abs), MAINTENANCE_CONFIDENCE)))
  const pair = a.map((move, i) => (move * WAD) / (riskOfA ?? 1n) - ((b[i] ?? 0n) * WAD) / (riskOfB ?? 1n))
  return WAD - quantile(pair.map(abs), MAINTENANCE_CONFIDENCE) / 2n
}

/** A price wanders with the root of time: a leg that is late is bare for its latency, out of the position's time. */
function legShareOf(latencySeconds: number): Ratio {
  const share = rootUp((BigInt(latencySeconds) * WAD * WAD) / BigInt(POSITION_SECONDS))
  return share > WAD ? WAD : grainUp(share)
}

function grainUp(value: Ratio): Ratio {
  return ((value + GRAIN - 1n) / GRAIN) * GRAIN
}
