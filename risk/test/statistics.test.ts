import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trialOf, walk } from '@omnimargin/risk/estimate/backtest'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import {
  christoffersen,
  judge,
  kupiec,
  peakToTrough,
  pinball,
  rise,
  scaleOf,
} from '@omnimargin/risk/estimate/statistics'
import fc from 'fast-check'
import { candlesWith } from './markets.ts'

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)
/** Cumulative distribution of a chi-squared with one degree of freedom, by the trapezoid rule on its root. */
function tailOfChiSquared(statistic: number): number {
  const [steps, upper] = [200_000, Math.sqrt(statistic)]
  let sum = 0
  for (let i = 0; i <= steps; i++) {
    const z = (upper * i) / steps
    sum += Math.exp((-z * z) / 2) * (i === 0 || i === steps ? 0.5 : 1)
  }
  return 1 - (2 * sum * upper) / steps / Math.sqrt(2 * Math.PI)
}

test('HCT-17 Kupiec’s test: by hand, and where it must accept and refuse', () => {
  // 250 days at 99 %: ten misses are refused far out, as the Basel committee's red zone says; two or three are what is expected.
  const statistic = -2 * (240 * Math.log(0.99 / 0.96) + 10 * Math.log(0.01 / 0.04))
  near(kupiec(250, 10, 0.01), tailOfChiSquared(statistic), 1e-9)
  near(statistic, 12.9555, 1e-4)
  assert(kupiec(250, 10, 0.01) < 0.001)
  assert(kupiec(250, 3, 0.01) > 0.7)
  near(kupiec(1000, 10, 0.01), 1)
  // Kupiec (1995), table 3: of 255 days at 1 %, fewer than 7 misses are not refused at 5 %, seven are.
  assert(kupiec(255, 6, 0.01) > 0.05 && kupiec(255, 7, 0.01) < 0.05)
  // No miss at all: -2 * 255 ln 0.99 = 5.13.
  near(kupiec(255, 0, 0.01), tailOfChiSquared(-510 * Math.log(0.99)), 1e-9)
})

test('HCT-17 Christoffersen’s test: by hand, and where misses come together', () => {
  // 0 0 1 1 0 1 0 0 0 1: of nine steps, calm-calm 3, calm-miss 3, miss-calm 2, miss-miss 1.
  const few = Float64Array.from([0, 0, 1, 1, 0, 1, 0, 0, 0, 1])
  const one = 5 * Math.log(5 / 9) + 4 * Math.log(4 / 9)
  const two = 3 * Math.log(0.5) + 3 * Math.log(0.5) + 2 * Math.log(2 / 3) + Math.log(1 / 3)
  const { christoffersen: p, missAfterMiss } = christoffersen(few)
  near(p, tailOfChiSquared(2 * (two - one)), 1e-9)
  near(missAfterMiss, 1 / 3)
  const apart = Float64Array.from({ length: 10_000 }, (_, i) => (i % 100 === 0 ? 1 : 0))
  const together = Float64Array.from({ length: 10_000 }, (_, i) => (i % 400 < 4 ? 1 : 0))
  assert(christoffersen(apart).christoffersen > 0.1)
  assert(christoffersen(together).christoffersen < 1e-6)
  near(christoffersen(new Float64Array(50)).christoffersen, 1)
})

test('HCT-18 equal coverage is the least factor that keeps the promise', () => {
  const haircut = fc.double({ min: 0.001, max: 0.5, noNaN: true })
  const loss = fc.double({ min: -0.5, max: 0.9, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(haircut, loss), { minLength: 1, maxLength: 300 }), (rows) => {
      const [haircuts, losses] = [0, 1].map((k) => Float64Array.from(rows, (row) => row[k]!)) as [
        Float64Array,
        Float64Array,
      ]
      const scale = scaleOf({ haircuts, losses }, 0.1)
      const missesAt = (factor: number) => losses.filter((one, i) => one > factor * haircuts[i]! * (1 + 1e-12)).length
      assert(missesAt(scale) <= 0.1 * rows.length)
      if (scale > 0) assert(missesAt(scale * (1 - 1e-9)) > 0.1 * rows.length - 1)
    }),
  )
})

