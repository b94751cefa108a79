import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WAD } from '@omnimargin/core/wad'
import { DEFAULTS, type Defaults } from '@omnimargin/risk/estimate/defaults'
import { normalQuantileOfTail } from '@omnimargin/risk/estimate/elementary'
import { computeHaircut, type HaircutInputs, type HaircutTerms, softCap } from '@omnimargin/risk/estimate/haircut'
import { messageSeconds, routeOf, stallChance } from '@omnimargin/risk/estimate/latency'
import { pegOf } from '@omnimargin/risk/estimate/peg'
import { slowTargetOf, stepSlow } from '@omnimargin/risk/estimate/speeds'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import fc from 'fast-check'

/** Ether on a rollup, sold in a market of fifty million dollars a day, over a slow bridge. */
const INPUTS: HaircutInputs = {
  quantile: 0.05,
  longRunQuantile: 0.03,
  gap: 0.02,
  finalitySeconds: 48,
  latencyTailSeconds: 1641,
  heartbeatAgeSeconds: 30,
  amount: 100_000,
  held: 1_000_000,
  depthPerDay: 50_000_000,
  depthLeft: 0.2,
  spread: 0.0005,
  oracleAgeSeconds: 20,
  oracleConfidence: 0.0003,
  peg: 0,
  failuresPerYear: 0.015,
  lossGivenFailure: 1,
  least: 0.05,
}
const share = (most: number) => fc.double({ min: 0, max: most, noNaN: true })
const anything: fc.Arbitrary<HaircutInputs> = fc.record({
  quantile: share(1),
  longRunQuantile: share(1),
  gap: share(0.5),
  finalitySeconds: share(1e6),
  latencyTailSeconds: share(1e6),
  heartbeatAgeSeconds: share(1e6),
  amount: share(1e10),
  held: share(1e10),
  depthPerDay: share(1e11),
  depthLeft: share(1),
  spread: share(0.1),
  oracleAgeSeconds: share(1e5),
  oracleConfidence: share(0.5),
  peg: share(0.6),
  failuresPerYear: share(10),
  lossGivenFailure: share(1),
  least: share(1),
})
/** What rounding in doubles may do. */
const TINY = 1e-13

const fastOf = (inputs: HaircutInputs) => computeHaircut(inputs, DEFAULTS).fast
const parts = ({ market, oracle, peg, security }: HaircutTerms) => [market, oracle, peg, security]

test('HCT-03 a haircut is a share that is not below the least, whatever the inputs', () => {
  fc.assert(
    fc.property(anything, (inputs) => {
      const { fast, slow, slowTarget, latencyPremium, terms } = computeHaircut(inputs, DEFAULTS)
      for (const one of [fast, slow, slowTarget, latencyPremium]) assert(one >= 0n && one <= WAD)
      assert(terms.haircut >= inputs.least)
      assert(Object.values(terms).every((term) => Number.isFinite(term) && term >= 0))
    }),
  )
  const extreme = { ...INPUTS, quantile: 1, latencyTailSeconds: 1e300, amount: 1e300, held: 1e300, depthPerDay: 0 }
  assert(fastOf(extreme) <= WAD && fastOf(extreme) > (99n * WAD) / 100n)
})

test('HCT-03 what is no number, below zero or no share is refused by name', () => {
  for (const name of Object.keys(INPUTS) as (keyof HaircutInputs)[]) {
    for (const wrong of [-1e-9, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => computeHaircut({ ...INPUTS, [name]: wrong }, DEFAULTS),
        new RegExp(`^RangeError: ${name} is `),
      )
    }
  }
  assert.throws(() => computeHaircut({ ...INPUTS, lossGivenFailure: 1.01 }, DEFAULTS), /lossGivenFailure is 1.01/)
})

test('HCT-04 a haircut never falls when a risk rises', () => {
  const names = (Object.keys(INPUTS) as (keyof HaircutInputs)[]).filter((name) => name !== 'longRunQuantile')
  const falling = ['depthPerDay', 'depthLeft']
  fc.assert(
    fc.property(anything, fc.constantFrom(...names), share(1), (inputs, name, more) => {
      const most = {
        ...inputs,
        [name]:
          inputs[name] +
          more * (name === 'least' || name === 'lossGivenFailure' ? 1 - inputs[name] : Math.max(1, inputs[name])),
      }
      const [low, high] = falling.includes(name) ? [most, inputs] : [inputs, most]
      assert(fastOf(high) >= fastOf(low), `${name}: ${fastOf(low)} fell to ${fastOf(high)}`)
    }),
    { numRuns: 2000 },
  )
})

