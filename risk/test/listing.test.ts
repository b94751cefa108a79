import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divUp, WAD } from '@omnimargin/core/wad'
import type { Series } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { listAsset, REFUSALS, type Refusal } from '@omnimargin/risk/listing'
import type { Facts } from '@omnimargin/risk/listing/facts'
import { capOf, haircutOf } from '@omnimargin/risk/listing/haircut'
import { isBroken, offLately, offPeg } from '@omnimargin/risk/listing/peg'
import { LEAST, MAINTENANCE_CONFIDENCE } from '@omnimargin/risk/listing/rules'
import fc from 'fast-check'

const wad = (n: number) => BigInt(n) * WAD
const basisPoints = (n: number) => (BigInt(n) * WAD) / 10_000n
const HOUR = 3_600
const YEAR = (365 * 24 * HOUR) / (4 * HOUR)

/** Four-hour bars of nothing but a close. */
function seriesOf(symbol: string, closes: readonly bigint[]): Series {
  const still = { opens: closes, highs: closes, lows: closes, volumes: closes.map(() => 0n) }
  return { symbol, start: 0, interval: 4 * HOUR, closes, ...still }
}

/** Four-hour bars that go down by the share, and up again to where they were. */
function swings(share: bigint, bars = YEAR, level = wad(100)): Series {
  const closes = Array.from({ length: bars }, (_, i) => (i % 2 === 0 ? level : level - (level * share) / WAD))
  return seriesOf('COIN', closes)
}

/** Nothing speaks against it. */
const GOOD: Facts = {
  ...{ symbol: 'COIN', decimals: 18, isRebasing: false, takesFee: false, isOwnToken: false, isWrapped: false },
  ...{ chain: 'rollup', verifiers: 2, routeSeconds: 1_200, dailyVolume: wad(50_000_000), spread: basisPoints(10) },
  price: {
    ...{ venues: 3, dispersion: 0n, isOnChain: true, maxAgeSeconds: 144, deviation: 0n, confidence: 0n },
  },
  history: swings(basisPoints(200)),
}

const dollar = (closes: readonly bigint[]) => seriesOf('USDX', closes)
const refusalsOf = (parts: Partial<Facts>) => listAsset({ ...GOOD, ...parts }).refusals

test('LST-01 nothing speaks against a good asset, and each refusal is told on its own', () => {
  assert.deepEqual(refusalsOf({}), [])
  const price = (parts: Partial<Facts['price']>) => ({ price: { ...GOOD.price, ...parts } })
  const halved = swings(basisPoints(200)).closes.map((close, i) => (i === 1_000 ? wad(40) : close))
  const table: [Refusal, Partial<Facts>][] = [
    ['not_a_plain_token', { isRebasing: true }],
    ['not_a_plain_token', { takesFee: true }],
    ['one_verifier', { verifiers: 1 }],
    ['no_feed_on_chain', price({ isOnChain: false })],
    ['too_few_price_venues', price({ venues: 2 })],
    ['price_venues_disagree', price({ dispersion: basisPoints(301) })],
    ['history_too_short', { history: swings(basisPoints(200), YEAR - 1) }],
    ['too_thin', { dailyVolume: wad(5_000_000) - 1n }],
    ['own_token', { isOwnToken: true }],
    ['peg_was_broken', { peg: { issue: 'wrapped', reference: swings(basisPoints(200)) }, history: dollar(halved) }],
    ['too_volatile', { history: swings(basisPoints(9_000)) }],
  ]
  for (const [code, parts] of table) assert.deepEqual(refusalsOf(parts), [code], code)
  assert.deepEqual([...new Set(table.map(([code]) => code))], [...REFUSALS])
  const worst = { ...GOOD, ...price({ venues: 0, isOnChain: false, dispersion: WAD }), isRebasing: true, verifiers: 0 }
  const history = dollar([...swings(basisPoints(9_000), 20).closes.map((close) => close / 100n)])
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
    history: swings(basisPoints(1_000)),
    routeSeconds: 14_400 - 3_650,
    price: { ...GOOD.price, dispersion: basisPoints(200), confidence: basisPoints(10) },
  }
  const { listing, refusals } = listAsset(facts)
  assert.deepEqual(refusals, [])
  assert.equal(listing.class, 'large')
  assert.equal(listing.capUsd, wad(500_000))
  // The last close is 90.
  assert.equal(listing.cap, (wad(500_000) * WAD) / wad(90))
  const { parts, horizonSeconds } = listing.maintenance
  // 5 + 10,750 + 45 + 3,600 seconds are one bar.
  assert.equal(horizonSeconds, 14_400n)
  assert.equal(parts.volatility, basisPoints(1_000))
  // 144 seconds are a hundredth of a bar, whose root is a tenth; 2.33 * 0.1 %; half of 2 %.
  assert.equal(parts.oracle, basisPoints(100) + (basisPoints(10) * 233n) / 100n + basisPoints(100))
  assert.equal(parts.peg, 0n)
  assert.equal(parts.security, divUp(basisPoints(150) * 30n, 365n))
  // Returns of -1/10 and +1/9 in turn deviate by 19/180 a bar; six bars a day; a root of 50,000 of 10,000,000.
  const liquidity = 0.0005 + (19 / 180) * Math.sqrt(6) * Math.sqrt(0.005)
  assert.ok(Math.abs(Number(parts.liquidity) / 1e18 - liquidity) < 1e-6)
  const market = (0.1 + liquidity) * 2 ** 0.25
  const whole = 1 - (1 - market) * (1 - Number(parts.oracle) / 1e18) * (1 - Number(parts.security) / 1e18)
  assert.equal(listing.maintenanceHaircut, BigInt(Math.ceil(whole * 1000)) * basisPoints(10))
  assert.equal(listing.initialHaircut, BigInt(Math.ceil(Math.ceil(whole * 1000) * 1.25)) * basisPoints(10))
})

