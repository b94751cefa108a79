import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@omnimargin/core/bytes'
import {
  type Account,
  accountIn,
  applyEvents,
  FLAT,
  type Ledger,
  type Line,
  portfolioOf,
  upToDate,
} from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable, type Margin } from '@omnimargin/core/margin'
import type { ListingTerms } from '@omnimargin/core/parameters'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { min, WAD } from '@omnimargin/core/wad'
import {
  type Answer,
  apply,
  type Change,
  REJECTIONS,
  type Rejection,
  type World,
  whatIf,
} from '@omnimargin/core/whatif'
import fc from 'fast-check'
import {
  account,
  CLEARING,
  clearingWith,
  DEBTOR,
  ETH_FAST,
  ETH_HOME,
  FAST,
  HOME,
  held,
  ID,
  line,
  NOW,
  PARAMETERS,
  trader,
  USDC_FAST,
  USDC_HOME,
  WETH_FAST,
} from './ledgers.ts'
import { wad } from './portfolios.ts'

const WORLD: World = { now: NOW, homeChain: HOME }
const dollars = (n: number) => BigInt(n) * 10n ** 6n

function marginIn(ledger: Ledger): Margin {
  const portfolio = portfolioOf(ledger, ID, NOW)
  if (typeof portfolio === 'string') return assert.fail(portfolio)
  return computeMargin(portfolio)
}

function answerFor(own: Account, ...changes: Change[]): Answer {
  const answer = whatIf(clearingWith([ID, own]), ID, changes, WORLD)
  if ('code' in answer) return assert.fail(answer.code)
  return answer
}

test('WHI-01 without a change before and after are the account’s margin, and a deposit taken out again leaves it', () => {
  fc.assert(
    fc.property(trader, fc.bigInt({ min: 1n, max: dollars(1_000) }), (own, units) => {
      const settled = { ...own, positions: new Map([...own.positions].map(([m, p]) => [m, { ...p, fundedTo: 0n }])) }
      const { before, after } = answerFor(settled)
      assert.deepEqual(before, marginIn(clearingWith([ID, settled])))
      assert.deepEqual(after, before)
      const both = answerFor(
        settled,
        ...(['deposit', 'withdraw'] as const).map((kind) => ({ kind, listing: USDC_HOME, units })),
      )
      const isCounted = (each: Line) => each.listing !== USDC_HOME || each.counted === each.units
      if (settled.lines.every(isCounted)) assert.deepEqual(both.after, before)
    }),
  )
})

test('WHI-02 a deposit counts up to its cap, in its line or a new one', () => {
  const cap = PARAMETERS.listings[USDC_FAST]?.cap ?? 0n
  fc.assert(
    fc.property(trader, fc.bigInt({ min: 1n, max: 2n * cap }), (own, units) => {
      const ledger = apply(clearingWith([ID, own]), ID, { kind: 'deposit', listing: USDC_FAST, units }, WORLD)
      if (typeof ledger === 'string') return assert.fail(ledger)
      const before = own.lines.find(({ listing }) => listing === USDC_FAST)
      const after = accountIn(ledger, ID).lines.find(({ listing }) => listing === USDC_FAST)
      assert.equal(after?.units, (before?.units ?? 0n) + units)
      assert.equal(after?.counted, min(after?.units ?? 0n, cap))
    }),
  )
})

