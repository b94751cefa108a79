/** One price as it is lived through: recorded hours first, then prices as they come; what it may lose next, and what its peg is worth. */
import type { Candle } from './candle.ts'
import { type Past, pastOf } from './crossing.ts'
import type { Defaults } from './defaults.ts'
import { hoursOf } from './hours.ts'
import { observerOf } from './observer.ts'
import { pegOf } from './peg.ts'

/** What is expected of the next hour; nothing until there were bars enough. */
export type Expected = { readonly quantile: number; readonly longRun: number }

export type Market = {
  /** A price in dollars, at its time in seconds; told in order. */
  readonly hear: (price: number, time: number) => void
  /** So late is it now: an hour that is over counts. */
  readonly pass: (time: number) => void
  readonly expected: () => Expected | undefined
  /** h_peg; zero where nothing is pegged. */
  readonly peg: () => number
  /** The loss quantile of the next hour, of what is pegged at least its haircut: its calm years say less. Zero where nothing is known. */
  readonly quantile: () => number
  /** How far prices went within an hour, in such quantiles. */
  readonly past: Past
  /** Hours told to the estimator so far. */
  readonly bars: () => number
}

const HOUR = 3600

/** `pegFloor` only of what is to be worth one dollar. */
export function marketOf(recorded: readonly Candle[], pegFloor: number | undefined, defaults: Defaults): Market {
  const observe = observerOf(defaults, defaults.estimator.least)
  const past = pastOf(defaults)
  const pegged = pegFloor === undefined ? undefined : pegOf(pegFloor, defaults)
  const hours = hoursOf(recorded.length === 0 ? 0 : (recorded.at(-1)?.time ?? 0) + HOUR)
  let expected: Expected | undefined
  let [peg, heardAt, bars] = [pegFloor ?? 0, 0, 0]
  let before: Candle | undefined
  const quantileNow = () => Math.max(expected?.quantile ?? 0, peg)
  /** As it was when the hour that is learned next began. */
  let unit = 0
  const learnPeg = (price: number, time: number) => {
    if (pegged === undefined || time < heardAt) return
    peg = pegged(price, heardAt === 0 ? 0 : time - heardAt)
    heardAt = time
  }
  const learn = (candle: Candle | undefined) => {
    if (candle === undefined) return
    if (before) past.add(before, candle, unit)
    const { 'QR+ACI': quantile, longRun } = observe(candle)
    if (quantile !== undefined && longRun !== undefined) expected = { quantile, longRun }
    before = candle
    bars += 1
    unit = quantileNow()
  }
  for (const candle of recorded) {
    learnPeg(candle.close, candle.time)
    learn(candle)
  }
  return {
    hear: (price, time) => {
      learn(hours.add(price, time))
      learnPeg(price, time)
    },
    pass: (time) => learn(hours.pass(time)),
    expected: () => expected,
    peg: () => peg,
    quantile: quantileNow,
    past,
    bars: () => bars,
  }
}
