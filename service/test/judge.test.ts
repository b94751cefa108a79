import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import { type Account, EMPTY_LEDGER, FLAT, type Ledger } from '@omnimargin/core/ledger'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { marketOf } from '@omnimargin/risk/estimate/market'
import { PARAMETERS } from '../src/devnet/parameters.ts'
import type { Known } from '../src/steward/known.ts'
import { measurerOf } from '../src/steward/measure.ts'
import { judge } from '../src/watcher/judge.ts'
import { address, known, LISTINGS, NOW } from './stewards.ts'

const HOUR = 3_600
const [SLOW, FAST, TRADING] = LISTINGS.map(({ chainId }) => chainId)
const [WETH, USDC_FAST, USDC] = [0, 1, 2]
const [ETH_MARKET, BTC_MARKET] = [0, 1]
const shipped = known()

/** Units of a listing and sizes in a market, by their numbers, entered at the index. */
function holding(units: Readonly<Record<number, bigint>>, sizes: Readonly<Record<number, bigint>>, cash = 0n): Account {
  const lines = Object.entries(units).map(([listing, held]) => {
    return { listing: Number(listing), holder: address('1'), units: held, counted: held }
  })
  const positions = Object.entries(sizes).map(([market, size]) => {
    return [
      Number(market),
      { ...FLAT, size, quote: -size * (Number(market) === ETH_MARKET ? 2_000n : 60_000n) },
    ] as const
  })
  return { cash, debtSince: 0n, isPutUp: false, lines, positions: new Map(positions) }
}
const idOf = (i: number) => accountOf(address('9'), BigInt(i))
function ledgerOf(...accounts: readonly Account[]): Ledger {
  return {
    ...EMPTY_LEDGER,
    parameters: PARAMETERS,
    version: 1,
    setAt: NOW,
    listings: LISTINGS,
    markets: PARAMETERS.markets.map(({ venue }) => {
      return { chainId: (venue === 0 ? TRADING : FAST) ?? 0n, venue: address('7'), item: '0x00' as const }
    }),
    prices: new Map([2_000n, 60_000n, 1n].map((price, feed) => [feed, { price: price * WAD, publishTime: NOW }])),
    heard: new Map([0, 1, 2].flatMap((peer) => [[venuePeer(peer), NOW] as const, [vaultPeer(peer), NOW] as const])),
    accounts: new Map(accounts.map((one, i) => [idOf(i), one])),
  }
}
const dollars = (n: number) => BigInt(n) * 10n ** 6n
const judged = (ledger: Ledger, known: Known = shipped, least = 0) =>
  judge(ledger, measurerOf(known), known, NOW, least)

test('WRN-10 whoever needs margin is judged, a debtor without positions too; whose margin cannot be told is counted', () => {
  const debtor = holding({ [WETH]: 10n * WAD }, {}, -16_900n * WAD)
  const saver = holding({ [WETH]: 10n * WAD }, {})
  const trader = holding({ [USDC]: dollars(7_000) }, { [ETH_MARKET]: 60n * WAD })
  const ledger = ledgerOf(debtor, saver, trader)
  const { accounts, untold } = judged(ledger)
  assert.deepEqual([...accounts.keys()], [idOf(0), idOf(2)])
  assert.ok([...accounts.values()].every(({ outlook }) => outlook.chance > 0 && outlook.chance < 1))
  assert.equal(untold.size, 0)
  // A bitcoin position whose price is too old: the others are told all the same.
  const prices = new Map(ledger.prices).set(1, { price: 60_000n * WAD, publishTime: NOW - 61n })
  const blind = ledgerOf(debtor, holding({ [USDC]: dollars(9_000) }, { [BTC_MARKET]: WAD }))
  const part = judged({ ...blind, prices })
  assert.deepEqual([[...part.accounts.keys()], [...part.untold]], [[idOf(0)], [[idOf(1), 'price_too_old']]])
})

