import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Account, accountIn, FLAT, type Ledger, portfolioOf, upToDate, withAccount } from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable, type Margin } from '@omnimargin/core/margin'
import { vaultPeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import { apply } from '@omnimargin/core/whatif'
import { curesOf, isHealthy } from '@omnimargin/risk/cure'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import {
  chanceOf as chanceOfLegs,
  type Leg,
  type Past,
  pastOf,
  replay,
  studentTail,
} from '@omnimargin/risk/estimate/crossing'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import { type Expectation, movesOf, type Outlook, outlookOf } from '@omnimargin/risk/estimate/outlook'
import { reliabilityOf } from '@omnimargin/risk/estimate/reliability'
import { drawsOf } from '@omnimargin/risk/random'
import fc from 'fast-check'
import { candlesWith, shock, wandering } from './markets.ts'
import {
  account,
  dollars,
  ETH,
  ETH_HOME,
  HOME,
  idOf,
  NOW,
  systemWith,
  traders,
  USDC,
  USDC_FAST,
  USDC_HOME,
  WETH_SLOW,
  wad,
} from './systems.ts'

const HOUR = 3600
const HEALTH = (WAD * 125n) / 100n
const AIM = { health: HEALTH, moves: [] }
const WORLD = { now: NOW, homeChain: HOME }
const ID = idOf(0)
const unseen = pastOf(DEFAULTS)
const expecting = (quantile: number, feed = ETH, past = unseen): ReadonlyMap<number, Expectation> => {
  return new Map([[feed, { quantile, past }]])
}
const ledgerOf = (...accounts: Account[]) => systemWith(accounts).ledger
const told = (outlook: ReturnType<typeof outlookOf>): Outlook =>
  typeof outlook === 'string' ? assert.fail(outlook) : outlook
const chanceOf = (one: Account, quantile = 0.02, seconds = HOUR) =>
  told(outlookOf(ledgerOf(one), ID, NOW, expecting(quantile), seconds)).chance

/** Of as many hours as there are at least, one more or less, which the halving of a step may cost. */
const AN_HOUR = 2 / 1_000
/** From the last hours before a gap or the end no long time can be looked at. */
const AT_THE_EDGE = (2 * 24) / 2_000
const BTC = 2
const BTC_HOME = 2

/** Long or short so many ether and so many parts of a bitcoin, each part worth an ether, beside dollars; what offsets has a credit. */
function pairOf(ether: number, parts: number, cash: number): Ledger {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(cash) }))
  const { parameters } = ledger
  const [underlying, market] = [parameters?.underlyings[0], parameters?.markets[0]]
  assert.ok(parameters && underlying && market)
  const position = (size: bigint, price: bigint) => ({ ...FLAT, size, quote: -size * price })
  const one = accountIn(ledger, ID)
  return withAccount(
    {
      ...ledger,
      parameters: {
        ...parameters,
        underlyings: [underlying, { ...underlying, feed: BTC }],
        markets: [...parameters.markets, { ...market, underlying: 1 }],
        credits: [{ first: 0, second: 1, ratio: (WAD * 45n) / 100n }],
      },
      prices: new Map(ledger.prices).set(BTC, { price: wad(60_000), publishTime: NOW }),
    },
    ID,
    {
      ...one,
      positions: new Map([
        [ETH_HOME, position(wad(ether), 2_000n)],
        [BTC_HOME, position(wad(parts) / 30n, 60_000n)],
      ]),
    },
  )
}