test('HCT-04 not by the last bit either, where a risk rises by next to nothing', () => {
  const scales: Partial<Record<keyof HaircutInputs, number>> = {
    quantile: 0.3,
    gap: 0.07,
    finalitySeconds: 1000,
    latencyTailSeconds: 8000,
    heartbeatAgeSeconds: 400,
    amount: 1e7,
    held: 1e8,
    depthPerDay: 1e9,
    depthLeft: 1,
    spread: 0.01,
    oracleAgeSeconds: 100,
    oracleConfidence: 0.01,
    peg: 0.6,
    failuresPerYear: 10,
    lossGivenFailure: 0.9,
  }
  const names = Object.keys(scales) as (keyof HaircutInputs)[]
  const draw = drawsOf(20n)
  const uniform = () => Number(drawBetween(draw, 0n, 1n << 30n)) / 2 ** 30
  let moved = 0
  for (let i = 0; i < 30_000; i++) {
    const name = names[i % names.length]!
    const drawn = names.map((one) => [one, uniform() * scales[one]!] as const)
    const inputs: HaircutInputs = { ...INPUTS, ...Object.fromEntries(drawn), least: 0 }
    const more = { ...inputs, [name]: inputs[name] * (1 + 10 ** (-15 + 6 * uniform())) }
    const [low, high] = name === 'depthPerDay' || name === 'depthLeft' ? [more, inputs] : [inputs, more]
    const [before, after] = [fastOf(low), fastOf(high)]
    assert(after >= before, `${name} ${low[name]} to ${high[name]}: fell by ${before - after}`)
    if (after > before) moved += 1
  }
  assert(moved > 10_000, `moved ${moved} times`)
})

test('HCT-04 each risk moves the haircut of an ordinary asset', () => {
  const stressed: Partial<HaircutInputs> = {
    quantile: 0.06,
    gap: 0.2,
    finalitySeconds: 900,
    latencyTailSeconds: 5000,
    heartbeatAgeSeconds: 240,
    amount: 2e6,
    held: 1e7,
    depthPerDay: 1e7,
    depthLeft: 0.02,
    spread: 0.01,
    oracleAgeSeconds: 600,
    oracleConfidence: 0.01,
    peg: 0.02,
    failuresPerYear: 0.1,
    least: 0.3,
  }
  for (const [name, value] of Object.entries(stressed)) {
    assert(fastOf({ ...INPUTS, [name]: value }) > fastOf(INPUTS), name)
  }
})

test('HCT-05 the soft cap rises, below its argument and below one, and moves no more than it', () => {
  fc.assert(
    fc.property(share(20), share(20), (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      assert(softCap(low) <= softCap(high))
      assert(softCap(high) - softCap(low) <= high - low + TINY)
      assert(softCap(a) <= a + TINY && softCap(a) <= 1)
    }),
  )
  const expected = (x: number) => x / (1 + x ** 8) ** (1 / 8)
  for (const x of [1e-9, 0.01, 0.5, 0.8, 1, 3]) assert(Math.abs(softCap(x) - expected(x)) < 1e-15 * 4)
  assert.deepEqual(
    [softCap(0), softCap(1e-300), softCap(1e300)],
    [0, 1e-300, 1].map((x) => (x < 1e-200 ? 0 : x)),
  )
})

test('HCT-05 a haircut moves by no more than its terms do together', () => {
  fc.assert(
    fc.property(anything, anything, fc.boolean(), (a, b, isNear) => {
      const other = isNear
        ? { ...a, quantile: b.quantile, oracleAgeSeconds: b.oracleAgeSeconds, peg: b.peg }
        : { ...b, least: a.least }
      const [first, second] = [a, other].map((inputs) => computeHaircut(inputs, DEFAULTS).terms) as [
        HaircutTerms,
        HaircutTerms,
      ]
      const moved = parts(first).reduce((sum, part, i) => sum + Math.abs(part - parts(second)[i]!), 0)
      assert(Math.abs(first.haircut - second.haircut) <= moved + TINY)
    }),
  )
})

