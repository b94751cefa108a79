import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Account, type Ledger, portfolioOf, upToDate, withAccount } from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable, type Margin } from '@omnimargin/core/margin'
import { vaultPeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import { apply } from '@omnimargin/core/whatif'
import { curesOf, isHealthy } from '@omnimargin/risk/cure'
import { crossingsOf, studentTail } from '@omnimargin/risk/estimate/crossing'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import { type Expectation, type Outlook, outlookOf } from '@omnimargin/risk/estimate/outlook'
import { reliabilityOf } from '@omnimargin/risk/estimate/reliability'
import fc from 'fast-check'
import { candlesWith, wandering } from './markets.ts'
import {
  account,
  dollars,
  ETH,
  ETH_FAST,
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
const WORLD = { now: NOW, homeChain: HOME }
const ID = idOf(0)
const unseen = crossingsOf(DEFAULTS)
const expecting = (quantile: number, feed = ETH): ReadonlyMap<number, Expectation> => {
  return new Map([[feed, { quantile, chanceOf: unseen.chanceOf }]])
}
const ledgerOf = (...accounts: Account[]) => systemWith(accounts).ledger
const told = (outlook: ReturnType<typeof outlookOf>): Outlook =>
  typeof outlook === 'string' ? assert.fail(outlook) : outlook
const chanceOf = (one: Account, quantile = 0.02, seconds = HOUR) =>
  told(outlookOf(ledgerOf(one), ID, NOW, expecting(quantile), seconds)).chance

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

test('WRN-02 the chance rises with the size of a position, with the quantile and with the time', () => {
  fc.assert(
    fc.property(leg, money, quantile, factor, (size, cash, q, more) => {
      const held = (n: number) =>
        account({ [USDC_HOME]: dollars(cash) }, { [ETH_HOME]: (wad(size) * BigInt(Math.round(n * 100))) / 100n })
      const near = 1e-6
      const chance = chanceOf(held(1), q)
      assert.ok(chanceOf(held(more), q) >= chance - near)
      assert.ok(chanceOf(held(1), q * more) >= chance - near)
      assert.ok(chanceOf(held(1), q, HOUR * more) >= chance - near)
    }),
  )
})

test('WRN-02 a time other than an hour is reached by its root: four hours are an hour of twice the quantile', () => {
  const held = account({ [USDC_HOME]: dollars(8_000) }, { [ETH_HOME]: wad(60) })
  const [hours, quantiles] = [chanceOf(held, 0.01, 4 * HOUR), chanceOf(held, 0.02)]
  assert.ok(hours > 0 && Math.abs(hours - quantiles) < 1e-9, `${hours}, ${quantiles}`)
  assert.ok(chanceOf(held, 0.01) < hours)
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

test('WRN-03 each price goes where it hurts, and what offsets is the clearing’s credit', () => {
  const both = new Map([...expecting(0.02), ...expecting(0.01, USDC)])
  const long = ledgerOf(account({ [USDC_HOME]: dollars(20_000) }, { [ETH_HOME]: wad(100) }))
  const short = ledgerOf(account({ [USDC_HOME]: dollars(20_000) }, { [ETH_HOME]: wad(-100) }))
  const seen = (ledger: Ledger) => told(outlookOf(ledger, ID, NOW, both, HOUR))
  const directions = (ledger: Ledger) => seen(ledger).shocks.map(({ feed, direction }) => [feed, direction])
  assert.deepEqual(directions(long), [
    [ETH, 'down'],
    [USDC, 'down'],
  ])
  assert.deepEqual(directions(short), [
    [ETH, 'up'],
    [USDC, 'down'],
  ])
  assert.equal(seen(long).together, 1)
  // Without a credit between them two that hurt in opposite directions are each for itself.
  const [a = 0, b = 0] = seen(short).shocks.map(({ taken }) => taken)
  assert.ok(Math.abs(seen(short).together - Math.sqrt(a * a + b * b) / (a + b)) < 1e-12)
  const flat = ledgerOf(account({ [USDC_HOME]: dollars(20_000) }, { [ETH_HOME]: wad(50), [ETH_FAST]: wad(-50) }))
  assert.ok(seen(flat).chance < seen(long).chance)
  // They go less far together than each for itself: the chance is that of so much more.
  const { chance, quantiles, together } = seen(short)
  assert.ok(together < 1 && chance > 0)
  assert.equal(chance, unseen.chanceOf(quantiles / together, 'up'))
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
  assert.equal(unseen.chanceOf(0, 'down'), 1)
  assert.ok(Math.abs(unseen.chanceOf(1, 'down') - 0.02) < 1e-12)
  const seen = crossingsOf(DEFAULTS)
  const at = (time: number, low: number, high: number) => ({ time, open: 100, high, low, close: 100 })
  // Three quantiles down and one up in 40 of 400 hours; a bar after a gap says nothing.
  for (let i = 1; i <= 400; i++) {
    seen.add(at((i - 1) * HOUR, 100, 100), at(i * HOUR, i % 10 === 0 ? 97 : 100, i % 10 === 0 ? 101 : 100), 0.01)
  }
  seen.add(at(0, 100, 100), at(2 * HOUR, 50, 100), 0.01)
  assert.equal(seen.count(), 400)
  const between = (chance: number, share: number) => assert.ok(Math.abs(chance - share) < 0.01, `${chance}`)
  between(seen.chanceOf(2.9, 'down'), 40 / 500)
  between(seen.chanceOf(3.1, 'down'), 0)
  between(seen.chanceOf(0.9, 'up'), (40 + 100 * 0.03) / 500)
  between(seen.chanceOf(1.1, 'up'), 0)
})

test('WRN-05 a cure cures, and a little less does not; the cheapest is first', () => {
  let cured = 0
  fc.assert(
    fc.property(traders, ([one]) => {
      const ledger = ledgerOf(one ?? assert.fail())
      if (isHealthy(ledger, ID, HEALTH, WORLD)) return
      const { deposits, closes } = curesOf(ledger, ID, HEALTH, WORLD)
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

test('WRN-05 a deposit that would not count at once, or beyond a line’s cap, is no cure', () => {
  const ledger = ledgerOf(account({ [USDC_HOME]: dollars(10_000) }, { [ETH_HOME]: wad(100) }))
  const { parameters } = ledger
  assert.ok(parameters)
  const all = curesOf(ledger, ID, HEALTH, WORLD).deposits
  assert.equal(all.length, 3)
  const far = all.find(({ listing }) => listing === USDC_FAST)
  assert.ok(far)
  const capped = (listing: number, change: object) => {
    const listings = parameters.listings.map((one, i) => (i === listing ? { ...one, ...change } : one))
    return curesOf({ ...ledger, parameters: { ...parameters, listings } }, ID, HEALTH, WORLD).deposits
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
    return curesOf(world ?? ledger, ID, HEALTH, WORLD).closes[0]?.size ?? 0n
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
    curesOf({ ...ledger, ...parts }, ID, HEALTH, WORLD)
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
  const [observe, crossings] = [observerOf(DEFAULTS, 3_000), crossingsOf(DEFAULTS)]
  const [said, came]: [number[], number[]] = [[], []]
  let expected: number | undefined
  for (const [i, candle] of candles.entries()) {
    const before = candles[i - 1]
    if (before && expected !== undefined) {
      // Judged before it is learned: falls of a tenth of a percent to ten of them, one after another.
      if (i > 4_000) {
        const fall = 0.001 * 1.1 ** (i % 40)
        said.push(crossings.chanceOf(fall / expected, 'down'))
        came.push(candle.low <= before.close * (1 - fall) ? 1 : 0)
      }
      crossings.add(before, candle, expected)
    }
    expected = observe(candle)['QR+ACI']
  }
  const { bins, brier, brierOfMean } = reliabilityOf(said, came)
  for (const bin of bins.filter(({ count }) => count > 150)) {
    const noise = 4 * Math.sqrt((bin.said * (1 - bin.said)) / bin.count)
    assert.ok(Math.abs(bin.said - bin.came) < 0.02 + noise, JSON.stringify(bin))
  }
  assert.ok(brier < 0.7 * brierOfMean, `${brier} of ${brierOfMean}`)
})