test('WHI-02 the least of all caps counts, and nothing at a vault that is late or tripped', () => {
  const [first, second, third] = PARAMETERS.listings
  if (!first || !second || !third) return assert.fail()
  const others = [
    [ID, account({ lines: [line(USDC_FAST, dollars(100))] })],
    [
      DEBTOR,
      account({ lines: [line(USDC_FAST, dollars(50)), line(USDC_HOME, dollars(200)), line(WETH_FAST, wad(1))] }),
    ],
  ] as const
  const countedOf = (listing: Partial<ListingTerms>, change: Partial<Ledger> = {}, vaultCap = 10n ** 12n) => {
    const listings = [
      { ...first, capPrice: listing.capPrice === undefined ? 0n : wad(2_000) },
      { ...second, ...listing },
      third,
    ]
    const vaults = PARAMETERS.vaults.map((vault) => ({ ...vault, cap: vaultCap }))
    const ledger = { ...clearingWith(...others.map(([id, own]): [Hex, Account] => [id, own])), ...change }
    const terms = { ...ledger, parameters: { ...PARAMETERS, listings, vaults } }
    const after = apply(terms, ID, { kind: 'deposit', listing: USDC_FAST, units: dollars(1_000) }, WORLD)
    return typeof after === 'string' ? assert.fail(after) : accountIn(after, ID).lines[0]?.counted
  }
  assert.equal(countedOf({}), dollars(1_100))
  assert.equal(countedOf({ cap: dollars(400) }), dollars(100 + 250))
  assert.equal(countedOf({ accountCap: dollars(400) }), dollars(400))
  const twoLines = account({
    lines: [line(USDC_FAST, dollars(100)), line(USDC_FAST, dollars(250), dollars(250), DEBTOR.slice(0, 42) as Hex)],
  })
  assert.equal(countedOf({ accountCap: dollars(400) }, { accounts: new Map([[ID, twoLines]]) }), dollars(150))
  assert.equal(countedOf({ burst: dollars(30) }), dollars(130))
  // Both listings of the feed count: 350 of 400 tokens.
  assert.equal(countedOf({ assetCap: 400n * 10n ** 6n }), dollars(100 + 50))
  // The vault's cap is in dollars at capPrice, 0.5 here: 75 for what is there, and 2,000 for the ether.
  assert.equal(countedOf({ capPrice: WAD / 2n }, {}, 2_100n), dollars(100 + 50))
  const silent = new Map([...CLEARING.heard, [vaultPeer(0), NOW - 3_600n]] as const)
  assert.equal(countedOf({}, { heard: silent }), dollars(100))
  assert.equal(countedOf({}, { tripped: new Set([vaultPeer(0)]) }), dollars(100))
  const lost = whatIf(
    CLEARING,
    ID,
    [
      { kind: 'lose', chainId: FAST },
      { kind: 'deposit', listing: USDC_FAST, units: 1n },
    ],
    WORLD,
  )
  assert.equal('code' in lost ? lost.code : lost.after.maintenanceMarginBalance, 0n)
})

test('WHI-05 at a venue that is late or tripped only what shrinks may be traded', () => {
  const own = account({
    lines: [line(USDC_HOME, dollars(100_000))],
    positions: held(ETH_FAST, { size: wad(5), quote: -wad(10_000) }),
  })
  const lose: Change = { kind: 'lose', chainId: FAST }
  const trade = (n: number, market = ETH_FAST): Change => ({ kind: 'trade', market, size: wad(n) })
  const may = (changes: Change[], change: Partial<Ledger> = {}) => {
    const answer = whatIf({ ...clearingWith([ID, own]), ...change }, ID, changes, WORLD)
    return 'code' in answer ? answer.code : answer.mayBeMade
  }
  assert.equal(may([trade(1)]), true)
  assert.equal(may([lose, trade(1)]), false)
  assert.equal(may([lose, trade(-6)]), false)
  assert.equal(may([lose, trade(-5)]), true)
  assert.equal(may([lose, trade(1, ETH_HOME)]), true)
  assert.equal(may([trade(1)], { tripped: new Set([venuePeer(1)]) }), false)
  assert.equal(may([trade(1, ETH_HOME)], { tripped: new Set([venuePeer(0)]) }), false)
})

test('WHI-03 a trade at the index changes no equity but by its rounding, and a position is booked as a fill is', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: WAD / 100n, max: wad(100) }), fc.boolean(), (size, isBuy) => {
      const own = account({ cash: wad(50_000), positions: held(ETH_FAST, { size: wad(3), quote: -wad(6_000) }) })
      const { before, after } = answerFor(own, { kind: 'trade', market: ETH_FAST, size: isBuy ? size : -size })
      const lost = before.equity - after.equity
      assert.ok(lost >= -1n && lost <= 1n, `${lost}`)
    }),
  )
  const own = account({ cash: wad(100), positions: held(ETH_HOME, { size: wad(10), quote: -wad(19_000) }) })
  const sold = apply(
    clearingWith([ID, own]),
    ID,
    { kind: 'trade', market: ETH_HOME, size: -wad(5), price: wad(2_010) },
    WORLD,
  )
  if (typeof sold === 'string') return assert.fail(sold)
  const { cash, positions } = accountIn(sold, ID)
  assert.equal(cash, wad(100 + 5 * (2_010 - 1_900)))
  assert.deepEqual(positions.get(ETH_HOME), { ...FLAT, size: wad(5), quote: -wad(9_500) })
})