/** Two prices that share most of each move, hour by hour and step by step. */
function twins(bars: number, seed: bigint) {
  const draw = drawsOf(seed)
  const [first, second, paths]: [Candle[], Candle[], [number, number][][]] = [[], [], []]
  let [a, b] = [1_000, 1_000]
  for (let i = 0; i < bars; i++) {
    const path: [number, number][] = []
    const [openA, openB] = [a, b]
    for (let step = 0; step < 60; step++) {
      const common = shock(draw) * 0.8
      a *= Math.exp((0.006 / Math.sqrt(60)) * (common + 0.6 * shock(draw)))
      b *= Math.exp((0.006 / Math.sqrt(60)) * (common + 0.6 * shock(draw)))
      path.push([a, b])
    }
    const bar = (open: number, all: number[]) => {
      const [high, low] = [Math.max(open, ...all), Math.min(open, ...all)]
      return { time: i * HOUR, open, high, low, close: all.at(-1) ?? open }
    }
    first.push(
      bar(
        openA,
        path.map(([x]) => x),
      ),
    )
    second.push(
      bar(
        openB,
        path.map(([, y]) => y),
      ),
    )
    paths.push(path)
  }
  return { first, second, paths }
}

function marginOf(ledger: Ledger): Margin {
  const portfolio = portfolioOf(withAccount(ledger, ID, upToDate(ledger, ID)), ID, NOW)
  return typeof portfolio === 'string' ? assert.fail(portfolio) : computeMargin(portfolio)
}

const leg = fc.integer({ min: 1, max: 400 }).chain((n) => fc.constantFrom(n, -n))
const money = fc.integer({ min: 1_000, max: 100_000 })
const quantile = fc.integer({ min: 1, max: 2_000 }).map((n) => n / 10_000)
const factor = fc.integer({ min: 100, max: 400 }).map((n) => n / 100)

test('WRN-01 a chance is from 0 to 1: all of it below maintenance, none where no price reaches it', () => {
  fc.assert(
    fc.property(traders, quantile, ([one], q) => {
      const ledger = ledgerOf(one ?? assert.fail())
      const { chance } = told(outlookOf(ledger, ID, NOW, expecting(q), HOUR))
      assert.ok(chance >= 0 && chance <= 1)
      if (isLiquidatable(marginOf(ledger))) assert.equal(chance, 1)
    }),
  )
  assert.equal(chanceOf(account({ [WETH_SLOW]: wad(10) })), 0, 'owes nothing')
  assert.equal(chanceOf(account({ [USDC_HOME]: dollars(60_000) }, { [ETH_HOME]: wad(10) })), 0, 'bears a fall of all')
  assert.equal(
    chanceOf(account({ [USDC_HOME]: dollars(5_000) }, { [ETH_HOME]: wad(30) }), 0),
    0,
    'a price that stands still',
  )
})

/** So many hours of a quantile each, all seen. */
function pastWith(candles: readonly Candle[], quantile = 0.015): Past {
  const past = pastOf(DEFAULTS)
  for (const [i, candle] of candles.entries()) if (i > 0) past.add(candles[i - 1] ?? candle, candle, quantile)
  return past
}
const lived = pastWith(candlesWith(3_000, 5n, wandering(3_000, 6n)))

test('WRN-02 the chance rises with the size of a lone position, with its quantile and with the time', () => {
  for (const past of [unseen, lived]) {
    const chanceOf = (one: Account, q: number, seconds: number) =>
      told(outlookOf(ledgerOf(one), ID, NOW, expecting(q, ETH, past), seconds)).chance
    fc.assert(
      fc.property(
        leg,
        money,
        quantile,
        factor,
        fc.integer({ min: 60, max: 40_000 }),
        (size, cash, q, more, seconds) => {
          const held = (n: number) =>
            account({ [USDC_HOME]: dollars(cash) }, { [ETH_HOME]: (wad(size) * BigInt(Math.round(n * 100))) / 100n })
          const chance = chanceOf(held(1), q, seconds)
          assert.ok(chanceOf(held(more), q, seconds) >= chance - AN_HOUR)
          assert.ok(chanceOf(held(1), q * more, seconds) >= chance - AN_HOUR)
          assert.ok(chanceOf(held(1), q, seconds * more) >= chance - AT_THE_EDGE)
        },
      ),
    )
  }
})