test('WRN-10 a price with too few bars is taken to go as far as it may jump, and is named', () => {
  const ledger = ledgerOf(holding({ [USDC]: dollars(7_000) }, { [ETH_MARKET]: 60n * WAD }))
  const young = new Map([...shipped.feeds].map(([feed, terms]) => [feed, { ...terms, recorded: [] }]))
  const one = judged(ledger, { ...shipped, feeds: young })
  // ETH as the asset's gap says; BTC, which no asset here is valued at, the widest; the peg has its haircut.
  assert.deepEqual([...one.young], [0, 1])
  const chanceOf = ({ accounts }: ReturnType<typeof judge>) => accounts.get(idOf(0))?.outlook.chance ?? Number.NaN
  assert.ok(chanceOf(one) > 0.001 && chanceOf(one) < 0.2, `${chanceOf(one)}`)
  const wilder = new Map([...shipped.assets].map(([key, asset]) => [key, { ...asset, gap: 0.04 }]))
  assert.ok(chanceOf(judged(ledger, { ...shipped, feeds: young, assets: wilder })) > 2 * chanceOf(one))
  assert.equal(judged(ledger).young.size, 0)
  // A feed that the configuration does not have at all is young too.
  assert.deepEqual([...judged(ledger, { ...shipped, feeds: new Map() }).young], [0, 1, 2])
})

test('WRN-11 an account is looked at as far ahead as its slowest chain takes to liquidate, as haircuts say', () => {
  const slow = holding({ [WETH]: 3n * WAD, [USDC]: dollars(4_000) }, { [ETH_MARKET]: 60n * WAD })
  const near = holding({ [USDC]: dollars(7_000) }, { [ETH_MARKET]: 60n * WAD })
  const far = holding({ [USDC_FAST]: dollars(7_000) }, { [ETH_MARKET]: 60n * WAD })
  // No collateral on the fast chain, but a position there.
  const abroad = holding({ [USDC]: dollars(7_000) }, { [PARAMETERS.markets.length / 2]: 60n * WAD })
  const ledger = ledgerOf(slow, near, far, abroad)
  const measurer = measurerOf(shipped)
  const horizonOf = (listing: number) => {
    const found = measurer.measure(ledger, listing, NOW, 0n)
    return 'why' in found ? assert.fail(found.why) : found.haircut.terms.horizonSeconds
  }
  const [weth, fast, usdc] = [WETH, USDC_FAST, USDC].map(horizonOf)
  const horizons = (known = shipped, least = 0) =>
    [...judged(ledger, known, least).accounts.values()].map(({ horizonSeconds }) => horizonSeconds)
  assert.ok(weth && fast && usdc && new Set([weth, fast, usdc]).size === 3)
  const [slowest, apart] = [Math.max(weth, usdc), Math.max(fast, usdc)]
  assert.deepEqual(horizons(), [slowest, usdc, apart, apart])
  assert.deepEqual(horizons(shipped, HOUR), [HOUR, HOUR, HOUR, HOUR])
  // Where it is not known an hour is taken, and said.
  const assets = new Map([...shipped.assets].filter(([key]) => !key.startsWith(`${SLOW}:`)))
  assert.deepEqual(horizons({ ...shipped, assets }), [HOUR, usdc, apart, apart])
  assert.deepEqual([...judged(ledger, { ...shipped, assets }).unmeasured], [SLOW])
})

test('WRN-12 what is said of a peg is counted in the quantile that is used', () => {
  // Ten hours in a thousand go 0.6 % down and come back: more than its floor, far more than calm years say.
  const candles = Array.from({ length: 2_000 }, (_, i) => {
    return { time: i * HOUR, open: 1, high: 1.0001, low: i % 100 === 99 ? 0.994 : 0.9999, close: 1 }
  })
  const market = marketOf(candles, 0.005, DEFAULTS)
  assert.ok(Math.abs(market.quantile() - 0.005) < 1e-9)
  const { rows } = market.past
  const seen = [...rows.hour].flatMap((hour, place) => (hour < 0 ? [] : [1 / (rows.inAll[place] ?? 1)]))
  assert.equal(seen.length, 1_999)
  assert.ok(seen.every((quantile) => Math.abs(quantile - 0.005) < 1e-9))
  // Alone of what a debt rests on: ten hours in a thousand cross where 0.55 % does it, and none where 0.65 % does.
  const owing = (spare: number) => {
    const owed = 9_900n * WAD - BigInt(Math.round(spare * 9_900 * 1e6)) * 10n ** 12n
    const ledger = ledgerOf(holding({ [USDC]: dollars(10_000) }, {}, -owed))
    const measurer = { ...measurerOf(shipped), markets: new Map([[2, market]]) }
    return judge(ledger, measurer, shipped, NOW, HOUR).accounts.get(idOf(0))?.outlook.chance ?? Number.NaN
  }
  assert.ok(Math.abs(owing(0.0055) - 0.01) < 0.002, `${owing(0.0055)}`)
  assert.ok(owing(0.0065) < 0.001, `${owing(0.0065)}`)
})