test('WHI-04 a lost chain charges its legs in full and counts none of its collateral, and owns it still', () => {
  const lines = [line(USDC_FAST, dollars(10_000)), line(USDC_HOME, dollars(10_000))]
  const own = account({ lines, positions: held(ETH_FAST, { size: wad(20), quote: -wad(40_000) }) })
  const { before, after } = answerFor(own, { kind: 'lose', chainId: FAST })
  // 40,000 of notional; a leg share of 5 % of the rate before, all of it after.
  assert.equal(before.maintenanceMargin, wad(2_000 + 200 + 100))
  assert.equal(after.maintenanceMargin, wad(2_000 + 200 + 2_000))
  assert.equal(after.initialMargin, wad(4_000 + 200 + 4_000))
  assert.equal(before.initialMarginBalance, wad(9_700 + 9_800))
  assert.equal(after.initialMarginBalance, wad(9_800))
  assert.equal(after.equity, before.equity)
  fc.assert(
    fc.property(trader, (any) => {
      const lost = answerFor(any, { kind: 'lose', chainId: FAST })
      assert.ok(lost.after.initialMargin >= lost.before.initialMargin)
      assert.ok(lost.after.maintenanceMarginBalance <= lost.before.maintenanceMarginBalance)
    }),
  )
})

test('WHI-05 the verdict is the clearing’s: initial margin for a release or a new limit, maintenance to shrink, in order', () => {
  const own = account({
    lines: [line(USDC_HOME, dollars(2_300))],
    positions: held(ETH_HOME, { size: wad(10), quote: -wad(20_000) }),
  })
  const take = (n: number): Change => ({ kind: 'withdraw', listing: USDC_HOME, units: dollars(n) })
  const trade = (n: number): Change => ({ kind: 'trade', market: ETH_HOME, size: wad(n) })
  const fall: Change = { kind: 'shock', feed: 0, ratio: -WAD / 10n }
  // 2,254 of balance against 2,100 + 100 for the leg; maintenance 1,000 + 100 + 50.
  const table: [Change[], boolean, boolean][] = [
    [[], true, false],
    [[take(50)], true, false],
    [[take(60)], false, false],
    [[trade(1)], false, false],
    [[trade(-10), take(2_300)], true, false],
    [[take(2_300), trade(-10)], false, false],
    [[fall], true, true],
    [[fall, trade(-10)], false, false],
    [[{ kind: 'shock', feed: 0, ratio: -WAD / 25n }, trade(-5)], true, false],
    [[{ kind: 'shock', feed: 0, ratio: -WAD / 25n }, trade(-11)], false, false],
    [[{ kind: 'lose', chainId: FAST }], true, false],
  ]
  for (const [changes, mayBeMade, wouldBeLiquidatable] of table) {
    const answer = answerFor(own, ...changes)
    const [shown] = [JSON.stringify(changes, (_, part) => (typeof part === 'bigint' ? `${part}` : part))]
    assert.deepEqual([answer.mayBeMade, answer.wouldBeLiquidatable], [mayBeMade, wouldBeLiquidatable], shown)
    assert.equal(answer.wouldBeLiquidatable, isLiquidatable(answer.after))
  }
  assert.ok(
    answerFor(account({ lines: [line(USDC_HOME, 5n)] }), { kind: 'withdraw', listing: USDC_HOME, units: 5n }).mayBeMade,
  )
})

test('WHI-05 a limit that bares the other leg of a hedge needs initial margin, and one at a venue that is late is not given', () => {
  const size = wad(10)
  const positions = new Map([
    [ETH_HOME, { ...FLAT, size, quote: -wad(20_000) }],
    [ETH_FAST, { ...FLAT, size: -size, quote: wad(20_000) }],
  ])
  // One leg alone needs 2,000 and its basis of 100; at maintenance half as much, and the band of 600.
  const own = account({ lines: [line(USDC_HOME, dollars(2_400))], positions })
  const needs = (ledger: Ledger, trade: number) => {
    const answer = whatIf(ledger, ID, [{ kind: 'trade', market: ETH_HOME, size: wad(trade) }], WORLD)
    return 'code' in answer ? answer.code : [answer.steps[0]?.need, answer.mayBeMade]
  }
  const ledger = clearingWith([ID, own])
  assert.deepEqual(needs(ledger, -10), ['initial', false])
  // A quarter is charged already, in case a venue is lost.
  assert.deepEqual(needs(ledger, -2), ['maintenance', true])
  const tripped = { ...ledger, tripped: new Set([venuePeer(0)]) }
  assert.deepEqual(needs(tripped, 1), ['new_risk', false])
  assert.deepEqual(needs(tripped, -2), ['maintenance', true])
  const late = { ...ledger, heard: new Map([...ledger.heard, [venuePeer(1), NOW - 3_600n]]) }
  const far: Change = { kind: 'trade', market: ETH_FAST, size: -wad(1) }
  const answer = whatIf(late, ID, [far], WORLD)
  assert.ok(!('code' in answer) && answer.steps[0]?.need === 'new_risk' && !answer.mayBeMade)
})