test('WRN-02 of several prices it rises when all quantiles rise by one factor, and with the time', () => {
  const both = twins(2_000, 11n)
  // One was not there at first, and had a gap.
  const pasts = [both.first, both.second.filter((_, i) => i > 300 && (i < 900 || i > 950))].map((one) => pastWith(one))
  const side = fc.integer({ min: -100, max: 100 })
  const fine = fc.integer({ min: 5, max: 500 }).map((n) => n / 10_000)
  fc.assert(
    fc.property(
      side,
      side,
      money,
      fine,
      fine,
      factor,
      fc.integer({ min: 60, max: 40_000 }),
      (a, b, cash, q, r, more, t) => {
        const ledger = pairOf(a, b, cash)
        const chance = (scale: number, seconds: number) => {
          const [first, second] = [q, r].map((one, i) => ({ quantile: one * scale, past: pasts[i] ?? unseen }))
          assert.ok(first && second)
          return told(
            outlookOf(
              ledger,
              ID,
              NOW,
              new Map([
                [ETH, first],
                [BTC, second],
              ]),
              seconds,
            ),
          ).chance
        }
        const now = chance(1, t)
        assert.ok(chance(more, t) >= now - AN_HOUR, `${now}, ${chance(more, t)}`)
        assert.ok(chance(1, t * more) >= now - AT_THE_EDGE, `${now}, ${chance(1, t * more)}`)
      },
    ),
    { numRuns: 300 },
  )
})

test('WRN-03 at the quantiles told the account is below maintenance, a little before it is not', () => {
  fc.assert(
    fc.property(traders, quantile, ([one], q) => {
      const ledger = ledgerOf(one ?? assert.fail())
      const { quantiles, shocks } = told(outlookOf(ledger, ID, NOW, expecting(q), HOUR))
      if (quantiles === 0 || quantiles === Number.POSITIVE_INFINITY) return
      const [shock] = shocks
      assert.ok(shock)
      const isBelowAt = (move: number) => {
        const sign = shock.direction === 'down' ? -1 : 1
        const ratio = BigInt(Math.round(sign * move * 1e15)) * 1000n
        const next = apply(ledger, ID, { kind: 'shock', feed: ETH, ratio }, WORLD)
        // A price that is gone is the least there is.
        return typeof next === 'string' ? undefined : isLiquidatable(marginOf(next))
      }
      if (shock.move >= 0.999) return
      assert.notEqual(isBelowAt(shock.move * 1.00001), false)
      assert.notEqual(isBelowAt(shock.move * 0.9999), true)
    }),
  )
})

test('WRN-03 each price goes where it hurts', () => {
  const both = new Map([...expecting(0.02), ...expecting(0.01, USDC)])
  const directions = (one: Account) =>
    told(outlookOf(ledgerOf(one), ID, NOW, both, HOUR)).shocks.map(({ feed, direction }) => [feed, direction])
  assert.deepEqual(directions(account({ [USDC_HOME]: dollars(20_000) }, { [ETH_HOME]: wad(100) })), [
    [ETH, 'down'],
    [USDC, 'down'],
  ])
  assert.deepEqual(directions(account({ [USDC_HOME]: dollars(20_000) }, { [ETH_HOME]: wad(-100) })), [
    [ETH, 'up'],
    [USDC, 'down'],
  ])
})

