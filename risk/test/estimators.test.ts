import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { walk } from '@omnimargin/risk/estimate/backtest'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { erfc, exp, ln, normalQuantileOfTail, normalTail } from '@omnimargin/risk/estimate/elementary'
import { longRun } from '@omnimargin/risk/estimate/longrun'
import { newYorkOf } from '@omnimargin/risk/estimate/newyork'
import { CHOSEN, ESTIMATORS, type Forecasts, observerOf } from '@omnimargin/risk/estimate/observer'
import { ratioUp } from '@omnimargin/risk/estimate/ratio'
import { fitQuantile } from '@omnimargin/risk/estimate/regression'
import { sortedWindow } from '@omnimargin/risk/estimate/rolling'
import { seasonOf } from '@omnimargin/risk/estimate/season'
import { solve } from '@omnimargin/risk/estimate/solve'
import { pinball } from '@omnimargin/risk/estimate/statistics'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import fc from 'fast-check'
import { candlesWith, wandering } from './markets.ts'

const near = (actual: number, expected: number, tolerance = 1e-14) =>
  assert(Math.abs(actual - expected) <= tolerance * Math.abs(expected), `${actual} is not ${expected}`)
const within = fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e-300, max: 1e300 })
const NAMES = [...ESTIMATORS, 'longRun'] as const
/** A week later, so that it is never before 1970. */
const newYorkHourOf = (hour: number) => newYorkOf(hour * 3600) / 3600 + 168

function observed(candles: readonly Candle[], calibration = 1000): Forecasts[] {
  const observe = observerOf(DEFAULTS, calibration)
  return candles.map(observe)
}

test('HCT-01 logarithm and exponential are those of mathematics', () => {
  fc.assert(
    fc.property(
      within,
      (x) => void assert(Math.abs(ln(x) - Math.log(x)) <= 1e-14 * Math.max(1, Math.abs(Math.log(x)))),
    ),
  )
  fc.assert(fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => near(exp(x), Math.exp(x))))
  for (const x of [1, Math.E, 1e-310, 5e-324, Number.MAX_VALUE, 1 + 2 ** -52]) near(ln(x), Math.log(x))
  assert.deepEqual([exp(0), exp(-800), exp(800), ln(1)], [1, 0, Number.POSITIVE_INFINITY, 0])
  for (const x of [0, -1, Number.NaN]) assert.throws(() => ln(x), RangeError)
})

test('HCT-01 the normal tail is as published, and its quantile undoes it', () => {
  // Abramowitz and Stegun, table 7.1, and Wolfram's digits for the far tail.
  near(erfc(0.5), 0.4795001221869535, 1e-13)
  near(erfc(1), 0.15729920705028513, 1e-13)
  near(erfc(2), 0.004677734981047266, 1e-12)
  near(erfc(5), 1.5374597944280349e-12, 1e-12)
  near(erfc(-1), 2 - 0.15729920705028513, 1e-14)
  near(normalTail(2.3263478740408408), 0.01, 1e-12)
  near(erfc(1.9999999999999), erfc(2), 1e-12)
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 0.999, noNaN: true }), (p) =>
      near(normalTail(normalQuantileOfTail(p)), p, 1e-9),
    ),
  )
})

test('HCT-02 a share leaves as the least integer at 1e18 that is not below it', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const ratio = ratioUp(share)
      // Exactly, as fractions of 2^1074: a double is a whole number of those.
      const [numerator, denominator] = fractionOf(share)
      assert(ratio * denominator >= numerator * 10n ** 18n)
      // One unit less is below, or is no more than the last bit of 2^-53.
      assert((ratio - 1n) * denominator < numerator * 10n ** 18n + (denominator * 10n ** 18n) / 2n ** 53n)
    }),
  )
  assert.deepEqual([ratioUp(0), ratioUp(1), ratioUp(0.5)], [0n, 10n ** 18n, 5n * 10n ** 17n])
  for (const share of [-1e-9, 1.1, Number.NaN]) assert.throws(() => ratioUp(share), RangeError)
})

