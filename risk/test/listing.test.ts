import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divUp, WAD } from '@omnimargin/core/wad'
import { type Series, within } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { listAsset, REFUSALS, type Refusal } from '@omnimargin/risk/listing'
import type { Facts } from '@omnimargin/risk/listing/facts'
import { haircutOf, stressedOf } from '@omnimargin/risk/listing/haircut'
import { fallOf, type History, idleOf, lately, missingOf } from '@omnimargin/risk/listing/history'
import { isBroken, offLately, offPeg } from '@omnimargin/risk/listing/peg'
import { DAY_SECONDS, LEAST, MAINTENANCE_CONFIDENCE, MONTH_SECONDS } from '@omnimargin/risk/listing/rules'
import fc from 'fast-check'

const wad = (n: number) => BigInt(n) * WAD
const basisPoints = (n: number) => (BigInt(n) * WAD) / 10_000n
const HOUR = 3_600
const BAR = 4 * HOUR
const YEAR = (365 * 24 * HOUR) / BAR

/** Four-hour bars of nothing but a close, in which somebody traded. */
function seriesOf(symbol: string, closes: readonly bigint[]): Series {
  const highs = closes.map((close) => close + 1n)
  return { symbol, start: 0, interval: BAR, closes, highs, opens: closes, lows: closes, volumes: closes }
}

/** Four-hour bars that go down by the share, and up again to where they were. */
function swings(share: bigint, bars = YEAR, level = wad(100)): Series {
  const closes = Array.from({ length: bars }, (_, i) => (i % 2 === 0 ? level : level - (level * share) / WAD))
  return seriesOf('COIN', closes)
}

/** Without the bars of these places. */
function without(series: Series, from: number, to: number): History {
  const at = (bar: number) => series.start + bar * BAR
  return [...within([series], 0, at(from)), ...within([series], at(to), at(series.closes.length))]
}

/** Nothing speaks against it. */
const GOOD: Facts = {
  symbol: 'COIN',
  asOf: YEAR * BAR,
  decimals: 18,
  isRebasing: false,
  takesFee: false,
  isOwnToken: false,
  isWrapped: false,
  chain: 'rollup',
  verifiers: 2,
  routeSeconds: 1_200,
  dailyVolume: wad(50_000_000),
  spread: basisPoints(10),
  price: {
    venues: 3,
    dispersion: 0n,
    isOnChain: true,
    maxAgeSeconds: 144,
    deviation: 0n,
    confidence: 0n,
  },
  history: [swings(basisPoints(200))],
}

const dollar = (closes: readonly bigint[]): History => [seriesOf('USDX', closes)]
const refusalsOf = (parts: Partial<Facts>) => listAsset({ ...GOOD, ...parts }).refusals

const closesOf = (share: number) => swings(basisPoints(share)).closes
/** A year at one price, and at another for the last bars. */
const late = (before: bigint, after: bigint, bars: number) => {
  return Array.from({ length: YEAR }, (_, i) => (i < YEAR - bars ? before : after))
}
/** Of a year's bars the last month has so many in which nobody traded. */
const traded = (idle: number) =>
  Array.from({ length: YEAR }, (_, i) => (i % 17 === 0 && i > YEAR - 17 * idle ? 0n : 1n))