test('WRN-03 the hours in which an account would have crossed are those that core’s margin says', () => {
  const { first, second } = twins(400, 3n)
  const pasts = [pastWith(first), pastWith(second)]
  const side = fc.integer({ min: -100, max: 100 })
  let near = 0
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1_000, max: 12_000 }), (a, b, cash) => {
      const ledger = pairOf(a, b, cash)
      const expectations = new Map([ETH, BTC].map((feed, i) => [feed, { quantile: 0.03, past: pasts[i] ?? unseen }]))
      const outlook = told(outlookOf(ledger, ID, NOW, expectations, HOUR))
      if (outlook.chance === 0 || outlook.chance === 1) return
      const crossesAt = (i: number, kind: 'low' | 'high' | 'close') => {
        const prices = new Map(ledger.prices)
        for (const [feed, candles] of [
          [ETH, first],
          [BTC, second],
        ] as const) {
          const move = ((candles[i]?.[kind] ?? 0) / (candles[i - 1]?.close ?? 1) - 1) * 2
          const price = ((ledger.prices.get(feed)?.price ?? 0n) * BigInt(Math.round((1 + move) * 1e12))) / 10n ** 12n
          prices.set(feed, { price, publishTime: NOW })
        }
        return isLiquidatable(marginOf({ ...ledger, prices }))
      }
      const hours = first.flatMap((_, i) => (i === 0 ? [] : [i]))
      const ends = hours.filter((i) => crossesAt(i, 'close')).length
      const any = hours.filter((i) => (['low', 'high', 'close'] as const).some((kind) => crossesAt(i, kind))).length
      const legs = outlook.shocks.flatMap(({ feed, direction, taken }): Leg[] =>
        taken > 0
          ? [{ past: pasts[feed === ETH ? 0 : 1] ?? unseen, taken: direction === 'down' ? taken : -taken }]
          : [],
      )
      const { crossed } = replay(legs, outlook.quantiles, HOUR)
      const isOffset = new Set(legs.map((one) => Math.sign(one.taken))).size > 1
      const expected = Math.min(399, Math.max(any, isOffset ? 2 * ends : 0))
      assert.ok(Math.abs(crossed - expected) <= 4, `${crossed}, ${any}, ${ends}`)
      near += Number(any > 0)
    }),
    { numRuns: 120 },
  )
  assert.ok(near > 8, `${near}`)
})

test('WRN-04 the law: Student’s tail before anything was seen, then what was', () => {
  // Published quantiles of four degrees of freedom.
  for (const [t, tail] of [
    [0, 0.5],
    [0.7407, 0.25],
    [2.1318, 0.05],
    [2.7764, 0.025],
    [3.7469, 0.01],
    [7.1732, 0.001],
  ] as const) {
    assert.ok(Math.abs(studentTail(t) - tail) < 1e-5 * Math.max(1, tail * 10), `${t}`)
  }
  const chance = (past: Past, taken: number, quantiles: number) => chanceOfLegs([{ past, taken }], quantiles, HOUR)
  assert.equal(chance(unseen, 1, 0), 1)
  assert.ok(Math.abs(chance(unseen, 1, 1) - 0.02) < 1e-12)
  // Before anything was seen a time is reached by its root: four hours are an hour of twice the quantile.
  assert.ok(Math.abs(chanceOfLegs([{ past: unseen, taken: 1 }], 2, 4 * HOUR) - 0.02) < 1e-12)
  // Three quantiles down and one up in 40 of 400 hours; a bar after a gap says nothing.
  const at = (time: number, low: number, high: number) => ({ time, open: 100, high, low, close: 100 })
  const candles = Array.from({ length: 401 }, (_, i) =>
    at(i * HOUR, i > 0 && i % 10 === 0 ? 97 : 100, i > 0 && i % 10 === 0 ? 101 : 100),
  )
  const seen = pastWith([...candles, at(402 * HOUR, 50, 100)], 0.01)
  assert.deepEqual(replay([{ past: seen, taken: 1 }], 2.9, HOUR), { hours: 400, crossed: 40 })
  const between = (said: number, share: number) => assert.ok(Math.abs(said - share) < 0.01, `${said}`)
  between(chance(seen, 1, 2.9), 40 / 500)
  between(chance(seen, 1, 3.1), 0)
  between(chance(seen, -1, 0.9), (40 + 100 * 0.03) / 500)
  between(chance(seen, -1, 1.1), 0)
  // In two hours from any of 399 it is in one of them in twice as many; in a quarter of one half as far.
  assert.deepEqual(replay([{ past: seen, taken: 1 }], 2.9, 2 * HOUR), { hours: 399, crossed: 79 })
  assert.deepEqual(replay([{ past: seen, taken: 1 }], 1.45, HOUR / 4), { hours: 400, crossed: 40 })
  assert.deepEqual(replay([{ past: seen, taken: 1 }], 1.55, HOUR / 4), { hours: 400, crossed: 0 })
})