function fractionOf(value: number): [bigint, bigint] {
  let [scaled, denominator] = [value, 1n]
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    denominator *= 2n
  }
  return [BigInt(scaled), denominator]
}

test('HCT-12 no later bar changes what any estimator said', () => {
  const bars = 4000
  const all = candlesWith(bars, 1n, wandering(bars, 2n))
  const said = observed(all)
  for (const cut of [700, 1001, 2600, 3500]) {
    // From the cut on another market, ten times as wild, with another price and a gap.
    const other = candlesWith(bars - cut, 3n, () => 0.06).map((candle, i) => ({
      ...candle,
      time: (cut + i + 9) * 3600,
    }))
    const changed = observed([...all.slice(0, cut), ...other])
    for (const name of NAMES) {
      for (let i = 0; i < cut; i++)
        assert(Object.is(changed[i]?.[name], said[i]?.[name]), `${name} at ${i}, cut at ${cut}`)
    }
    assert(NAMES.some((name) => changed[cut + 20]?.[name] !== said[cut + 20]?.[name]))
  }
})

test('HCT-12 a changed bar does not change what the walk, slow haircuts included, said for it and before', () => {
  const all = candlesWith(2000, 4n, () => 0.01)
  const cut = 1600
  const options = { calibration: 1000, pegFloor: 0.02 }
  const changed = all.map((candle, i) =>
    i === cut ? { ...candle, low: candle.low / 2, close: candle.low / 2 } : candle,
  )
  const [first, second] = [walk(all, DEFAULTS, options), walk(changed, DEFAULTS, options)]
  const hour = first.times.indexOf(cut * 3600)
  assert(hour > 0 && second.losses[hour]! > 0.4)
  for (const speed of ['fast', 'slow'] as const) {
    for (const name of first.names) {
      const [before, after] = [first, second].map((one) => one.haircuts[speed].get(name)!)
      assert.deepEqual(after!.slice(0, hour + 1), before!.slice(0, hour + 1), `${name} ${speed}`)
      if (name !== 'static') assert.notDeepEqual(after, before, `${name} ${speed} does not see the fall at all`)
    }
  }
})

test('HCT-13 the same bars give the same bits', () => {
  const draw = drawsOf(5n)
  // Out of integers, so that no engine's logarithm is in them.
  let close = 1_000_000
  const candles = Array.from({ length: 4000 }, (_, i): Candle => {
    const [open, wild] = [close, 1 + (((i / 50) | 0) % 4)]
    const [a, b, c] = [0, 0, 0].map(() => Number(drawBetween(draw, 0n, 4000n)) * wild) as [number, number, number]
    close = Math.max(1000, open + a - 2000 * wild)
    return {
      time: i * 3600,
      open,
      close,
      high: Math.max(open, close) + b,
      low: Math.max(1, Math.min(open, close) - c),
    }
  })
  const hash = createHash('sha256')
  for (const forecasts of observed(candles)) {
    hash.update(Float64Array.from(NAMES.map((name) => forecasts[name] ?? -1)))
  }
  assert.equal(hash.digest('hex'), '14fe5530bd7b197978edeb2392352b450ce25082fde1b3e4938fbbe4ddfb8058')
})

test('HCT-14 where the law is known, misses are as rare as promised', () => {
  const bars = 20_000
  const { names, haircuts, losses } = walk(candlesWith(bars, 6n, wandering(bars, 7n)), DEFAULTS, { calibration: 6000 })
  const from = losses.length - 12_000
  const coverageOf = (name: (typeof names)[number]) => {
    const said = haircuts.fast.get(name)!
    const misses = losses.filter((loss, i) => i >= from && loss > said[i]!).length
    return 1 - misses / (losses.length - from)
  }
  for (const name of ['EWMA-FHS', 'HAR', 'QR', 'QR-FHS', 'QR+ACI'] as const) {
    assert(Math.abs(coverageOf(name) - 0.99) < 0.003, `${name} covers ${coverageOf(name)}`)
  }
  // Normal moves of a deviation that is nearly known: the quantile is 2.326 of it, in the mean.
  const sigmas = wandering(bars, 7n)
  const ratios = haircuts.fast
    .get(CHOSEN)!
    .slice(from)
    .map((said, i) => said / sigmas(bars - 12_000 + i))
  near(ratios.reduce((a, b) => a + b) / ratios.length, 2.326, 0.1)
})