test('HCT-06 the terms that are told make up the haircut, by hand', () => {
  const { fast, latencyPremium, terms } = computeHaircut(INPUTS, DEFAULTS)
  // A hundred thousand dollars at a tenth of two million a day: beyond the cap of an hour.
  assert.equal(terms.executeSeconds, 3600)
  assert(Math.abs(terms.horizonSeconds - (5 + 48 + 1641 + 45 + 3600)) < 0.1)
  const volatility = 0.05 * Math.sqrt(terms.horizonSeconds / 3600)
  const liquidity = 0.00025 + ((0.05 * Math.sqrt(24)) / 2.326) * Math.sqrt(1e5 / 1e7)
  const concentration = (1 + (1e6 / 5e5) ** 2) ** 0.25
  const security = 1 - Math.exp((-0.015 * 30) / 365)
  const oracle = 0.005 + 2.33 * 0.0003
  const expected = {
    volatility,
    liquidity,
    concentration,
    oracle,
    security,
    market: concentration * (volatility + liquidity),
  }
  for (const [name, value] of Object.entries(expected)) {
    assert(Math.abs(terms[name as keyof HaircutTerms] - value) < 1e-14, name)
  }
  const cap = (x: number) => x / (1 + x ** 8) ** (1 / 8)
  const haircut = 1 - (1 - cap(expected.market)) * (1 - cap(oracle)) * (1 - cap(security))
  assert(Math.abs(Number(fast) / 1e18 - haircut) < 1e-14)
  const without = cap(
    concentration * (0.05 * Math.sqrt((terms.horizonSeconds - terms.messageSeconds) / 3600) + liquidity),
  )
  const premium = (1 - cap(oracle)) * (1 - cap(security)) * (cap(expected.market) - without)
  assert(Math.abs(Number(latencyPremium) / 1e18 - premium) < 1e-14)
})

test('HCT-06 the latency premium is what the message costs: nothing without one, more with each second', () => {
  const premiumOf = (inputs: HaircutInputs) => computeHaircut(inputs, DEFAULTS).latencyPremium
  fc.assert(
    fc.property(anything, share(1e6), (inputs, more) => {
      const later = { ...inputs, latencyTailSeconds: inputs.latencyTailSeconds + more }
      assert(premiumOf(later) >= premiumOf(inputs))
      const { fast, latencyPremium, terms } = computeHaircut(inputs, DEFAULTS)
      const least = terms.withoutMessage + Number(latencyPremium) / 1e18
      assert(Math.abs(least - terms.haircut) < 1e-12 && Number(fast) / 1e18 + TINY >= least - 1e-12)
    }),
  )
  // The message is of the whole horizon the smaller part, so it costs the less: its root.
  const byTime = [0, 300, 1200, 4800].map((latencyTailSeconds) =>
    premiumOf({ ...INPUTS, amount: 0, held: 0, gap: 0, least: 0, latencyTailSeconds, heartbeatAgeSeconds: 0 }),
  )
  assert(byTime.every((premium, i) => i === 0 || premium > byTime[i - 1]!))
  assert(byTime[0]! < WAD / 100_000n)
})

test('HCT-07 a route is as slow as its prior says until it is known, then as its deliveries are', () => {
  const prior = { first: 936, median: 1064, third: 1204 }
  const tail = routeOf(prior, DEFAULTS).tail()
  const sigma = Math.log(1204 / 936) / 1.349
  assert(Math.abs(tail - 1064 * Math.exp(2.3263478740408408 * sigma)) < 1e-6)
  const quick = routeOf(prior, DEFAULTS)
  for (let i = 0; i < 5000; i++) quick.observe(10)
  // The prior keeps its weight: of the newest thousand's and its own, a hundredth is a fortieth of its own.
  const weight = Array.from({ length: 1000 }, (_, i) => 2 ** (-i / 200)).reduce((a, b) => a + b)
  const z = normalQuantileOfTail((0.01 * (weight + 200)) / 200)
  assert(z > 1.9 && Math.abs(quick.tail() - 1064 * Math.exp(z * sigma)) < 1e-6)
  const slow = routeOf({ first: 1, median: 1, third: 1 }, DEFAULTS)
  for (let i = 1; i <= 3; i++) slow.observe(1000 * i)
  // Three of weight about one each, and 200 of the prior's: two hundredths of all are 2.03, so that two are allowed above.
  assert.equal(slow.tail(), 1000)
  for (let i = 0; i < 100; i++) slow.observe(5000)
  assert.equal(slow.tail(), 5000)
})