test('LST-01 nothing speaks against a good asset, and each refusal is told on its own', () => {
  assert.deepEqual(refusalsOf({}), [])
  const price = (parts: Partial<Facts['price']>) => ({ price: { ...GOOD.price, ...parts } })
  const halved = closesOf(200).map((close, i) => (i === 1_000 ? wad(40) : close))
  const reference = [swings(basisPoints(200))]
  const table: [Refusal, Partial<Facts>][] = [
    ['not_a_plain_token', { isRebasing: true }],
    ['not_a_plain_token', { takesFee: true }],
    ['one_verifier', { verifiers: 1 }],
    ['no_feed_on_chain', price({ isOnChain: false })],
    ['too_few_price_venues', price({ venues: 2 })],
    ['price_venues_disagree', price({ dispersion: basisPoints(301) })],
    ['history_too_short', { history: [swings(basisPoints(200), YEAR - 1)] }],
    ['history_has_gaps', { history: without(swings(basisPoints(200), YEAR + 30), 500, 523), asOf: (YEAR + 30) * BAR }],
    ['history_ends_early', { asOf: YEAR * BAR + 2 * DAY_SECONDS + 1 }],
    ['hardly_traded', { history: [{ ...swings(basisPoints(200)), volumes: traded(10) }] }],
    ['too_thin', { dailyVolume: wad(5_000_000) - 1n }],
    ['own_token', { isOwnToken: true }],
    ['peg_was_broken', { peg: { issue: 'wrapped', reference }, history: dollar(halved) }],
    ['peg_is_off', { peg: { issue: 'native' }, history: dollar(late(WAD, basisPoints(9_949), 40)) }],
    ['fell_lately', { history: dollar(late(wad(100), wad(74), 6)) }],
    // Two such bars are less than a thousandth of a year, and all of what a month's quantile is.
    ['too_volatile', { history: dollar(closesOf(200).map((close, i) => (i % 500 === 1 ? wad(10) : close))) }],
    ['too_volatile_lately', { history: dollar(late(wad(100), wad(80), 60)), routeSeconds: 72_000 }],
  ]
  for (const [code, parts] of table) assert.deepEqual(refusalsOf(parts), [code], code)
  assert.deepEqual([...new Set(table.map(([code]) => code))], [...REFUSALS])
  const worst = { ...GOOD, ...price({ venues: 0, isOnChain: false, dispersion: WAD }), isRebasing: true, verifiers: 0 }
  const dead = { ...swings(basisPoints(9_000), 20, WAD), volumes: Array<bigint>(20).fill(0n) }
  const history = without(dead, 3, 4)
  const all = listAsset({ ...worst, dailyVolume: 1n, isOwnToken: true, peg: { issue: 'native' }, history })
  assert.deepEqual(all.refusals, [...REFUSALS])
})

test('LST-01 what is deep may secure its own chain, and costs half as much again', () => {
  const deep = { ...GOOD, dailyVolume: wad(1_000_000_000) }
  assert.deepEqual(listAsset({ ...deep, isOwnToken: true }).refusals, [])
  const haircut = (isOwnToken: boolean) => listAsset({ ...deep, isOwnToken, spread: basisPoints(1_000) }).listing
  assert.ok(haircut(true).maintenanceHaircut > haircut(false).maintenanceHaircut)
})

test('LST-02 class, cap and haircut, by hand', () => {
  // Every second bar loses 1/10 of its price, every other one gains it back: the 0.99 quantile of losses is 1/10.
  const facts: Facts = {
    ...GOOD,
    history: [swings(basisPoints(1_000))],
    routeSeconds: 14_400 - 3_650,
    price: { ...GOOD.price, dispersion: basisPoints(200), confidence: basisPoints(10) },
  }
  const { listing, refusals } = listAsset(facts)
  assert.deepEqual(refusals, [])
  assert.equal(listing.class, 'large')
  assert.equal(listing.capUsd, wad(500_000))
  // The last close is 90.
  assert.equal(listing.cap, (wad(500_000) * WAD) / wad(90))
  const { terms } = listing.maintenance
  const isNear = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-9, `${value}`)
  // 5 + 10,750 + 45 + 3,600 seconds are one bar; an hour is a quarter of it, whose root is a half.
  isNear(terms.horizonSeconds, 14_400)
  isNear(terms.volatility, 0.1)
  // 144 seconds are a hundredth of a bar, whose root is a tenth; 2.33 * 0.1 %; half of 2 %.
  isNear(terms.oracle, 0.01 + 0.00233 + 0.01)
  isNear(terms.peg, 0)
  isNear(terms.security, 1 - Math.exp((-0.015 * 30) / 365))
  // A day of hours of 5 %, whose normal deviation is 2.326 times less; a root of 50,000 of 10,000,000.
  isNear(terms.liquidity, 0.0005 + ((0.05 * Math.sqrt(24)) / 2.326) * Math.sqrt(0.005))
  isNear(terms.concentration, 2 ** 0.25)
  const market = (0.1 + terms.liquidity) * 2 ** 0.25
  const whole = 1 - (1 - market) * (1 - terms.oracle) * (1 - terms.security)
  assert.equal(listing.maintenanceHaircut, BigInt(Math.ceil(whole * 1000)) * basisPoints(10))
  assert.equal(listing.initialHaircut, BigInt(Math.ceil(Math.ceil(whole * 1000) * 1.25)) * basisPoints(10))
})

test('LST-02 a class is what is traded in a day, or what it is pegged to', () => {
  const classOf = (parts: Partial<Facts>) => listAsset({ ...GOOD, ...parts }).listing.class
  assert.equal(classOf({ dailyVolume: wad(1_000_000_000) }), 'deep')
  assert.equal(classOf({ dailyVolume: wad(1_000_000_000) - 1n }), 'large')
  assert.equal(classOf({ dailyVolume: wad(50_000_000) - 1n }), 'small')
  assert.equal(classOf({ peg: { issue: 'native' }, history: [swings(0n, YEAR, WAD)] }), 'stable')
  assert.equal(classOf({ peg: { issue: 'staked', reference: GOOD.history } }), 'derived')
})

