import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { hoursOf } from '@omnimargin/risk/estimate/hours'
import { type Market, marketOf } from '@omnimargin/risk/estimate/market'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import { candlesWith } from './markets.ts'

const HOUR = 3600
const MINUTE = 60
const RECORDED = 1000
const END = RECORDED * HOUR
/** Minutes of one deviation an hour: the first hours are recorded as bars, the rest is told as it comes. */
const minutes = candlesWith((RECORDED + 200) * 60, 30n, () => 0.01 / Math.sqrt(60)).map(({ close }) => close)
const recorded = Array.from({ length: RECORDED }, (_, hour) => barOf(hour))

function barOf(hour: number): Candle {
  const own = minutes.slice(hour * 60, (hour + 1) * 60)
  const open = minutes[hour * 60 - 1] ?? own[0]!
  const [high, low] = [Math.max(open, ...own), Math.min(open, ...own)]
  return { time: hour * HOUR, open, high, low, close: own.at(-1)! }
}

/** Told one price every so many minutes of so many hours from the end of the records; the quantile at the end of each. */
function polled(market: Market, every: number, hours: number): (number | undefined)[] {
  return Array.from({ length: hours }, (_, hour) => {
    for (let minute = 0; minute < 60; minute++) {
      const since = hour * 60 + minute
      if (since % every === every - 1) market.hear(minutes[RECORDED * 60 + since]!, END + since * MINUTE)
    }
    market.pass(END + (hour + 1) * HOUR)
    return market.expected()?.quantile
  })
}

test('HCT-22 a price asked for every second hour is not calm: what was expected stays, and lapses', () => {
  const market = marketOf(recorded, undefined, DEFAULTS)
  const before = market.expected()?.quantile
  assert(before)
  const [dense, sparse] = [polled(marketOf(recorded, undefined, DEFAULTS), 1, 200), polled(market, 120, 200)]
  assert.deepEqual(sparse.slice(0, 3), [before, before, before])
  assert.deepEqual(new Set(sparse.slice(3)), new Set([undefined]))
  for (const [hour, quantile] of dense.entries()) assert(quantile && quantile > before / 3, `${quantile} in ${hour}`)
  // Once it is looked at again it is as wild as it was, not as calm as nobody saw it.
  const [last = 0, start] = [RECORDED + 200, minutes.at(-1)!]
  const later = candlesWith(30 * 60, 31n, () => 0.01 / Math.sqrt(60)).map(({ close }) => (close * start) / 1000)
  const quantiles = later.map((price, minute) => {
    market.hear(price, last * HOUR + minute * MINUTE)
    return market.expected()?.quantile
  })
  assert.deepEqual(new Set(quantiles.slice(0, 24 * 60)), new Set([undefined]))
  assert((quantiles.at(-1) ?? 0) > before / 3, `${quantiles.at(-1)}`)
})

test('HCT-22 an hour after a gap is known by where it ended alone, and moves no forecast', () => {
  const hours = hoursOf(0)
  const prices = [
    [0, 10],
    [1, 12],
    [3601, 13],
    [3602, 9],
    [14_401, 8],
    [14_402, 8.5],
    [18_001, 7],
    [18_002, 6],
  ] as const
  const bars = prices.flatMap(([time, price]) => hours.add(price, time) ?? [])
  bars.push(hours.pass(21_600) ?? assert.fail())
  assert.deepEqual(
    bars.map(({ open, high, low, close }) => [open, high, low, close]),
    [
      [10, 12, 10, 12],
      [13, 13, 9, 9],
      [8.5, 8.5, 8.5, 8.5],
      [7, 7, 6, 6],
    ],
  )
  const observe = observerOf(DEFAULTS, DEFAULTS.estimator.least)
  const before = recorded.map(observe).at(-1)
  const still = { open: 1000, high: 1000, low: 1000, close: 1000 }
  assert.deepEqual(observe({ time: END + HOUR, ...still }), before)
  // One that has a range, as recorded ones do, is taken for the hour that it is.
  assert.notDeepEqual(observe({ time: END + 3 * HOUR, ...still, high: 1001 }), before)
})

test('HCT-22 a stablecoin that stands still while it is looked at is calm', () => {
  const market = marketOf([], 0.005, DEFAULTS)
  for (let minute = 0; minute < 800 * 60; minute += 10) market.hear(1, 1_000 * HOUR + minute * MINUTE)
  const { quantile } = market.expected() ?? assert.fail()
  assert(quantile < 0.0005, `${quantile}`)
})

test('HCT-22 records that ended long ago say nothing of now, until enough is seen', () => {
  const now = END + 1000 * 24 * HOUR
  const market = marketOf(recorded, undefined, DEFAULTS)
  assert(market.expected())
  assert.deepEqual([market.bars(), market.newest()], [RECORDED, END])
  market.pass(now)
  assert.equal(market.expected(), undefined)
  const told: boolean[] = []
  for (let hour = 0; hour < 30; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      market.hear(minutes[hour * 60 + minute]!, now + hour * HOUR + minute * MINUTE)
    }
    market.pass(now + (hour + 1) * HOUR)
    told.push(market.expected() !== undefined)
  }
  // The first hour follows none.
  assert.equal(told.indexOf(true), 24)
  assert.equal(told.lastIndexOf(false), 23)
  assert.deepEqual([market.bars(), market.newest()], [RECORDED + 30, now + 30 * HOUR])
  // An outage of a few hours takes the forecast while it lasts; two hours after it is there again.
  const back = now + 36 * HOUR
  market.pass(back)
  assert.equal(market.expected(), undefined)
  for (const hour of [0, 1]) for (const minute of [10, 50]) market.hear(1000, back + hour * HOUR + minute * MINUTE)
  market.pass(back + HOUR)
  assert.equal(market.expected(), undefined)
  market.pass(back + 2 * HOUR)
  assert(market.expected())
})

test('HCT-22 made-up hours are of no time: what comes first follows them', () => {
  const now = END + 1000 * 24 * HOUR + 1234
  const market = marketOf(recorded, undefined, DEFAULTS, true)
  market.hear(minutes[RECORDED * 60]!, now)
  market.pass(now + HOUR)
  assert(market.expected())
  assert.deepEqual([market.bars(), market.newest()], [RECORDED + 1, now - (now % HOUR) + HOUR])
  market.pass(now + 5 * HOUR)
  assert.equal(market.expected(), undefined, 'and lapse like others')
  // A price of their own time is in them.
  const early = marketOf(recorded, undefined, DEFAULTS, true)
  early.hear(1000, END - 10)
  early.pass(END + 2 * HOUR)
  assert.equal(early.bars(), RECORDED)
})

test('HCT-22 a peg is told from where a recorded hour ended', () => {
  const [fallen, par] = [0.97, 1].map((close, i) => ({ time: i * HOUR, open: 1, high: 1, low: close, close }))
  const market = marketOf([fallen!, par!], 0.005, DEFAULTS)
  const healed = market.peg().haircut
  market.hear(1, 2 * HOUR + 6 * HOUR)
  assert(Math.abs(market.peg().haircut - 0.005 - (healed - 0.005) / 2) < 1e-12)
})