test('HCT-07 the tail is the least time that holds its share of all weight, and rises with each delivery', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.nat(59),
      share(5000),
      (deliveries, at, more) => {
        const prior = { first: 50, median: 60, third: 80 }
        const tailOf = (seconds: readonly number[]) => {
          const route = routeOf(prior, DEFAULTS)
          for (const one of seconds) route.observe(one)
          return route.tail()
        }
        const tail = tailOf(deliveries)
        const later = deliveries.map((seconds, i) => (i === at % deliveries.length ? seconds + more : seconds))
        assert(tailOf(later) >= tail * (1 - 1e-9))
        const weightAbove = (x: number) =>
          deliveries.reduce((sum, seconds, i) => sum + (seconds > x ? 2 ** (-(deliveries.length - 1 - i) / 200) : 0), 0)
        // At most one hundredth of the weight of the deliveries alone and of the prior is above it.
        const total = deliveries.reduce((sum, _, i) => sum + 2 ** (-(deliveries.length - 1 - i) / 200), 200)
        assert(weightAbove(tail) <= 0.01 * total + 1e-9)
      },
    ),
  )
  assert.throws(() => routeOf({ first: 2, median: 1, third: 3 }, DEFAULTS), /Quartiles 2, 1, 3 s/)
})

test('HCT-07 newer deliveries count more, and those a thousand back not at all', () => {
  const prior = { first: 1, median: 1, third: 1 }
  const [was, is] = [routeOf(prior, DEFAULTS), routeOf(prior, DEFAULTS)]
  const slow = Array.from({ length: 10 }, () => 9000)
  const quick = Array.from({ length: 900 }, () => 2)
  for (const one of [...slow, ...quick]) was.observe(one)
  for (const one of [...quick, ...slow]) is.observe(one)
  assert.equal(was.tail(), 2)
  assert.equal(is.tail(), 9000)
  for (const one of [...quick, ...quick]) is.observe(one)
  assert.equal(is.tail(), 2)
})

test('HCT-08 a route that falls silent is believed to stand still, without a step', () => {
  // To the digits that the published example has.
  for (const [age, expected] of [
    [120, 0.0004],
    [180, 0.03],
    [240, 0.66],
    [300, 0.99],
  ] as const) {
    const chance = stallChance(age, DEFAULTS)
    assert(Math.abs(chance - expected) <= 10 ** Math.floor(Math.log10(expected)) / 2, `${chance} at ${age} s`)
  }
  assert(stallChance(0, DEFAULTS) < 1e-5)
  fc.assert(
    fc.property(share(1e5), share(100), (age, more) => {
      assert(stallChance(age + more, DEFAULTS) >= stallChance(age, DEFAULTS))
      // Steepest where it turns: less than two percent a second, and of the grain that ages are looked at in.
      assert(stallChance(age + more, DEFAULTS) - stallChance(age, DEFAULTS) <= 0.02 * (more + 2 ** -20) + 1e-12)
    }),
  )
  assert.equal(stallChance(1e12, DEFAULTS), 1)
})

test('HCT-08 a message takes longer the longer the route is silent, and the slower it was', () => {
  const secondsOf = (tail: number, age: number) => messageSeconds(tail, age, DEFAULTS).seconds
  fc.assert(
    fc.property(share(1e6), share(1e6), share(1e4), (tail, age, more) => {
      const now = secondsOf(tail, age)
      assert(now >= Math.max(tail, age))
      assert(secondsOf(tail + more, age) >= now)
      assert(secondsOf(tail, age + more) >= now)
    }),
  )
  assert(Math.abs(secondsOf(1000, 60) - 1000) < 0.1)
  assert.equal(secondsOf(10, 7200), 14_400)
})