test('LST-02 a calm past is not taken for less than a gap, and each route and wrapper adds its share', () => {
  const termsOf = (parts: Partial<Facts>) =>
    listAsset({ ...GOOD, history: [swings(0n, YEAR, WAD)], ...parts }).listing.maintenance.terms
  assert.equal(termsOf({ dailyVolume: wad(1_000_000_000) }).volatility, 0.02)
  assert.equal(termsOf({}).volatility, 0.04)
  assert.equal(termsOf({ dailyVolume: wad(10_000_000) }).volatility, 0.07)
  assert.equal(termsOf({ peg: { issue: 'native' } }).volatility, 0)
  assert.equal(termsOf({ peg: { issue: 'bridged' } }).peg, 0.02)
  // A full cap is as crowded of what is pegged as of all else: where less can be sold, less is taken.
  assert.equal(termsOf({}).concentration, Math.sqrt(Math.sqrt(2)))
  assert.equal(termsOf({ peg: { issue: 'native' } }).concentration, Math.sqrt(Math.sqrt(2)))
  const table: [Partial<Facts>, number][] = [
    [{ chain: 'ethereum' }, 0.011],
    [{ chain: 'rollup' }, 0.015],
    [{ chain: 'other' }, 0.02],
    [{ chain: 'other', isWrapped: true }, 0.03],
  ]
  for (const [parts, aYear] of table) {
    assert.ok(Math.abs(termsOf(parts).security - (1 - Math.exp((-aYear * 30) / 365))) < 1e-12)
  }
})

const share = (most: number) => fc.integer({ min: 0, max: most }).map(basisPoints)
const facts: fc.Arbitrary<Facts> = fc
  .record({
    swing: share(1_500),
    routeSeconds: fc.integer({ min: 0, max: 20_000 }),
    spread: share(100),
    maxAgeSeconds: fc.integer({ min: 0, max: 3_600 }),
    deviation: share(200),
    confidence: share(50),
    dispersion: share(300),
    // Less is taken for a dollar a day that is there under stress, whatever it is.
    volume: fc.integer({ min: 100, max: 2_000_000_000 }),
    chain: fc.constantFrom('ethereum', 'rollup', 'other'),
    flags: fc.tuple(fc.boolean(), fc.boolean()),
    peg: fc.constantFrom(undefined, { issue: 'native' as const }, { issue: 'bridged' as const }),
  })
  .map(({ swing, routeSeconds, spread, volume, chain, flags: [isOwnToken, isWrapped], peg, ...price }) => ({
    ...GOOD,
    routeSeconds,
    spread,
    chain,
    isOwnToken,
    isWrapped,
    peg,
    dailyVolume: wad(volume),
    price: { ...GOOD.price, ...price },
    history: [swings(swing, 200, WAD)],
  }))

test('LST-03 worse never has a lower haircut', () => {
  const more: ((facts: Facts, by: bigint) => Facts)[] = [
    (one, by) => ({ ...one, routeSeconds: one.routeSeconds + Number(by / basisPoints(1)) }),
    (one, by) => ({ ...one, spread: one.spread + by }),
    (one, by) => ({ ...one, dailyVolume: (one.dailyVolume * (WAD - by)) / WAD }),
    (one) => ({ ...one, isWrapped: true }),
    (one) => ({ ...one, isOwnToken: true }),
    (one, by) => ({ ...one, price: { ...one.price, deviation: one.price.deviation + by } }),
    (one, by) => ({ ...one, price: { ...one.price, confidence: one.price.confidence + by } }),
    (one, by) => ({ ...one, price: { ...one.price, dispersion: one.price.dispersion + by } }),
    (one) => ({ ...one, price: { ...one.price, maxAgeSeconds: one.price.maxAgeSeconds * 2 + 1 } }),
    (one, by) => {
      const deeper = (closes: readonly bigint[]) =>
        closes.map((close, i) => (i % 2 === 0 ? close : close - (close * by) / WAD))
      return { ...one, history: one.history.map((series) => ({ ...series, closes: deeper(series.closes) })) }
    },
  ]
  fc.assert(
    fc.property(facts, fc.constantFrom(...more), share(2_000), (one, worsen, by) => {
      const kind = listAsset(one).listing.class
      const haircut = (some: Facts) => haircutOf(some, kind, MAINTENANCE_CONFIDENCE).haircut
      assert.ok(haircut(worsen(one, by)) >= haircut(one))
    }),
    { numRuns: 300 },
  )
})