test('WRN-04 two prices are as they were together; one that was not there goes as the other', () => {
  const { first } = twins(500, 4n)
  const [one, same] = [pastWith(first), pastWith(first)]
  // What is not there in the first four hundred hours, and then stands still.
  const late = pastWith(first.slice(400).map(({ time }) => ({ time, open: 1, high: 1, low: 1, close: 1 })))
  const replayed = (...legs: [Past, number][]) =>
    replay(
      legs.map(([past, taken]) => ({ past, taken })),
      0.5,
      HOUR,
    )
  const crossed = (...legs: [Past, number][]) => replayed(...legs).crossed
  const alone = crossed([one, 1])
  assert.ok(alone > 20)
  assert.equal(crossed([one, 1], [same, 1]), alone, 'both long: as one')
  assert.equal(crossed([one, 1], [same, -1]), 0, 'they offset whole')
  const before = replay([{ past: pastWith(first.slice(0, 401)), taken: 1 }], 0.5, HOUR).crossed
  const after = replay([{ past: pastWith(first.slice(400)), taken: 1 }], 0.999, HOUR).crossed
  assert.equal(crossed([one, 1.001], [late, 1]), before + after)
  assert.equal(replayed([late, 1], [one, 0.5]).hours, 99)
  assert.equal(replayed([unseen, 1], [one, 0.5]).hours, 0)
})

test('WRN-05 a cure cures, and a little less does not; the cheapest is first', () => {
  let cured = 0
  fc.assert(
    fc.property(traders, ([one]) => {
      const ledger = ledgerOf(one ?? assert.fail())
      if (isHealthy(ledger, ID, HEALTH, WORLD)) return
      const { deposits, closes } = curesOf(ledger, ID, AIM, WORLD)
      const after = (change: Parameters<typeof apply>[2]) => {
        const next = apply(ledger, ID, change, WORLD)
        if (typeof next === 'string') return false
        const { maintenanceMarginBalance, maintenanceMargin } = marginOf(next)
        return maintenanceMarginBalance * 100n >= maintenanceMargin * 125n
      }
      for (const [i, { listing, units, usd }] of deposits.entries()) {
        assert.ok(after({ kind: 'deposit', listing, units }))
        assert.ok(!after({ kind: 'deposit', listing, units: units - 1n - units / 1_000_000n }))
        assert.ok(i === 0 || usd >= (deposits[i - 1]?.usd ?? 0n))
      }
      for (const { market, size } of closes) {
        assert.ok(after({ kind: 'trade', market, size }))
        cured += 1
      }
      const account_ = ledger.accounts.get(ID)
      assert.ok(
        closes.every(({ market, size }) => {
          const held = account_?.positions.get(market)?.size ?? 0n
          return size > 0n ? held <= -size : held >= -size
        }),
      )
      assert.ok(deposits.length > 0, 'money always helps')
      cured += deposits.length
    }),
    { numRuns: 1_000 },
  )
  assert.ok(cured > 100, `${cured}`)
})

test('WRN-05 an account that is as healthy as is asked for is cured of its chance', () => {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(16_000) }, { [ETH_HOME]: wad(100) }))
  const expectations = expecting(0.05)
  const chanceIn = (one: Ledger) => told(outlookOf(one, ID, NOW, expectations, HOUR)).chance
  assert.ok(isHealthy(ledger, ID, HEALTH, WORLD) && chanceIn(ledger) > 0.05, `${chanceIn(ledger)}`)
  const moves = movesOf(told(outlookOf(ledger, ID, NOW, expectations, HOUR)), expectations, HOUR, 0.05)
  const { deposits, closes } = curesOf(ledger, ID, { health: HEALTH, moves }, WORLD)
  const after = (change: Parameters<typeof apply>[2]) => {
    const next = apply(ledger, ID, change, WORLD)
    return typeof next === 'string' ? assert.fail(next) : chanceIn(next)
  }
  assert.equal(deposits.length, 3)
  const home = deposits.find(({ listing }) => listing === USDC_HOME) ?? assert.fail()
  assert.ok(after({ kind: 'deposit', ...home }) < 0.05)
  assert.ok(after({ kind: 'deposit', ...home, units: home.units - home.units / 1_000n }) >= 0.05)
  for (const { market, size } of closes) assert.ok(after({ kind: 'trade', market, size }) < 0.05)
  assert.equal(closes.length, 1)
})