test('WHI-05 nothing is withdrawn from a vault while a guardian holds it, and from others it is', () => {
  const own = account({ lines: [line(USDC_FAST, dollars(9)), line(USDC_HOME, dollars(9))] })
  const { chainId, vault: peer } = CLEARING.listings[USDC_FAST] ?? assert.fail()
  const until = NOW + 1n
  const frozen = applyEvents(clearingWith([ID, own]), [{ eventName: 'Frozen', args: { chainId, peer, until } }])
  const needs = (listing: number, now = NOW) => {
    const answer = whatIf(frozen, ID, [{ kind: 'withdraw', listing, units: 1n }], { ...WORLD, now })
    return 'code' in answer ? answer.code : [answer.steps[0]?.need, answer.mayBeMade]
  }
  assert.deepEqual(needs(USDC_FAST), ['thaw', false])
  assert.deepEqual(needs(USDC_FAST, until), ['nothing', true])
  assert.deepEqual(needs(USDC_HOME), ['nothing', true])
})

test('WHI-05 a position at a closed venue that has no price when its grace is over holds back what would loosen', () => {
  const own = account({ lines: [line(USDC_HOME, dollars(90_000))], positions: held(ETH_FAST, { size: wad(1) }) })
  const venue = PARAMETERS.markets[ETH_FAST]?.venue ?? assert.fail()
  const needs = (until: bigint, change: Change, priced = new Map<number, bigint>()) => {
    const closed = { ...clearingWith([ID, own]), closed: new Map([[venue, until]]), priced }
    const answer = whatIf(closed, ID, [change], WORLD)
    return 'code' in answer ? answer.code : [answer.steps[0]?.need, answer.mayBeMade]
  }
  const out: Change = { kind: 'withdraw', listing: USDC_HOME, units: 1n }
  const traded: Change = { kind: 'trade', market: ETH_HOME, size: wad(1) }
  assert.deepEqual(needs(NOW, out), ['initial', true], 'within the grace it is worth the index')
  assert.deepEqual(needs(NOW - 1n, out), ['close_price', false])
  assert.deepEqual(needs(NOW - 1n, traded), ['close_price', false])
  const price = new Map([[ETH_FAST, wad(2_000)]])
  assert.deepEqual(needs(NOW - 1n, out, price), ['nothing', true], 'once it is priced it is cash')
  assert.deepEqual(needs(NOW - 1n, traded, price), ['initial', true])
})

test('WHI-04 what is deposited at a chain that was lost counts nothing', () => {
  const changes: Change[] = [
    { kind: 'lose', chainId: FAST },
    { kind: 'deposit', listing: USDC_FAST, units: dollars(400) },
  ]
  const { before, after } = answerFor(account({ lines: [line(USDC_FAST, dollars(100))] }), ...changes)
  assert.equal(before.initialMarginBalance, wad(97))
  assert.equal(after.initialMarginBalance, 0n)
  assert.equal(after.maintenanceMarginBalance, 0n)
  assert.equal(after.equity, wad(500))
})

test('WHI-05 a position in a closed market that has its price is settled before anything is judged', () => {
  const positions = new Map([
    [ETH_HOME, { ...FLAT, size: wad(10), quote: -wad(20_000) }],
    [ETH_FAST, { ...FLAT, size: -wad(10), quote: wad(20_000) }],
  ])
  const own = account({ lines: [line(USDC_HOME, dollars(1_500))], positions })
  const closed = {
    ...clearingWith([ID, own]),
    over: new Set([venuePeer(0)]),
    priced: new Map([[ETH_HOME, wad(2_010)]]),
  }
  const { cash, positions: left } = upToDate(closed, ID)
  assert.equal(cash, wad(100))
  assert.deepEqual([...left.keys()], [ETH_FAST])
  // What is left stands alone, and shrinks at maintenance margin; the pair would not have.
  const trade: Change = { kind: 'trade', market: ETH_FAST, size: wad(5) }
  const answer = whatIf(closed, ID, [trade], WORLD)
  assert.ok(!('code' in answer) && answer.steps[0]?.need === 'maintenance')
  const open = whatIf({ ...closed, priced: new Map() }, ID, [trade], WORLD)
  assert.ok(!('code' in open) && open.steps[0]?.need === 'initial')
})