test('LST-04 initial is above maintenance, both are at least the class’s, and the cap can be sold', () => {
  fc.assert(
    fc.property(facts, (one) => {
      const { class: kind, capUsd, initialHaircut, maintenanceHaircut } = listAsset(one).listing
      assert.ok(maintenanceHaircut >= LEAST[kind] && initialHaircut <= WAD)
      assert.ok(initialHaircut === WAD || initialHaircut * 4n >= maintenanceHaircut * 5n)
      const stressed = stressedOf(one, kind)
      assert.equal(stressed, one.dailyVolume / (kind === 'stable' ? 50n : 5n))
      assert.ok(capUsd * 20n <= stressed && capUsd * 20n > stressed - 20n)
    }),
  )
})

test('LST-05 a peg is off by what is missing, and broken by a whole day or by half at once', () => {
  const off = (cents: number) => WAD - basisPoints(cents * 100)
  const closes = (bars: number, cents: number) => [WAD, ...Array<bigint>(bars).fill(off(cents)), WAD, WAD]
  assert.equal(isBroken(offPeg(dollar(closes(5, 6)), undefined)), false)
  assert.equal(isBroken(offPeg(dollar(closes(6, 6)), undefined)), true)
  assert.equal(isBroken(offPeg(dollar(closes(60, 5)), undefined)), false)
  assert.equal(isBroken(offPeg(dollar(closes(1, 51)), undefined)), true)
  const worst = (closes: readonly bigint[]) => offLately(offPeg(dollar(closes), undefined), DAY_SECONDS)
  assert.equal(worst(closes(6, 2)), basisPoints(200))
  assert.equal(worst([off(9), WAD, WAD, WAD, WAD, WAD, WAD]), 0n)
  // What it is pegged to falls by half, and so does it: it was never off.
  const reference = swings(basisPoints(5_000), 100)
  assert.deepEqual(new Set(offPeg([reference], [reference]).shares), new Set([0n]))
  const later = { ...reference, start: 50 * BAR }
  assert.equal(offPeg([reference], [later]).shares.length, 50)
  assert.equal(offPeg([reference], without(reference, 10, 30)).shares.length, 80)
  for (const strange of [
    { ...reference, start: 200 * BAR },
    { ...reference, interval: HOUR },
  ])
    assert.throws(() => offPeg([reference], [strange]), /share no bars of 14400 s: give both alike/)
  const staked = (missing: number) => {
    const closes = reference.closes.map((close) => (close * BigInt(1_000 - missing)) / 1_000n)
    const peg = { issue: 'staked', reference: [reference] } as const
    return listAsset({ ...GOOD, history: [{ ...reference, closes }], peg }).listing.maintenance.terms.peg
  }
  assert.equal(staked(0), 0.03)
  assert.ok(Math.abs(staked(12) - (0.03 + 4 * 0.01)) < 1e-12)
})

test('LST-05 what it is pegged to must be known as long and as lately', () => {
  const half = within([swings(basisPoints(200))], 0, (YEAR / 2) * BAR)
  const peg = { issue: 'wrapped', reference: half } as const
  assert.deepEqual(refusalsOf({ peg }), ['history_too_short', 'history_ends_early'])
})

test('LST-06 bars that are too long are refused, and a history without bars', () => {
  const fails = (parts: Partial<Facts>, message: RegExp) =>
    assert.throws(
      () => listAsset({ ...GOOD, ...parts }),
      (failure) => failure instanceof InputError && message.test(failure.message),
    )
  const daily = [{ ...swings(basisPoints(200)), interval: 86_400 }]
  fails({ history: daily }, /has bars of 86400 s, the longest is 14400 s/)
  fails({ peg: { issue: 'wrapped', reference: daily } }, /has bars of 86400 s/)
  fails({ asOf: 2 * BAR - 1 }, /has no two bars before 28799/)
})

test('LST-05 what is worth twice its peg is held against the wrong one', () => {
  const [high] = dollar(late(WAD, 2n * WAD, 1))
  const judged = (last: bigint, reference?: History) =>
    listAsset({
      ...GOOD,
      peg: { issue: 'staked', reference },
      history: [{ ...high!, closes: [...high!.closes.slice(0, -1), last] }],
    }).listing.class
  assert.equal(judged(2n * WAD), 'stable')
  const wrong = /COIN closed at 2\.000000000000000001, what it is to be worth at 1: name in peg\.reference what/
  assert.throws(() => judged(2n * WAD + 1n), { name: 'InputError', message: wrong })
  assert.equal(judged(2n * WAD + 1n, dollar(late(WAD, basisPoints(10_001), 1))), 'derived')
  assert.throws(() => judged(2n * WAD + 1n, dollar(late(WAD, WAD, 1))), /name in peg\.reference/)
})