test('LST-02 a class is what is traded in a day, or what it is pegged to', () => {
  const classOf = (parts: Partial<Facts>) => listAsset({ ...GOOD, ...parts }).listing.class
  assert.equal(classOf({ dailyVolume: wad(1_000_000_000) }), 'deep')
  assert.equal(classOf({ dailyVolume: wad(1_000_000_000) - 1n }), 'large')
  assert.equal(classOf({ dailyVolume: wad(50_000_000) - 1n }), 'small')
  assert.equal(classOf({ peg: { issue: 'native' } }), 'stable')
  assert.equal(classOf({ peg: { issue: 'staked', reference: GOOD.history } }), 'derived')
})

test('LST-02 a calm past is not taken for less than a gap, and each route and wrapper adds its share', () => {
  const partsOf = (parts: Partial<Facts>) =>
    listAsset({ ...GOOD, history: swings(0n, YEAR, WAD), ...parts }).listing.maintenance.parts
  assert.equal(partsOf({ dailyVolume: wad(1_000_000_000) }).volatility, basisPoints(200))
  assert.equal(partsOf({}).volatility, basisPoints(400))
  assert.equal(partsOf({ dailyVolume: wad(10_000_000) }).volatility, basisPoints(700))
  assert.equal(partsOf({ peg: { issue: 'native' } }).volatility, 0n)
  assert.equal(partsOf({ peg: { issue: 'bridged' } }).peg, basisPoints(200))
  const table: [Partial<Facts>, number][] = [
    [{ chain: 'ethereum' }, 110],
    [{ chain: 'rollup' }, 150],
    [{ chain: 'other' }, 200],
    [{ chain: 'other', isWrapped: true }, 300],
  ]
  for (const [parts, aYear] of table) assert.equal(partsOf(parts).security, divUp(basisPoints(aYear) * 30n, 365n))
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
    volume: fc.integer({ min: 1, max: 2_000_000_000 }),
    chain: fc.constantFrom('ethereum', 'rollup', 'other'),
    flags: fc.tuple(fc.boolean(), fc.boolean()),
    peg: fc.constantFrom(undefined, { issue: 'native' as const }, { issue: 'bridged' as const }),
  })
  .map(({ swing, routeSeconds, spread, volume, chain, flags: [isOwnToken, isWrapped], peg, ...price }) => ({
    ...{ ...GOOD, routeSeconds, spread, chain, isOwnToken, isWrapped, peg, dailyVolume: wad(volume) },
    price: { ...GOOD.price, ...price },
    history: swings(swing, 200, WAD),
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
      const deeper = one.history.closes.map((close, i) => (i % 2 === 0 ? close : close - (close * by) / WAD))
      return { ...one, history: { ...one.history, closes: deeper } }
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
      assert.ok(capUsd * 100n <= one.dailyVolume)
      assert.equal(capUsd, capOf(one))
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
  assert.equal(offLately(offPeg(dollar(closes(6, 2)), undefined)), basisPoints(200))
  assert.equal(offLately(offPeg(dollar([off(9), WAD, WAD, WAD, WAD, WAD, WAD]), undefined)), 0n)
  // What it is pegged to falls by half, and so does it: it was never off.
  const reference = swings(basisPoints(5_000), 100)
  assert.deepEqual(new Set(offPeg(reference, reference).shares), new Set([0n]))
  const later = { ...reference, start: 50 * 4 * HOUR }
  assert.equal(offPeg(reference, later).shares.length, 50)
  const staked = (missing: number) => {
    const history = {
      ...reference,
      closes: reference.closes.map((close) => (close * BigInt(1_000 - missing)) / 1_000n),
    }
    return listAsset({ ...GOOD, history, peg: { issue: 'staked', reference } }).listing.maintenance.parts.peg
  }
  assert.equal(staked(0), basisPoints(300))
  assert.equal(staked(12), basisPoints(300) + 4n * basisPoints(100))
})

test('LST-06 bars that are too long are refused', () => {
  const history = { ...GOOD.history, interval: 86_400 }
  assert.throws(
    () => listAsset({ ...GOOD, history }),
    (failure) => failure instanceof InputError && /has bars of 86400 s, the longest is 14400 s/.test(failure.message),
  )
})