test('WRN-05 a deposit that would not count at once, or beyond a line’s cap, is no cure', () => {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(10_000) }, { [ETH_HOME]: wad(100) }))
  const { parameters } = ledger
  assert.ok(parameters)
  const all = curesOf(ledger, ID, AIM, WORLD).deposits
  assert.equal(all.length, 3)
  const far = all.find(({ listing }) => listing === USDC_FAST)
  assert.ok(far)
  const capped = (listing: number, change: object) => {
    const listings = parameters.listings.map((one, i) => (i === listing ? { ...one, ...change } : one))
    return curesOf({ ...ledger, parameters: { ...parameters, listings } }, ID, AIM, WORLD).deposits
  }
  assert.equal(capped(USDC_FAST, { burst: far.units }).length, 3)
  assert.equal(capped(USDC_FAST, { burst: far.units - far.units / 100_000n }).length, 2)
  assert.equal(capped(USDC_HOME, { accountCap: dollars(10_000) }).length, 2)
})

test('WRN-05 nobody is told to close less than can be traded, unless it is all there is', () => {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(12_600) }, { [ETH_HOME]: wad(100) }))
  const closeWith = (minSize: bigint) => {
    const { parameters } = ledger
    const markets = parameters?.markets.map((one) => ({ ...one, minSize })) ?? []
    const world = parameters && { ...ledger, parameters: { ...parameters, markets } }
    return curesOf(world ?? ledger, ID, AIM, WORLD).closes[0]?.size ?? 0n
  }
  const free = closeWith(1n)
  assert.ok(free < 0n && free > -wad(30), `${free}`)
  assert.ok(closeWith(wad(40)) <= -wad(40))
})

test('WRN-05 no cure is named where nothing more would count: a late or tripped vault, a full vault, a full asset', () => {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(10_000) }, { [ETH_HOME]: wad(100) }))
  const { parameters } = ledger
  assert.ok(parameters)
  const listingsOf = (parts: Partial<Ledger>) =>
    curesOf({ ...ledger, ...parts }, ID, AIM, WORLD)
      .deposits.map(({ listing }) => listing)
      .sort()
  const heardAt = (vault: number, time: bigint) => ({ heard: new Map(ledger.heard).set(vaultPeer(vault), time) })
  assert.deepEqual(listingsOf({}), [WETH_SLOW, USDC_FAST, USDC_HOME])
  assert.deepEqual(listingsOf(heardAt(0, NOW - 3_600n)), [USDC_FAST, USDC_HOME])
  assert.deepEqual(listingsOf(heardAt(0, NOW - 3_599n)), [WETH_SLOW, USDC_FAST, USDC_HOME])
  assert.deepEqual(listingsOf({ tripped: new Set([vaultPeer(1), vaultPeer(2)]) }), [WETH_SLOW])
  const { listings, vaults } = parameters
  const changed = (index: number, change: object) =>
    listings.map((one, i) => (i === index ? { ...one, ...change } : one))
  const withListings = (some: typeof listings) => listingsOf({ parameters: { ...parameters, listings: some } })
  // 10,000 dollars count at home already, and are of the same asset as those on the fast chain.
  assert.deepEqual(withListings(changed(USDC_FAST, { assetCap: 10_000n * 10n ** 6n })), [WETH_SLOW, USDC_HOME])
  const full = vaults.map((vault, i) => (i === 2 ? { ...vault, cap: 10_000n } : vault))
  const dear = changed(USDC_HOME, { capPrice: WAD })
  assert.deepEqual(listingsOf({ parameters: { ...parameters, vaults: full, listings: dear } }), [WETH_SLOW, USDC_FAST])
  // A burst holds back what comes from another chain alone.
  assert.deepEqual(withListings(changed(USDC_HOME, { burst: 1n })), [WETH_SLOW, USDC_FAST, USDC_HOME])
  assert.deepEqual(withListings(changed(USDC_FAST, { burst: 1n })), [WETH_SLOW, USDC_HOME])
})