test('LST-08 what is missing is a share of what should be there, and what differs across a gap is a move', () => {
  const closes = [...Array<bigint>(50).fill(wad(100)), ...Array<bigint>(50).fill(wad(60))]
  const whole = seriesOf('COIN', closes)
  const gap = without(whole, 40, 60)
  assert.equal(missingOf([whole]), 0n)
  assert.equal(missingOf(gap), WAD / 5n)
  // It came back at 60, however long ago it went.
  const relisted = [...within([whole], 0, 40 * BAR), ...within([whole], 98 * BAR, 100 * BAR)]
  assert.equal(fallOf(lately(relisted, DAY_SECONDS)), (WAD * 4n) / 10n)
  assert.equal(fallOf(lately(gap, DAY_SECONDS)), 0n)
  const loss = (history: History) => haircutOf({ ...GOOD, history }, 'large', WAD).terms.volatility
  assert.equal(loss(relisted), loss([whole]))
  assert.ok(loss(relisted) > loss(within([whole], 0, 40 * BAR)))
  // Came back higher, it might as well have come back lower.
  const higher = [...within([whole], 50 * BAR, 60 * BAR), { ...seriesOf('COIN', [wad(100)]), start: 90 * BAR }]
  assert.equal(loss(higher), loss([whole]))
  // A few hours do not refuse a year.
  const few = without(swings(basisPoints(200), YEAR + 5), 700, 705)
  assert.deepEqual(refusalsOf({ history: few, asOf: (YEAR + 5) * BAR }), [])
})

test('LST-09 a history ends when it is judged: no later bar changes what is said, and two days are not too late', () => {
  const crash = dollar([...closesOf(200), wad(50), wad(5)])
  assert.deepEqual(listAsset({ ...GOOD, history: crash }), listAsset({ ...GOOD, history: dollar(closesOf(200)) }))
  assert.deepEqual(refusalsOf({ history: crash, asOf: (YEAR + 2) * BAR })[0], 'fell_lately')
  assert.deepEqual(refusalsOf({ asOf: YEAR * BAR + 2 * DAY_SECONDS }), [])
})

test('LST-10 a fall is from any close to a later one: a price that came back fell, one that rose did not', () => {
  const fall = (...prices: number[]) => fallOf(dollar(prices.map(wad)))
  assert.equal(fall(10, 20, 40), 0n)
  assert.equal(fall(10, 40, 20, 40), WAD / 2n)
  assert.equal(fall(100, 50, 40, 90, 60), (WAD * 6n) / 10n)
  // Over a day too little, over a week too much: 90, 80, 70, 59.
  const slide = closesOf(0).map(
    (close, i) => close - (i < YEAR - 24 ? 0n : wad(10 + 10 * Math.floor((i - YEAR + 24) / 6))),
  )
  assert.deepEqual(refusalsOf({ history: dollar(slide) }), [])
  const deeper = slide.map((close, i) => (i < YEAR - 6 ? close : close - wad(1)))
  assert.deepEqual(refusalsOf({ history: dollar(deeper) }), ['fell_lately'])
})

test('LST-11 a bar in which nobody traded is idle, and one that is not there; of a dollar not one at one price', () => {
  const one = seriesOf('COIN', closesOf(200))
  const idle = (series: Series | History, still = false) => idleOf([series].flat(), MONTH_SECONDS, still)
  assert.equal(idle(one), 0n)
  assert.equal(idle({ ...one, volumes: traded(10) }), divUp(WAD, 18n))
  assert.equal(idle({ ...one, highs: one.lows }), WAD)
  assert.equal(idle({ ...one, highs: one.lows }, true), 0n)
  assert.equal(idle(without(one, YEAR - 19, YEAR - 10)), WAD / 20n)
  const still = { ...one, highs: one.lows, closes: closesOf(0).map(() => WAD) }
  assert.deepEqual(refusalsOf({ history: [still] }), ['hardly_traded'])
  assert.deepEqual(refusalsOf({ history: [still], peg: { issue: 'native' } }), [])
  assert.deepEqual(refusalsOf({ history: without(one, YEAR - 20, YEAR - 10), asOf: YEAR * BAR }).slice(-1), [
    'hardly_traded',
  ])
})