test('WHI-02 what is new of a listing counts at its rate, and at a vault that gives new risk alone', () => {
  const parameters = {
    ...PARAMETERS,
    listings: PARAMETERS.listings.map((each) => ({ ...each, burst: dollars(500), refillTime: 600 })),
  }
  const put: Change = { kind: 'deposit', listing: USDC_FAST, units: dollars(400) }
  const countedAfter = (ledger: Ledger, ...changes: Change[]) => {
    const after = changes.reduce((now, change) => {
      const next = apply(now, ID, change, WORLD)
      return typeof next === 'string' ? assert.fail(next) : next
    }, ledger)
    return accountIn(after, ID).lines[0]?.counted
  }
  const ledger = { ...clearingWith([ID, account()]), parameters }
  assert.equal(countedAfter(ledger, put), dollars(400))
  assert.equal(countedAfter(ledger, put, put), dollars(500))
  const used = { ...ledger, inflow: new Map([[USDC_FAST, { used: dollars(500), at: NOW - 60n }]]) }
  assert.equal(countedAfter(used, put), dollars(50))
  assert.equal(countedAfter({ ...ledger, tripped: new Set([vaultPeer(0)]) }, put), 0n)
  assert.equal(countedAfter({ ...used, tripped: new Set() }, { ...put, listing: USDC_HOME }), dollars(400))
})

test('WHI-06 what cannot be imagined has its code, the first in order, and the change that it is of', () => {
  const trade = (parts: Partial<Extract<Change, { kind: 'trade' }>> = {}): Change => ({
    kind: 'trade',
    market: ETH_HOME,
    size: wad(1),
    ...parts,
  })
  const put = (units: bigint, listing = USDC_HOME): Change => ({ kind: 'deposit', listing, units })
  const own = account()
  const base = clearingWith([ID, own])
  const full = clearingWith([ID, account({ lines: Array.from({ length: 16 }, () => line(USDC_FAST, 0n)) })])
  const many = { ...PARAMETERS, markets: Array.from({ length: 17 }, () => ({ ...PARAMETERS.markets[0]! })) }
  const crowded = {
    ...clearingWith([
      ID,
      account({ positions: new Map(Array.from({ length: 16 }, (_, i) => [i, { ...FLAT, size: 1n }])) }),
    ]),
    parameters: many,
    markets: Array.from({ length: 17 }, () => CLEARING.markets[0]!),
  }
  const table: [Ledger, Change, Rejection][] = [
    [{ ...base, parameters: undefined }, put(1n), 'no_parameters'],
    [base, put(1n, 9), 'no_such_listing'],
    [base, trade({ market: 9 }), 'no_such_market'],
    [base, { kind: 'shock', feed: 9, ratio: 1n }, 'no_such_feed'],
    [base, { kind: 'lose', chainId: HOME }, 'clearing_lost'],
    [{ ...base, over: new Set([venuePeer(0)]) }, trade(), 'venue_closed'],
    [base, put(0n), 'nothing_asked'],
    [base, put(1n << 112n), 'amount_too_large'],
    [base, { kind: 'shock', feed: 0, ratio: 1n << 160n }, 'amount_too_large'],
    [{ ...base, prices: new Map() }, trade(), 'no_price'],
    [base, { kind: 'shock', feed: 0, ratio: -WAD }, 'price_gone'],
    [base, trade({ size: 1n }), 'below_min_size'],
    [base, trade({ price: wad(2_061) }), 'outside_band'],
    [base, trade({ price: wad(1_939) }), 'outside_band'],
    [full, put(1n), 'too_many_lines'],
    [crowded, trade({ market: 16 }), 'too_many_markets'],
    [base, { kind: 'withdraw', listing: USDC_HOME, units: 1n }, 'not_enough_units'],
    [base, trade({ size: wad(1_501) }), 'open_interest_full'],
  ]
  for (const [ledger, change, code] of table) assert.equal(apply(ledger, ID, change, WORLD), code, code)
  assert.deepEqual(new Set(table.map(([, , code]) => code)), new Set(REJECTIONS), 'every code has its case')
  assert.deepEqual(whatIf(base, ID, [put(1n), put(0n)], WORLD), { change: 1, code: 'nothing_asked' })
  assert.deepEqual(whatIf({ ...base, prices: new Map() }, ID, [put(1n)], WORLD), { change: 0, code: 'price_too_old' })
  const later = { now: NOW + 1_000n, homeChain: HOME }
  assert.deepEqual(whatIf(clearingWith([ID, account({ lines: [line(USDC_HOME, 1n)] })]), ID, [], later), {
    code: 'price_too_old',
  })
})