test('WRN-08 reliability by hand', () => {
  const { bins, brier, brierOfMean } = reliabilityOf([0.2, 0.2, 0.6, 0], [0, 1, 1, 0])
  assert.ok(Math.abs(brier - (0.04 + 0.64 + 0.16 + 0) / 4) < 1e-12)
  assert.equal(brierOfMean, 0.25)
  const filled = bins.filter(({ count }) => count > 0)
  assert.deepEqual(
    filled.map(({ from, count, came }) => [from, count, came]),
    [
      [0, 1, 0],
      [0.1, 2, 0.5],
      [0.5, 1, 1],
    ],
  )
})

test('WRN-08 where the law is known, what is said comes true as often as it is said', () => {
  const candles = candlesWith(9_000, 7n, wandering(9_000, 8n))
  const [observe, past] = [observerOf(DEFAULTS, 3_000), pastOf(DEFAULTS)]
  const [said, came]: [number[], number[]] = [[], []]
  let expected: number | undefined
  for (const [i, candle] of candles.entries()) {
    const before = candles[i - 1]
    if (before && expected !== undefined) {
      // Judged before it is learned: falls of a tenth of a percent to ten of them, one after another.
      if (i > 4_000) {
        const fall = 0.001 * 1.1 ** (i % 40)
        said.push(chanceOfLegs([{ past, taken: 1 }], fall / expected, HOUR))
        came.push(candle.low <= before.close * (1 - fall) ? 1 : 0)
      }
      past.add(before, candle, expected)
    }
    expected = observe(candle)['QR+ACI']
  }
  assertReliable(said, came, 1)
})

test('WRN-08 where two prices go together, a hedged book and one over eight hours cross as often as is said', () => {
  const { first, second, paths } = twins(6_000, 21n)
  for (const [span, slack] of [
    [1, 1.35],
    [8, 1.15],
  ] as const) {
    const [said, came]: [number[], number[]] = [[], []]
    const pasts = [pastWith(first.slice(0, 4_000)), pastWith(second.slice(0, 4_000))]
    for (let i = 4_000; i + span < first.length; i += 2) {
      const bearable = 0.001 * Math.sqrt(span) * 1.12 ** (i % 30)
      const legs = pasts.map((past, l): Leg => ({ past, taken: l === 0 ? 1 : -1 }))
      said.push(chanceOfLegs(legs, bearable / 2 / 0.015, span * HOUR))
      const [a, b] = [first[i]?.close ?? 1, second[i]?.close ?? 1]
      const steps = paths.slice(i + 1, i + 1 + span).flat()
      came.push(Number(steps.some(([x, y]) => 1 - x / a - (1 - y / b) >= bearable)))
    }
    assertReliable(said, came, slack)
  }
})

/** What came is what was said, or up to so many times less or more, beside what chance does. */
function assertReliable(said: readonly number[], came: readonly number[], slack: number): void {
  const { bins, brier, brierOfMean } = reliabilityOf(said, came)
  for (const bin of bins.filter(({ count }) => count > 150)) {
    const noise = 0.02 + 4 * Math.sqrt((bin.said * (1 - bin.said)) / bin.count)
    assert.ok(bin.came < bin.said * slack + noise && bin.came > bin.said / slack - noise, JSON.stringify(bin))
  }
  assert.ok(brier < 0.7 * brierOfMean, `${brier} of ${brierOfMean}`)
}
