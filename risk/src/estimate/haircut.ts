/** The haircut of one asset on one chain, with all that it is made of: spec/haircut.md, in its symbols. */
import { max, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import type { Defaults } from './defaults.ts'
import { messageSeconds } from './latency.ts'
import { ratioUp, shareOf } from './ratio.ts'
import { slowTargetOf, stepSlow } from './speeds.ts'

/** Shares of one, seconds and US dollars, none below zero. */
export type HaircutInputs = {
  /** q and q_LR: one-hour loss quantiles, the estimator's and the one over all of the past. */
  readonly quantile: number
  readonly longRunQuantile: number
  /** g: what the price may jump in no time. */
  readonly gap: number
  /** T_fin, the tail of the route's deliveries, and the age of its newest heartbeat. */
  readonly finalitySeconds: number
  readonly latencyTailSeconds: number
  readonly heartbeatAgeSeconds: number
  /** Q, to be sold; V, held by all accounts of it on the chain; ADV, traded a day that can be reached there; phi, what stress leaves of it. */
  readonly amount: number
  readonly held: number
  readonly depthPerDay: number
  readonly depthLeft: number
  readonly spread: number
  readonly oracleAgeSeconds: number
  readonly oracleConfidence: number
  /** h_peg, of pegOf; zero where nothing is pegged. */
  readonly peg: number
  /** lambda and LGD of chain, route and wrapping together. */
  readonly failuresPerYear: number
  readonly lossGivenFailure: number
  /** H_min: never counted. */
  readonly least: number
}

/** The slow haircut as it was, and how long ago. */
export type SlowBefore = { readonly haircut: Ratio; readonly seconds: number }

/** Every term: shares of the price, and seconds. */
export type HaircutTerms = {
  readonly stallChance: number
  readonly messageSeconds: number
  readonly executeSeconds: number
  readonly horizonSeconds: number
  /** h_vol, and how much of it is for the message. */
  readonly volatility: number
  readonly latency: number
  readonly liquidity: number
  /** CR, a factor. */
  readonly concentration: number
  readonly market: number
  readonly oracle: number
  readonly peg: number
  readonly security: number
  /** H of the terms, before it is rounded, and what it would be without a message, and with the long run's quantile. */
  readonly haircut: number
  readonly withoutMessage: number
  readonly longRun: number
}

export type Haircut = {
  /** For opening, withdrawing, transferring. */
  readonly fast: Ratio
  /** For liquidation, and where it is going. */
  readonly slow: Ratio
  readonly slowTarget: Ratio
  /** L_j: the share that waiting for a message costs. */
  readonly latencyPremium: Ratio
  readonly terms: HaircutTerms
}

const HOUR = 3600
const DAY = 86_400
/** A day's deviation out of an hour's 99 % quantile, were returns normal; they are not, so this is too much rather than too little. */
const HOURS_OF_DAY = 24
const NORMAL_99 = 2.326

/** Without a slow haircut before, it starts at its target. Throws RangeError on what is no number or below zero. */
export function computeHaircut(inputs: HaircutInputs, defaults: Defaults, before?: SlowBefore): Haircut {
  assertInputs(inputs)
  const { seconds: message, stalled } = messageSeconds(inputs.latencyTailSeconds, inputs.heartbeatAgeSeconds, defaults)
  const execute = executeSeconds(inputs, defaults)
  const base = defaults.horizon.detect + inputs.finalitySeconds + defaults.horizon.auction + execute
  const horizon = base + message
  const now = composed(inputs, inputs.quantile, horizon, defaults)
  const withoutMessage = composed(inputs, inputs.quantile, base, defaults)
  const longRun = composed(inputs, inputs.longRunQuantile, horizon, defaults).haircut
  const target = Math.min(1, slowTargetOf(now.haircut, longRun, defaults))
  const slow = before ? stepSlow(shareOf(before.haircut), target, before.seconds, defaults) : target
  const [fast, slowUp] = [ratioUp(now.haircut), ratioUp(Math.min(1, slow))]
  return {
    fast: max(fast, slowUp),
    slow: slowUp,
    slowTarget: ratioUp(target),
    latencyPremium: fast - ratioUp(withoutMessage.haircut),
    terms: {
      stallChance: stalled,
      messageSeconds: message,
      executeSeconds: execute,
      horizonSeconds: horizon,
      ...now,
      latency: now.volatility - withoutMessage.volatility,
      withoutMessage: withoutMessage.haircut,
      longRun,
    },
  }
}

/** H of one quantile and one horizon. */
function composed(inputs: HaircutInputs, quantile: number, horizon: number, defaults: Defaults) {
  const { least, spread, oracleAgeSeconds, oracleConfidence } = inputs
  const { impact, oracle: oracles, security: failures } = defaults
  const depth = stressedDepth(inputs)
  const volatility = Math.max(quantile * Math.sqrt(horizon / HOUR), inputs.gap)
  const daily = (quantile * Math.sqrt(HOURS_OF_DAY)) / NORMAL_99
  const liquidity = spread / 2 + impact.factor * daily * Math.sqrt(inputs.amount / depth)
  const crowd = inputs.held / (impact.concentration * depth)
  const concentration = Math.sqrt(Math.sqrt(1 + crowd * crowd))
  const market = concentration * (volatility + liquidity)
  const drift = Math.max(quantile * Math.sqrt(oracleAgeSeconds / HOUR), oracles.deviation)
  const oracle = drift + oracles.confidences * oracleConfidence
  const security = inputs.lossGivenFailure * chanceOfOne(inputs.failuresPerYear * failures.holdingYears)
  const peg = inputs.peg
  const kept = (1 - softCap(market)) * (1 - softCap(oracle)) * (1 - softCap(peg)) * (1 - softCap(security))
  const haircut = Math.max(least, 1 - kept)
  return { volatility, liquidity, concentration, market, oracle, peg, security, haircut }
}

type Depth = Pick<HaircutInputs, 'depthPerDay' | 'depthLeft'>

/** What can be sold in a bad day, in USD to a dollar. */
export function stressedUsd(depth: Depth): Usd {
  const rounded = stressedDepth(depth) + 0.5
  return BigInt(rounded - (rounded % 1)) * WAD
}

/** phi * ADV; a market without any is given one dollar a day. */
export function stressedDepth({ depthPerDay, depthLeft }: Depth): number {
  return Math.max(1, depthLeft * depthPerDay)
}

/** x / (1 + x^8)^(1/8), written so that no rounding makes it fall where x rises: x itself while small, never above one, no kink. */
export function softCap(x: number): number {
  if (!(x > 0)) return 0
  const inverse = 1 / x
  const square = inverse * inverse
  const fourth = square * square
  return 1 / Math.sqrt(Math.sqrt(Math.sqrt(fourth * fourth + 1)))
}

/** 1 - e^-x: that something happens which is expected x times. Out of powers of e^(x / 32), all rising, so that no rounding makes it fall. */
function chanceOfOne(expected: number): number {
  // Beyond 40 it is one to the last bit.
  const part = Math.min(40, expected) / 32
  let power = 1
  for (let n = 24; n >= 1; n--) power = 1 + (power * part) / n
  for (let doubling = 0; doubling < 5; doubling++) power *= power
  return 1 - 1 / power
}

/** Until so much is sold without being more than a small part of the trade. */
function executeSeconds(inputs: HaircutInputs, { horizon }: Defaults): number {
  const perSecond = (horizon.participation * stressedDepth(inputs)) / DAY
  return Math.min(horizon.executeMost, Math.max(horizon.executeLeast, inputs.amount / perSecond))
}

function assertInputs(inputs: HaircutInputs): void {
  for (const name of Object.keys(inputs) as (keyof HaircutInputs)[]) {
    if (inputs[name] >= 0 && inputs[name] < Number.POSITIVE_INFINITY) continue
    throw new RangeError(`${name} is ${inputs[name]}: give a finite number that is not below zero.`)
  }
  for (const name of ['least', 'lossGivenFailure'] as const) {
    if (inputs[name] > 1) throw new RangeError(`${name} is ${inputs[name]}: it is a share, give at most 1.`)
  }
}