test('HCT-14 when a market turns three times as wild, those that look follow, and the fixed one fails', () => {
  const [calm, wild] = [6000, 2000]
  const candles = candlesWith(calm + wild, 8n, (bar) => (bar < calm ? 0.005 : 0.015))
  const { haircuts, losses } = walk(candles, DEFAULTS, { calibration: 3000 })
  const from = losses.length - wild + 48
  const coverageOf = (name: (typeof ESTIMATORS)[number]) => {
    const said = haircuts.fast.get(name)!
    return 1 - losses.filter((loss, i) => i >= from && loss > said[i]!).length / (losses.length - from)
  }
  assert(coverageOf('static') < 0.85, `static covers ${coverageOf('static')}`)
  for (const name of ['EWMA-FHS', 'HAR', 'QR', 'QR-FHS', 'QR+ACI'] as const)
    assert(coverageOf(name) > 0.98, `${name} ${coverageOf(name)}`)
})

test("HCT-21 New York's clock is that of the engine's calendar, each hour of ten years and around them", () => {
  const calendar = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'America/New_York',
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  const shownAt = (seconds: number) => {
    const [day, month, year, hour, minute] = calendar
      .format(seconds * 1000)
      .match(/\d+/g)!
      .map(Number)
    return Date.UTC(year!, month! - 1, day, hour, minute) / 1000
  }
  const [from, to] = [Date.UTC(2019, 11, 30) / 1000, Date.UTC(2030, 0, 3) / 1000]
  for (let time = from; time < to; time += 3600)
    assert.equal(newYorkOf(time), shownAt(time), new Date(time * 1000).toISOString())
})

test('HCT-21 an hour of the week is the same in summer and in winter', () => {
  const season = seasonOf(1)
  const [winter, summer] = ['2024-01-09T14:30Z', '2024-07-09T13:30Z'].map((text) => Date.parse(text) / 1000)
  for (let week = 0; week < 8; week++)
    for (let hour = 0; hour < 168; hour++) {
      const time = winter! + (168 * week + hour) * 3600
      season.add(time, hour === 0 ? 2 : 0)
    }
  assert(season.of(summer!) > 1.5, `${season.of(summer!)}`)
  assert(season.of(summer! + 3600) < 0)
})

test('HCT-21 an hour of the week has the mean of its own, drawn to none while little was seen', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0.5, max: 100, noNaN: true }), (weeks, prior) => {
      const season = seasonOf(prior)
      // One hour of 168 adds two, the others nothing; what all add in the mean is no season.
      const isWild = (hour: number) => newYorkHourOf(hour) % 168 === 40
      for (let hour = 0; hour < 168 * weeks; hour++) season.add(hour * 3600, isWild(hour) ? 2 : 0)
      const next = Array.from({ length: 168 }, (_, i) => 168 * weeks + i).find(isWild)!
      const share = weeks / (weeks + prior)
      const [own, other] = [season.of(next * 3600), season.of((next + 50) * 3600)]
      assert(own > 1.9 * share && own < 2 * share, `${own} after ${weeks} weeks`)
      assert(other < 0 && other > -0.1 * share, `${other} after ${weeks} weeks`)
    }),
  )
})

