/** One price as it is lived through: recorded hours first, then prices as they come; what it may lose next, and what its peg is worth. */
import type { Candle } from './candle.ts'
import { type Past, pastOf } from './crossing.ts'
import type { Defaults } from './defaults.ts'
import { hoursOf } from './hours.ts'
import { observerOf } from './observer.ts'
import { type Pegged, pegOf } from './peg.ts'

/** What is expected of the next hour; nothing until there were bars enough, and enough of them of late. */
export type Expected = { readonly quantile: number; readonly longRun: number }

export type Market = {
  /** A price in dollars, at its time in seconds; told in order. */
  readonly hear: (price: number, time: number) => void
  /** So late is it now: an hour that is over counts. */
  readonly pass: (time: number) => void
  readonly expected: () => Expected | undefined
  /** Whether there were bars enough, and it is of late that they are missing. */
  readonly isStale: () => boolean
  /** h_peg; zero where nothing is pegged. */
  readonly peg: () => Pegged
  /** The loss quantile of the next hour, of what is pegged at least its haircut: its calm years say less. Zero where nothing is known. */
  readonly quantile: () => number
  /** How far prices went within an hour, in such quantiles. */
  readonly past: Past
  /** Hours told to the estimator so far, and when the newest of them was over. */
  readonly bars: () => number
  readonly newest: () => number | undefined
}

const HOUR = 3600

/** `pegFloor` only of what is to be worth one dollar. Hours that are made up are of no time: what is heard or passes first comes right after. */
export function marketOf(
  recorded: readonly Candle[],
  pegFloor: number | undefined,
  defaults: Defaults,
  isMadeUp = false,
): Market {
  const observe = observerOf(defaults, defaults.estimator.least)
  const past = pastOf(defaults)
  const pegged = pegFloor === undefined ? undefined : pegOf(pegFloor, defaults)
  const recordedTo = recorded.length === 0 ? 0 : (recorded.at(-1)?.time ?? 0) + HOUR
  const hours = hoursOf(recordedTo)
  const recent = recentOf(defaults)
  let now = recordedTo
  let lead = isMadeUp ? undefined : 0
  const clock = (time: number) => {
    lead ??= Math.max(0, time - (time % HOUR) - recordedTo)
    now = Math.max(now, time - lead)
    return time - lead
  }
  let expected: Expected | undefined
  let [heardAt, bars] = [0, 0]
  let peg: Pegged = { haircut: pegFloor ?? 0, now: pegFloor ?? 0 }
  let before: Candle | undefined
  const expectedNow = () => (recent.isEnough(now) ? expected : undefined)
  /** Of the quantile, as it was when the hour that is learned next began. */
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
    if (before?.time === candle.time - HOUR) recent.add(candle.time + HOUR)
    before = candle
    bars += 1
    unit = Math.max(expected?.quantile ?? 0, peg.haircut)
  }
  for (const candle of recorded) {
    learnPeg(candle.close, candle.time + HOUR)
    learn(candle)
  }
  return {
    hear: (price, time) => {
      const own = clock(time)
      learn(hours.add(price, own))
      learnPeg(price, own)
    },
    pass: (time) => learn(hours.pass(clock(time))),
    expected: expectedNow,
    isStale: () => expected !== undefined && expectedNow() === undefined,
    peg: () => peg,
    quantile: () => Math.max(expectedNow()?.quantile ?? 0, peg.haircut),
    past,
    bars: () => bars,
    newest: () => before && before.time + HOUR + (lead ?? 0),
  }
}

/** Ends of the newest hours that came right after one that was seen. */
function recentOf({ estimator: { silence } }: Defaults) {
  const ends: number[] = []
  return {
    add: (end: number) => {
      ends.push(end)
      if (ends.length > silence.least) ends.shift()
    },
    isEnough: (now: number) => {
      const [oldest, newest] = [ends[0] ?? 0, ends.at(-1) ?? 0]
      return ends.length === silence.least && now - newest <= silence.most && now - oldest < silence.within
    },
  }
}