test('HCT-18 every other figure, by hand', () => {
  const verdict = judge(
    {
      haircuts: Float64Array.from([0.1, 0.1, 0.2, 0.4]),
      losses: Float64Array.from([0.05, 0.15, -0.1, 0.3]),
      lows: Float64Array.from([0.12, 0.2, 0.1, 0.5]),
      triggers: Uint8Array.from([0, 1, 0, 1]),
    },
    0.25,
  )
  assert.deepEqual([verdict.hours, verdict.misses, verdict.coverage, verdict.triggerHours], [4, 1, 0.75, 2])
  near(verdict.mean, 0.2)
  // One of four may be missed: the next by its ratio is the last hour, 0.3 of 0.4.
  near(verdict.equalCoverage, 0.75 * 0.2)
  near(verdict.shortfall, (0.15 - 0.075) / 4)
  near(verdict.worstShortfall, 0.05)
  near(verdict.pinball, (0.25 * 0.05 + 0.75 * 0.05 + 0.25 * 0.3 + 0.25 * 0.1) / 4)
  assert.deepEqual([verdict.triggerClose, verdict.triggerLow], [0.5, 0])
  near(verdict.peakToTrough, 4)
  near(verdict.rise, 4)
  near(pinball(2, 0.9), 1.8)
  near(pinball(-2, 0.9), 0.2)
  assert.throws(
    () =>
      judge(
        {
          haircuts: new Float64Array(),
          losses: new Float64Array(),
          lows: new Float64Array(),
          triggers: new Uint8Array(),
        },
        0.01,
      ),
    /no hour to judge/,
  )
})

test('HCT-18 peak to trough and rise are those of each span', () => {
  const values = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 20 }), (list, span) => {
      const haircuts = Float64Array.from(list)
      const width = Math.min(span, list.length)
      const spans = list.slice(width - 1).map((_, i) => list.slice(i, i + width))
      const ratios = spans.map((part) => Math.max(...part) / Math.min(...part)).sort((a, b) => a - b)
      const { peakToTrough: middle, worstPeakToTrough: worst } = peakToTrough(haircuts, span)
      near(middle, ratios[ratios.length >> 1]!)
      near(worst, ratios.at(-1)!)
      const rises = list.map((value, i) => value / Math.min(...list.slice(Math.max(0, i - span), i + 1)))
      near(rise(haircuts, span), Math.max(...rises))
    }),
  )
})

test('HCT-19 an hour is judged by what was said before it, and not across a gap', () => {
  const cut = 1500
  const candles = candlesWith(2000, 21n, () => 0.01).map((candle, i) => ({
    ...candle,
    time: (i < cut ? i : i + 50) * 3600,
  }))
  const walked = walk(candles, DEFAULTS, { calibration: 1000 })
  const observe = observerOf(DEFAULTS, 1000)
  const said = candles.map(observe)
  const { haircuts, losses } = trialOf(walked, 'HAR', 'fast', 0, Number.POSITIVE_INFINITY)
  const expected = candles.flatMap((candle, i) => {
    const before = candles[i - 1]
    const haircut = said[i - 1]?.HAR
    if (!before || haircut === undefined || candle.time - before.time !== 3600) return []
    return [[haircut, (before.close - candle.close) / before.close]]
  })
  assert.deepEqual(
    [...haircuts].map((haircut, i) => [haircut, losses[i]]),
    expected,
  )
  assert.equal([...walked.times].includes((cut + 50) * 3600), false)
  assert.equal([...walked.times].includes((cut + 51) * 3600), true)
  // Each beside its low, and whether the hour before it fell.
  for (const [hour, time] of walked.times.entries()) {
    const i = candles.findIndex((candle) => candle.time === time)
    const [first, before, candle] = [candles[i - 2], candles[i - 1]!, candles[i]!]
    near(walked.lows[hour]!, (before.close - candle.low) / before.close)
    const isJoined = first !== undefined && before.time - first.time === 3600
    assert.equal(walked.triggers[hour], isJoined && 1 - before.close / first.close >= 0.02 ? 1 : 0)
  }
  assert(walked.triggers.some((is) => is === 1))
  // A part of the time is just that part.
  const part = trialOf(walked, 'HAR', 'fast', 1200 * 3600, 1300 * 3600)
  assert.equal(part.losses.length, 100)
})