test('HCT-21 an hour that is thrice as wild each day is covered like the others, and asks for more', () => {
  const isWild = (bar: number) => newYorkHourOf(bar) % 24 === 14
  const candles = candlesWith(15_000, 16n, (bar) => (isWild(bar) ? 0.015 : 0.005))
  const { haircuts, losses, times } = walk(candles, DEFAULTS, { calibration: 10_000 })
  const said = haircuts.fast.get(CHOSEN)!
  const hours = [...times.keys()].filter((i) => times[i]! >= 10_000 * 3600)
  const summaryOf = (is: (bar: number) => boolean) => {
    const own = hours.filter((i) => is(times[i]! / 3600))
    const misses = own.filter((i) => losses[i]! > said[i]!).length
    return { coverage: 1 - misses / own.length, mean: own.reduce((sum, i) => sum + said[i]!, 0) / own.length }
  }
  const [wild, calm] = [summaryOf(isWild), summaryOf((bar) => !isWild(bar))]
  assert(wild.coverage > 0.97 && calm.coverage > 0.98, `${wild.coverage} and ${calm.coverage}`)
  assert(wild.mean > 2 * calm.mean, `${wild.mean} and ${calm.mean}`)
})

test('HCT-15 the quantile regression finds the weights that made the data, and the least of its cost', () => {
  const draw = drawsOf(9n)
  const uniform = () => Number(drawBetween(draw, 0n, 1n << 30n)) / 2 ** 30
  const [count, width] = [20_000, 3]
  const x = new Float64Array(count * width)
  // y = 1 + 0.5 a - 0.3 b + an exponential draw of mean 0.25: its 90 % quantile is 0.25 ln 10 above.
  const y = new Float64Array(count).map((_, i) => {
    const [a, b] = [uniform() * 4 - 2, uniform() * 4 - 2]
    x.set([1, a, b], i * width)
    return 1 + 0.5 * a - 0.3 * b - 0.25 * Math.log(1 - uniform())
  })
  const rows = { x, y, count, width }
  const weights = fitQuantile(rows, { level: 0.9, smoothing: 0.05, ridge: 0 }, new Float64Array(width))
  near(weights[0]!, 1 + 0.25 * Math.log(10), 0.02)
  near(weights[1]!, 0.5, 0.02)
  near(weights[2]!, -0.3, 0.03)
  const costOf = (candidate: Float64Array) =>
    y.reduce((total, value, i) => {
      const said = candidate.reduce((sum, weight, k) => sum + weight * x[i * width + k]!, 0)
      return total + pinball(value - said, 0.9)
    }, 0)
  for (let k = 0; k < width; k++) {
    for (const step of [-0.05, 0.05]) {
      const other = weights.map((weight, l) => (l === k ? weight + step : weight))
      assert(costOf(other) > costOf(weights), `weight ${k} by ${step}`)
    }
  }
  // From elsewhere the same place: it is convex.
  const again = fitQuantile(rows, { level: 0.9, smoothing: 0.05, ridge: 0 }, Float64Array.from([-3, 2, 2]))
  for (let k = 0; k < width; k++) near(again[k]!, weights[k]!, 1e-4)
})

test('HCT-15 the solver solves, and a column that says nothing does not break it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }), (values) => {
      const n = 3
      const matrix = new Float64Array(n * n)
      for (let row = 0; row < 4; row++) {
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) matrix[i * n + j]! += values[row * n + i]! * values[row * n + j]!
      }
      for (let i = 0; i < n; i++) matrix[i * n + i]! += 0.1
      const right = Float64Array.from([1, -2, 3])
      const found = solve(matrix, right)
      for (let i = 0; i < n; i++) {
        const sum = found.reduce((total, value, j) => total + matrix[i * n + j]! * value, 0)
        assert(Math.abs(sum - right[i]!) < 1e-9)
      }
    }),
  )
  const [first = 0, second] = solve(Float64Array.from([2, 0, 0, 0]), Float64Array.from([4, 0]))
  near(first, 2)
  assert.equal(second, 0)
})