test('HCT-08 it does not fall by the last bit either, where a route gets worse by next to nothing', () => {
  const draw = drawsOf(22n)
  const uniform = () => Number(drawBetween(draw, 0n, 1n << 30n)) / 2 ** 30
  const secondsOf = (tail: number, age: number) => messageSeconds(tail, age, DEFAULTS).seconds
  for (let i = 0; i < 100_000; i++) {
    const [tail, age, more] = [8000 * uniform(), 500 * uniform(), 1 + 10 ** (-15 + 8 * uniform())]
    const now = secondsOf(tail, age)
    assert(secondsOf(tail * more, age) >= now, `a tail of ${tail} s times ${more} at ${age} s`)
    assert(secondsOf(tail, age * more) >= now, `an age of ${age} s times ${more} with ${tail} s`)
  }
})

/** h_peg after each price. */
function toldOf(floor: number, defaults: Defaults): (price: number, seconds: number) => number {
  const tell = pegOf(floor, defaults)
  return (price, seconds) => tell(price, seconds).haircut
}

test('HCT-09 a peg’s haircut rises at once, falls by half in six hours, and knows its bounds', () => {
  const peg = toldOf(0.005, DEFAULTS)
  assert.equal(peg(1, 0), 0.005)
  assert.equal(peg(1.01, 3600), 0.005)
  // 3 % off: 4 * 2.8 % for where it is and 8 * 3 % for how fast it came.
  assert(Math.abs(peg(0.97, 3600) - (0.005 + 4 * 0.028 + 8 * 0.03)) < 1e-12)
  assert.equal(peg(0.5, 60), 0.6)
  // Back at par the speed is forgotten by half each hour, the haircut by half in six.
  const healed = toldOf(0.005, DEFAULTS)
  healed(0.97, 0)
  for (let hour = 0; hour < 24; hour++) healed(1, 3600)
  const before = healed(1, 0)
  const after = healed(1, 6 * 3600)
  assert(Math.abs(after - 0.005 - (before - 0.005) / 2) < 1e-6)
})

test('HCT-09 it does not matter how often the same price is told', () => {
  const thousandths = (least: number, most: number) => fc.integer({ min: least, max: most }).map((n) => n / 1000)
  const told = fc.tuple(thousandths(800, 1010), fc.integer({ min: 0, max: 30_000 }))
  const cuts = fc.array(thousandths(0, 1000), { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(fc.tuple(told, cuts), { minLength: 1, maxLength: 15 }), (steps) => {
      const [whole, parts] = [toldOf(0.005, DEFAULTS), toldOf(0.005, DEFAULTS)]
      let last = 1
      for (const [[price, seconds], places] of steps) {
        const times = [0, ...places.map((place) => place * seconds).sort((a, b) => a - b)]
        for (const [i, time] of times.entries()) if (i > 0) parts(last, time - times[i - 1]!)
        const [once, often] = [whole(price, seconds), parts(price, seconds - times.at(-1)!)]
        assert(Math.abs(once - often) < 1e-12, `${once} told once, ${often} in ${times.length} parts`)
        last = price
      }
    }),
  )
})

test('HCT-09 a tick to and fro costs the same at each pace', () => {
  const draw = drawsOf(21n)
  const meanOf = (pace: number) => {
    const peg = toldOf(0.005, DEFAULTS)
    const day = Array.from({ length: 86_400 / pace }, () =>
      peg(0.99985 - 0.0001 * Number(drawBetween(draw, 0n, 1n)), pace),
    )
    return day.reduce((sum, haircut) => sum + haircut) / day.length
  }
  for (const pace of [2, 20, 60, 3600]) {
    const mean = meanOf(pace)
    assert(mean > 0.005 && mean < 0.006, `${mean} at one each ${pace} s`)
  }
})

test('HCT-09 it rises with each deviation', () => {
  fc.assert(
    fc.property(fc.array(share(1.1), { minLength: 1, maxLength: 20 }), share(0.5), (prices, less) => {
      const haircutAfter = (last: number) => {
        const peg = toldOf(0.02, DEFAULTS)
        for (const price of prices) peg(price, 3600)
        return peg(last, 3600)
      }
      const last = prices.at(-1) ?? 1
      assert(haircutAfter(Math.max(0, last - less)) >= haircutAfter(last) - 1e-15)
    }),
  )
})

