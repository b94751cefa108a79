import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type DryRun, dryRun, REFUSALS, type Refusal, type Verdict } from '@omnimargin/core/dryrun'
import { type Account, type Ledger, portfolioOf, upToDate, withAccount } from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable, meetsInitial } from '@omnimargin/core/margin'
import { NO_OUTAGES, type Parameters } from '@omnimargin/core/parameters'
import { divUp, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import {
  account,
  CLEARING,
  clearingWith,
  ETH_HOME,
  held,
  line,
  NOW,
  OWNER,
  PARAMETERS,
  trader,
  USDC_HOME,
  WETH_FAST,
} from './ledgers.ts'
import { wad } from './portfolios.ts'

const ONE_PERCENT = WAD / 100n
const idOf = (place: number): Hex => accountOf(OWNER, BigInt(place))
const ledgerOf = (accounts: readonly Account[]) =>
  clearingWith(...accounts.map((one, i): [Hex, Account] => [idOf(i), one]))
const dollars = (n: number) => BigInt(n) * 10n ** 6n

/** Rates and haircuts times so many percent, at most all. */
function scaled(percent: bigint): Parameters {
  const times = (share: bigint) => (share * percent) / 100n
  const { listings, underlyings } = PARAMETERS
  return {
    ...PARAMETERS,
    liquidationDiscount: 0n,
    listings: listings.map((one) => ({
      ...one,
      initialHaircut: times(one.initialHaircut),
      maintenanceHaircut: times(one.maintenanceHaircut),
    })),
    underlyings: underlyings.map((one) => ({
      ...one,
      initialRate: times(one.initialRate),
      maintenanceRate: times(one.maintenanceRate),
    })),
  }
}

function figuresOf(verdict: Verdict): DryRun {
  return 'figures' in verdict ? verdict.figures : assert.fail(verdict.what)
}

function marginOf(ledger: Ledger, id: Hex, parameters: Parameters) {
  const settled = withAccount({ ...ledger, parameters }, id, upToDate(ledger, id))
  const portfolio = portfolioOf(settled, id, NOW)
  return typeof portfolio === 'string' ? assert.fail(portfolio) : computeMargin(portfolio)
}

const traders = fc.array(trader, { minLength: 1, maxLength: 8 })
const percents = fc.bigInt({ min: 0n, max: 400n })

test('DRY-01 the same parameters do nothing to anybody', () => {
  fc.assert(
    fc.property(traders, (accounts) => {
      const verdict = dryRun(ledgerOf(accounts), PARAMETERS, NOW, 0n)
      const { becomeLiquidatable, loseInitial, share } = figuresOf(verdict)
      assert.deepEqual([verdict.code, becomeLiquidatable, loseInitial, share], [undefined, [], [], 0n])
    }),
  )
})

test('DRY-02 who becomes liquidatable, and who loses initial margin, by the formula', () => {
  fc.assert(
    fc.property(traders, percents, (accounts, percent) => {
      const ledger = ledgerOf(accounts)
      const parameters = scaled(percent)
      const figures = figuresOf(dryRun(ledger, parameters, NOW, WAD))
      const isAtRisk = (id: Hex) => {
        const { cash, positions } = upToDate(ledger, id)
        const isOpen = [...positions.values()].some((one) => one.size || one.quote || one.buyOut || one.sellOut)
        return isOpen || cash < 0n
      }
      const all = [...ledger.accounts.keys()].filter(isAtRisk)
      const judged = all.map((id) => ({
        id,
        was: marginOf(ledger, id, PARAMETERS),
        is: marginOf(ledger, id, parameters),
      }))
      const ids = (of: (one: (typeof judged)[number]) => boolean) => judged.filter(of).map(({ id }) => id)
      assert.equal(figures.accounts, all.length)
      assert.deepEqual(
        figures.liquidatableNow,
        ids(({ was }) => isLiquidatable(was)),
      )
      assert.deepEqual(
        figures.becomeLiquidatable,
        ids(({ was, is }) => !isLiquidatable(was) && isLiquidatable(is)),
      )
      assert.deepEqual(
        figures.loseInitial,
        ids(({ was, is }) => meetsInitial(was) && !meetsInitial(is)),
      )
    }),
  )
})

/** Each long of 20 ETH needs 2,300: 5 % and 5 % of that for its leg, and 0.5 % of basis. A dollar of USDC there counts 99 cents. */
const long = (collateral: number) =>
  account({
    lines: [line(USDC_HOME, dollars(collateral))],
    positions: held(ETH_HOME, { size: wad(20), quote: -wad(40_000) }),
  })

test('DRY-02 what an account owes of funding is settled first', () => {
  const ledger = ledgerOf([long(3_000)])
  // 2,970 less 2,300 is 33.50 on each of 20.
  const at = (index: bigint) => {
    const owing = { ...ledger, funding: new Map([[ETH_HOME, index]]) }
    return figuresOf(dryRun(owing, PARAMETERS, NOW, WAD)).liquidatableNow
  }
  assert.deepEqual([at(wad(33)), at(wad(34))], [[], [idOf(0)]])
})

test('DRY-02 new parameters begin their life when they are set, however old those in force are', () => {
  const short = { ...PARAMETERS, life: 3_600, lifeRamp: 3_600 }
  // A second beyond their life next to nothing is lost; with the new ones, had they lived as long, all would be.
  const ledger = { ...ledgerOf([long(10_000)]), parameters: short, setAt: NOW - 3_601n }
  assert.deepEqual(figuresOf(dryRun(ledger, { ...short, lifeRamp: 1 }, NOW, WAD)).loseInitial, [])
})

test('DRY-03 refused exactly when more of the margin than is allowed would become liquidatable', () => {
  const saver = account({ lines: [line(USDC_HOME, dollars(1_000_000))] })
  const ledger = ledgerOf([long(3_000), long(97_000), long(100), saver])
  // Twice the rate: 4,400.
  const { share, margin, marginAtStake, becomeLiquidatable, liquidatableNow, accounts } = figuresOf(
    dryRun(ledger, scaled(200n), NOW, WAD),
  )
  assert.deepEqual([becomeLiquidatable, liquidatableNow, accounts], [[idOf(0)], [idOf(2)], 3])
  assert.deepEqual([marginAtStake, margin], [wad(2_970), wad(99_000)])
  assert.equal(share, (3n * WAD) / 100n)
  const codeAt = (most: bigint) => dryRun(ledger, scaled(200n), NOW, most).code
  assert.deepEqual([codeAt(share - 1n), codeAt(share)], ['too_many_liquidatable', undefined])
  const uneven = figuresOf(dryRun(ledgerOf([long(3_000), long(97_001)]), scaled(200n), NOW, WAD))
  assert.equal(uneven.share, divUp(uneven.marginAtStake * WAD, uneven.margin))
})

const pricedAt = (ledger: Ledger, publishTime: bigint): Ledger => ({
  ...ledger,
  prices: new Map([...ledger.prices].map(([feed, one]) => [feed, { ...one, publishTime }])),
})

test('DRY-04 each refusal has its code, and the first that holds is told', () => {
  const ledger = ledgerOf([long(3_000)])
  const old = pricedAt(ledger, NOW - 1n)
  const cut = { ...PARAMETERS, listings: PARAMETERS.listings.slice(1) }
  const table: [Refusal, Ledger, Parameters][] = [
    ['no_parameters', { ...ledger, parameters: undefined }, cut],
    ['do_not_fit', old, cut],
    ['price_too_old', old, { ...scaled(400n), maxPriceAge: 0 }],
    ['too_many_liquidatable', ledger, scaled(400n)],
  ]
  for (const [code, some, parameters] of table) {
    assert.equal(dryRun(some, parameters, NOW, ONE_PERCENT).code, code)
  }
  assert.deepEqual(
    table.map(([code]) => code),
    [...REFUSALS],
  )
})

test('DRY-08 whose margin cannot be told now is named, and judged by the last price; without any it holds nobody up', () => {
  const onFeed = (parameters: Parameters, feed: number): Parameters => ({
    ...parameters,
    listings: parameters.listings.map((one, i) => (i === WETH_FAST ? { ...one, feed } : one)),
  })
  const trader = account({ lines: [line(WETH_FAST, wad(10))], positions: held(ETH_HOME, { size: 1n, quote: -1n }) })
  const debtor = account({ cash: -wad(15_000), debtSince: NOW, lines: [line(WETH_FAST, wad(10))] })
  const saver = account({ lines: [line(WETH_FAST, 1n)] })
  const DEAD = 2
  const all = [long(3_000), long(97_000), trader, debtor, saver]
  const withPrice = (price?: { price: bigint; publishTime: bigint }): Ledger => ({
    ...ledgerOf(all),
    feeds: [...CLEARING.feeds, '0x03'],
    parameters: onFeed(PARAMETERS, DEAD),
    prices: price ? new Map(CLEARING.prices).set(DEAD, price) : CLEARING.prices,
  })
  const posted = onFeed(scaled(200n), DEAD)
  const living = figuresOf(dryRun(withPrice({ price: wad(2_000), publishTime: NOW }), posted, NOW, WAD))
  assert.deepEqual(living.untellable, [])
  assert(living.becomeLiquidatable.includes(idOf(3)), 'the debtor would fall')
  const stale = figuresOf(dryRun(withPrice({ price: wad(2_000), publishTime: 0n }), posted, NOW, WAD))
  assert.deepEqual(stale, { ...living, untellable: [idOf(2), idOf(3)] })
  const never = figuresOf(dryRun(withPrice(), posted, NOW, WAD))
  const without = figuresOf(dryRun(ledgerOf(all.slice(0, 2)), scaled(200n), NOW, WAD))
  assert.deepEqual(never, { ...without, untellable: [idOf(2), idOf(3)] })
  // New parameters that take the margin away of one that can be told now are refused.
  const fresh = withPrice({ price: wad(2_000), publishTime: NOW - 5n })
  assert.equal(dryRun(fresh, { ...onFeed(PARAMETERS, DEAD), maxPriceAge: 4 }, NOW, WAD).code, 'price_too_old')
})

test('DRY-04 what does not fit is told by its place', () => {
  const [listing, underlying, market, venue, remote] = [
    PARAMETERS.listings[0],
    PARAMETERS.underlyings[0],
    PARAMETERS.markets[0],
    ...PARAMETERS.venues,
  ]
  assert.ok(listing && underlying && market && venue && remote)
  const table: [Partial<Parameters>, string][] = [
    [{ listings: [] }, 'listings has 0 rows, the clearing has 3'],
    [{ markets: [market, market, market] }, 'markets has 3 rows, the clearing has 2'],
    [{ venues: [venue] }, 'venues has 1 rows, the clearing has at least 2'],
    [{ listings: [listing, listing, { ...listing, feed: 2 }] }, 'listings.2.feed is 2, there are 2'],
    [{ listings: [listing, { ...listing, secondFeed: 2 }, listing] }, 'listings.1.secondFeed is 2, there are 2'],
    [{ underlyings: [{ ...underlying, feed: 9 }] }, 'underlyings.0.feed is 9, there are 2'],
    [{ markets: [market, { ...market, underlying: 1 }] }, 'markets.1.underlying is 1, there are 1'],
    [{ markets: [{ ...market, venue: 2 }, market] }, 'markets.0.venue is 2, there are 2'],
    [{ credits: [{ first: 0, second: 1, ratio: 0n }] }, 'credits.0.second is 1, there are 1'],
    [
      { venues: [venue, { ...venue, deadAge: 300 }] },
      'venues.1 has not calmAge <= warnAge < deadAge and calmAge < tripAge <= deadAge',
    ],
  ]
  const low = { ...listing, initialHaircut: listing.maintenanceHaircut - 1n }
  const pair = (first: number, second: number, ratio = WAD / 2n) => ({ first, second, ratio })
  const three = { underlyings: [underlying, underlying, underlying] }
  table.push(
    [{ listings: [listing, low, listing] }, 'listings.1.initialHaircut is below maintenanceHaircut'],
    [{ listings: [listing, listing, { ...listing, decimals: 37 }] }, 'listings.2.decimals is above 36'],
    [{ listings: [{ ...listing, refillTime: 0 }, listing, listing] }, 'listings.0.refillTime is 0'],
    [
      { underlyings: [{ ...underlying, initialRate: underlying.maintenanceRate - 1n }] },
      'underlyings.0.initialRate is below maintenanceRate',
    ],
    [
      { liquidationDiscount: underlying.maintenanceRate + 1n },
      'underlyings.0.maintenanceRate is, as far as it is not shared, below liquidationDiscount',
    ],
    [{ markets: [market, { ...market, instrument: 1 }] }, 'markets.1.instrument is not 0, the only one there is'],
    [{ venues: [venue, { ...remote, tripAge: 3_599, deadAge: 3_599 }] }, 'venues.1.deadAge is below twice outageAfter'],
    [{ healthTarget: WAD - 1n }, 'healthTarget is below 1'],
    [{ lifeRamp: 0 }, 'lifeRamp is 0'],
    [{ outageAfter: 120 }, 'outageAfter is not above maxPriceAge and 60 s more'],
    [{ outageAfter: 1_801 }, 'outageAfter is above 1800 s, and not 4294967295 for none'],
    [{ outageGrace: 3_599 }, 'outageGrace is below twice outageAfter'],
    [{ restoreAfter: 3_600 }, 'outageGrace is not above restoreAfter'],
    [{ outageGrace: 86_401 }, 'outageGrace is above 86400 s'],
    [
      { ...three, credits: [pair(0, 2)], liquidationDiscount: underlying.maintenanceRate / 2n + 1n },
      'underlyings.0.maintenanceRate is, as far as it is not shared, below liquidationDiscount',
    ],
    [{ ...three, credits: [pair(1, 1)] }, 'credits.0.first is not below second'],
    [{ ...three, credits: [pair(0, 1), pair(0, 1)] }, 'credits.1 does not come after the pair before it'],
    [{ ...three, credits: [pair(1, 2), pair(0, 2)] }, 'credits.1 does not come after the pair before it'],
    [
      { ...three, credits: [pair(0, 1), pair(0, 2), pair(1, 2, WAD / 2n + 1n)] },
      'credits.2.ratio makes underlying 1 share more than 1',
    ],
  )
  for (const [parts, what] of table) {
    assert.deepEqual(dryRun(CLEARING, { ...PARAMETERS, ...parts }, NOW, WAD), { code: 'do_not_fit', what })
  }
})

test('DRY-04 what the clearing takes at the very edge fits', () => {
  const [underlying] = PARAMETERS.underlyings
  assert.ok(underlying)
  const ratio = WAD / 2n
  const edges: Partial<Parameters>[] = [
    { outageAfter: 121, outageGrace: 601 },
    {
      outageAfter: NO_OUTAGES,
      outageGrace: 0,
      venues: PARAMETERS.venues.map((one) => ({ ...one, deadAge: 301, tripAge: 301 })),
    },
    { liquidationDiscount: underlying.maintenanceRate, healthTarget: WAD, outageGrace: 86_400 },
    {
      liquidationDiscount: underlying.maintenanceRate / 2n,
      underlyings: [underlying, underlying],
      credits: [{ first: 0, second: 1, ratio }],
    },
    {
      liquidationDiscount: 0n,
      underlyings: [underlying, underlying, underlying],
      credits: [
        { first: 0, second: 1, ratio },
        { first: 0, second: 2, ratio },
        { first: 1, second: 2, ratio },
      ],
    },
  ]
  for (const parts of edges) assert.ok('figures' in dryRun(CLEARING, { ...PARAMETERS, ...parts }, NOW, WAD))
})

test('DRY-05 lower rates and haircuts make nobody liquidatable, higher ones nobody safe', () => {
  fc.assert(
    fc.property(traders, percents, percents, (accounts, one, other) => {
      const [low, high] = one < other ? [one, other] : [other, one]
      const ledger = ledgerOf(accounts)
      const [mild, harsh] = [low, high].map((percent) => figuresOf(dryRun(ledger, scaled(percent), NOW, WAD)))
      assert.ok(mild && harsh)
      assert.ok(mild.becomeLiquidatable.every((id) => harsh.becomeLiquidatable.includes(id)))
      if (high <= 100n) assert.deepEqual(harsh.becomeLiquidatable, [])
    }),
  )
})