test('HCT-16 with too few bars a plainer one answers, then nobody', () => {
  const bars = 3000
  const said = observed(candlesWith(bars, 10n, wandering(bars, 11n)), 1000)
  const firstOf = (name: (typeof NAMES)[number]) => said.findIndex((forecasts) => forecasts[name] !== undefined)
  const { least } = DEFAULTS.estimator
  assert.equal(firstOf('historical'), least)
  assert.equal(firstOf('EWMA-FHS'), least + 1)
  assert.equal(firstOf(CHOSEN), least + 1)
  assert.equal(firstOf('static'), 1000)
  assert.equal(said[400]?.[CHOSEN], said[400]?.['EWMA-FHS'])
  assert.notEqual(said[600]?.[CHOSEN], said[600]?.['EWMA-FHS'])
  // Not fitted yet, the regression says what HAR says.
  assert.equal(said[1500]?.QR, said[1500]?.HAR)
  assert.notEqual(said[2990]?.QR, said[2990]?.HAR)
  assert.equal(
    said.slice(0, least).every((forecasts) => NAMES.every((name) => forecasts[name] === undefined)),
    true,
  )
})

test('HCT-16 whatever a price does, forecasts are shares from 0 to 1', () => {
  const flat = (price: number, time: number): Candle => ({
    time,
    open: price,
    high: price,
    low: price,
    close: price,
  })
  const still = Array.from({ length: 3000 }, (_, i) => flat(1, i * 3600))
  const collapsing = Array.from({ length: 3000 }, (_, i) =>
    flat(i < 2500 ? 80 : 80 * 0.5 ** (i - 2500), i * 3600),
  ).slice(0, 2600)
  const gaps = candlesWith(3000, 12n, () => 0.01).map((candle, i) => ({
    ...candle,
    time: candle.time + 7200 * Math.floor(i / 90),
  }))
  const spikes = candlesWith(3000, 13n, (bar) => (bar % 300 === 0 ? 0.8 : 0.0001))
  for (const [name, candles] of Object.entries({ still, collapsing, gaps, spikes })) {
    const said = observed(candles)
    for (const [i, forecasts] of said.entries()) {
      for (const one of NAMES) {
        const value = forecasts[one]
        assert(value === undefined || (value >= 0 && value <= 1), `${name}: ${one} says ${value} at ${i}`)
      }
    }
    assert(said.at(-1)?.[CHOSEN] !== undefined)
  }
})

test('HCT-16 what a price did while there were no bars is no move', () => {
  // Late enough for the regression, which looks at the last moves.
  const [bars, cut] = [3000, 2600]
  const all = candlesWith(bars, 14n, wandering(bars, 15n)).map((candle, i) => ({
    ...candle,
    time: (i < cut ? i : i + 24) * 3600,
  }))
  const eighth = (candle: Candle): Candle => {
    const [open, high, low, close] = [candle.open, candle.high, candle.low, candle.close].map((price) => price / 8)
    return { ...candle, open: open!, high: high!, low: low!, close: close! }
  }
  const fallen = all.map((candle, i) => (i < cut ? candle : eighth(candle)))
  assert.deepEqual(observed(fallen), observed(all))
})

test('HCT-16 a window’s quantile is of its last values, and the long run’s is never below that of all', () => {
  const [size, p] = [50, 0.9]
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-5, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 }), (values) => {
      const [window, everything] = [sortedWindow(size), longRun()]
      for (const value of values) {
        window.add(value)
        everything.add(value)
      }
      const last = values.slice(-size).sort((a, b) => a - b)
      assert.equal(window.quantile(p), last[Math.min(last.length, Math.ceil((last.length + 1) * p)) - 1])
      const sorted = [...values].sort((a, b) => a - b)
      const exact = sorted[Math.ceil(values.length * p - 1e-9) - 1]!
      const told = everything.quantile(p)
      assert(told >= exact * (1 - 1e-12) && told <= exact * 1.005, `${told} for ${exact}`)
    }),
  )
})