test('HCT-09 it covers every hour of a fall that no more than doubles in one', () => {
  fc.assert(
    fc.property(fc.array(share(1), { minLength: 3, maxLength: 40 }), (steps) => {
      const peg = toldOf(0.02, DEFAULTS)
      let deviation = 0
      let haircut = peg(1, 3600)
      for (const step of steps) {
        if (deviation > 3 / 8) break
        // From healing fully to doubling, or from par to nearly the floor.
        const next = step * Math.max(0.015, 2 * deviation)
        const loss = (next - deviation) / (1 - deviation)
        assert(loss <= haircut + 1e-12, `lost ${loss} of ${1 - deviation} with a haircut of ${haircut}`)
        deviation = next
        haircut = peg(1 - deviation, 3600)
      }
    }),
  )
})

test('HCT-10 slow stays between what it was and its target, and rises by a quarter an hour in however many steps', () => {
  fc.assert(
    fc.property(share(1), share(1), fc.array(share(7200), { minLength: 1, maxLength: 20 }), (before, target, steps) => {
      let slow = before
      for (const seconds of steps) {
        const next = stepSlow(slow, target, seconds, DEFAULTS)
        assert(next >= Math.min(slow, target) && next <= Math.max(slow, target))
        slow = next
      }
      const hours = steps.reduce((sum, seconds) => sum + seconds, 0) / 3600
      assert(slow <= Math.max(before, before * 1.25 ** hours) + TINY)
      const whole = stepSlow(before, target, hours * 3600, DEFAULTS)
      assert(Math.abs(slow - whole) < 1e-12, 'the steps do not matter')
    }),
  )
  assert(Math.abs(stepSlow(0.2, 0.1, 86_400, DEFAULTS) - 0.15) < 1e-15)
  assert(Math.abs(stepSlow(0.1, 0.5, 3600, DEFAULTS) - 0.125) < 1e-15)
})

test('HCT-11 slow on its way down, and fast with it, does not fall where a risk rises, to the last bit', () => {
  const draw = drawsOf(21n)
  const uniform = () => Number(drawBetween(draw, 0n, 1n << 30n)) / 2 ** 30
  for (let i = 0; i < 30_000; i++) {
    const [quantile, longRunQuantile] = [uniform() * 0.2, uniform() * 0.2]
    const before = { haircut: drawBetween(draw, 0n, 1n << 39n) << 20n, seconds: uniform() * 86_400 }
    const name = i % 2 === 0 ? 'quantile' : 'longRunQuantile'
    const inputs: HaircutInputs = { ...INPUTS, quantile, longRunQuantile, least: 0 }
    const more = { ...inputs, [name]: inputs[name] * (1 + 10 ** (-15 + 6 * uniform())) }
    const [low, high] = [inputs, more].map((one) => computeHaircut(one, DEFAULTS, before))
    assert(high!.slow >= low!.slow && high!.fast >= low!.fast, `fell by ${low!.slow - high!.slow}`)
  }
})

test('HCT-11 fast is below neither slow nor what is true now, and the target knows the long run', () => {
  fc.assert(
    fc.property(anything, share(1), share(1e6), (inputs, was, seconds) => {
      const before = { haircut: BigInt(Math.floor(was * 1e9)) * 10n ** 9n, seconds }
      const { fast, slow, slowTarget, terms } = computeHaircut(inputs, DEFAULTS, before)
      assert(fast >= slow)
      assert(Number(fast) / 1e18 >= terms.haircut - TINY)
      assert(Number(slowTarget) / 1e18 >= 0.7 * terms.longRun - TINY)
      assert(Number(slowTarget) / 1e18 <= Math.max(terms.haircut, terms.longRun) + TINY)
    }),
  )
  fc.assert(
    fc.property(share(1), share(1), share(0.5), (now, long, more) => {
      assert(slowTargetOf(now + more, long, DEFAULTS) >= slowTargetOf(now, long, DEFAULTS))
      assert(slowTargetOf(now, long + more, DEFAULTS) >= slowTargetOf(now, long, DEFAULTS))
    }),
  )
  assert.equal(computeHaircut(INPUTS, DEFAULTS).slow, computeHaircut(INPUTS, DEFAULTS).slowTarget)
})
