import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { type ListingTerms, packParameters } from '@omnimargin/core/parameters'
import { WAD } from '@omnimargin/core/wad'
import { FEEDS, PARAMETERS } from '../src/devnet/parameters.ts'
import { type KeeperState, step } from '../src/keeper/step.ts'

const address = (digit: string) => `0x${digit.repeat(40)}` as Hex
const OWN = accountOf(address('1'))
const ANN = accountOf(address('2'))
const BOB = accountOf(address('3'))
const WETH = { chainId: 31001n, vault: address('a'), asset: address('b') }
const USDC = { chainId: 31002n, vault: address('c'), asset: address('d') }
const NOW = 1_000n

const blank: KeeperState = { ledger: EMPTY_LEDGER, owner: address('1') }

const rules: LedgerEvent[] = [
  ...FEEDS.map(({ feedId }, feed): LedgerEvent => ({ eventName: 'FeedAdded', args: { feed: BigInt(feed), feedId } })),
  ...[WETH, USDC].map(
    (listing, i): LedgerEvent => ({ eventName: 'AssetListed', args: { listing: BigInt(i), ...listing } }),
  ),
  { eventName: 'ParametersSet', args: { version: 1, blob: packParameters(PARAMETERS), setAt: NOW } },
  ...[0n, 1n, 2n].map((vault): LedgerEvent => ({ eventName: 'VaultHeard', args: { vault, timestamp: NOW } })),
  priceOf(2n, WAD, NOW),
]

function priceOf(feed: bigint, price: bigint, publishTime: bigint): LedgerEvent {
  return { eventName: 'IndexPriceUpdated', args: { feed, price, publishTime } }
}

function lineOf(account: Hex, index: bigint, listing: bigint, units: bigint): LedgerEvent[] {
  return [
    { eventName: 'LineOpened', args: { account, index, listing, holder: account.slice(0, 42) as Hex } },
    { eventName: 'LineChanged', args: { account, index, units, counted: units } },
  ]
}

/**
 * 10 WETH and a long of 10 ETH at 1,800. At a price of P the balance is 10 P * 85 % + 10 P - 18,000 and 5 % of 10 P are
 * required, so the account is exactly at maintenance where P is 1,000.
 */
const atMaintenanceAt1000 = (account: Hex): LedgerEvent[] => [
  ...lineOf(account, 0n, 0n, 10n * WAD),
  { eventName: 'PositionChanged', args: { account, market: 0n, size: 10n * WAD, quote: -18_000n * WAD, cash: 0n } },
]

const block = (state: KeeperState, events: LedgerEvent[], now = NOW) => step(state, { type: 'block', events, now })

test('ROL-31 an account is attempted below maintenance, not at it, by as little as one unit', () => {
  const { state } = block(blank, [...rules, ...atMaintenanceAt1000(ANN)])
  assert.deepEqual(block(state, [priceOf(0n, 1_000n * WAD, NOW)]).effects, [])
  const { effects } = block(state, [priceOf(0n, 1_000n * WAD - 1n, NOW)])
  const attempts = effects.filter(({ type }) => type === 'liquidate')
  assert.equal(attempts.length, 1)
  assert.ok(attempts[0]?.type === 'liquidate' && attempts[0].account === ANN)
  assert.ok(attempts[0].margin.maintenanceMarginBalance < attempts[0].margin.maintenanceMargin)
})

test('ROL-31 every account below maintenance is attempted, but not the keeper’s own', () => {
  const { state } = block(blank, [...rules, ...[OWN, ANN, BOB].flatMap(atMaintenanceAt1000)])
  const { effects } = block(state, [priceOf(0n, 999n * WAD, NOW)])
  assert.deepEqual(
    effects.flatMap((effect) => (effect.type === 'liquidate' ? [effect.account] : [])),
    [ANN, BOB],
  )
})

test('ROL-31 nobody is attempted on a price that is too old, nor before there are parameters', () => {
  const low = priceOf(0n, 999n * WAD, NOW)
  const { state } = block(blank, [...rules, ...atMaintenanceAt1000(ANN), low])
  const oldest = NOW + BigInt(PARAMETERS.maxPriceAge)
  assert.equal(block(state, [], oldest).effects.length, 2)
  assert.deepEqual(block(state, [], oldest + 1n).effects, [])
  assert.deepEqual(block(blank, [...atMaintenanceAt1000(ANN), low]).effects, [])
})

test('ROL-32 lines that are missing are opened first, each once', () => {
  const { state } = block(blank, [
    ...rules,
    ...atMaintenanceAt1000(ANN),
    ...lineOf(ANN, 1n, 1n, 5n),
    ...atMaintenanceAt1000(BOB),
    ...lineOf(OWN, 0n, 1n, 0n),
  ])
  const { effects } = block(state, [priceOf(0n, 900n * WAD, NOW)])
  assert.deepEqual(
    effects.map((effect) =>
      effect.type === 'open_line' ? effect.listing : effect.type === 'liquidate' && effect.account,
    ),
    [WETH, ANN, BOB],
  )
  const { effects: later } = block(state, [...lineOf(OWN, 1n, 0n, 0n), priceOf(0n, 900n * WAD, NOW)])
  assert.deepEqual(
    later.map(({ type }) => type),
    ['liquidate', 'liquidate'],
  )
})

const SECOND = accountOf(address('1'), 1n)

/** Lines and attempts by whose account, in order. */
function taken(events: LedgerEvent[]): [string, Hex][] {
  return block(blank, events).effects.flatMap((effect): [string, Hex][] => {
    if (effect.type === 'open_line') return [[`line ${effect.listing.chainId}`, effect.liquidator]]
    return effect.type === 'liquidate' ? [[effect.account, effect.liquidator]] : []
  })
}

/** All lines of the keeper's first account but so many, of USDC. */
const fullBut = (left: bigint) =>
  Array.from({ length: 16 - Number(left) }, (_, i) => lineOf(OWN, BigInt(i), 1n, 0n)).flat()

test('ROL-32 an account of the keeper’s without a free line for what it lacks leaves it to the keeper’s next', () => {
  const due = [...rules, ...atMaintenanceAt1000(ANN), ...lineOf(SECOND, 0n, 1n, WAD), priceOf(0n, 999n * WAD, NOW)]
  assert.deepEqual(taken([...due, ...fullBut(1n)]), [
    ['line 31001', OWN],
    [ANN, OWN],
  ])
  assert.deepEqual(taken([...due, ...fullBut(0n)]), [
    ['line 31001', SECOND],
    [ANN, SECOND],
  ])
})

test('ROL-32 a free line is taken once, also by two accounts in one block', () => {
  const last: LedgerEvent[] = [
    ...lineOf(BOB, 0n, 2n, 5n),
    { eventName: 'PositionChanged', args: { account: BOB, market: 0n, size: WAD, quote: -9_000n * WAD, cash: 0n } },
  ]
  const third = { chainId: 31003n, vault: address('e'), asset: address('f') }
  const listed: LedgerEvent = { eventName: 'AssetListed', args: { listing: 2n, ...third } }
  const due = [...rules, listed, ...atMaintenanceAt1000(ANN), ...last, priceOf(0n, 999n * WAD, NOW)]
  assert.deepEqual(taken([...due, ...fullBut(1n), ...lineOf(SECOND, 0n, 1n, WAD)]), [
    ['line 31001', OWN],
    ['line 31003', SECOND],
    [ANN, OWN],
    [BOB, SECOND],
  ])
})

test('ROL-32 nor is one used that is in too many markets for what it would take over', () => {
  const busy = Array.from({ length: 16 }, (_, i): LedgerEvent => {
    return {
      eventName: 'PositionChanged',
      args: { account: OWN, market: BigInt(i + 1), size: 1n, quote: 0n, cash: 0n },
    }
  })
  const due = [...rules, ...atMaintenanceAt1000(ANN), ...lineOf(SECOND, 0n, 0n, WAD), priceOf(0n, 999n * WAD, NOW)]
  assert.deepEqual(taken([...due, ...busy.slice(1), ...lineOf(OWN, 0n, 0n, WAD)]), [[ANN, OWN]])
  assert.deepEqual(taken([...due, ...busy, ...lineOf(OWN, 0n, 0n, WAD)]), [[ANN, SECOND]])
})

test('ROL-32 what no account of the keeper’s has room for is tried all the same, and no line is opened for it', () => {
  const due = [...rules, ...atMaintenanceAt1000(ANN), priceOf(0n, 999n * WAD, NOW)]
  assert.deepEqual(taken([...due, ...fullBut(0n)]), [[ANN, OWN]])
})

test('ROL-31 nor is any other account of the keeper’s attempted', () => {
  const { state } = block(blank, [...rules, ...[SECOND, ANN].flatMap(atMaintenanceAt1000)])
  const { effects } = block(state, [priceOf(0n, 999n * WAD, NOW)])
  assert.deepEqual(
    effects.flatMap((effect) => (effect.type === 'liquidate' ? [effect.account] : [])),
    [ANN],
  )
})

test('ROL-33 an attempt is repeated while the account stays below maintenance, and no longer', () => {
  const low = block(blank, [...rules, ...atMaintenanceAt1000(ANN), priceOf(0n, 999n * WAD, NOW)])
  const again = block(low.state, [])
  assert.deepEqual(again.effects, low.effects)
  const rescued = block(again.state, [{ eventName: 'CashChanged', args: { account: ANN, cash: 1_000n * WAD } }])
  assert.deepEqual(rescued.effects, [])
})

test('ROL-34 killed and started again at any event, the keeper knows the same and attempts the same', () => {
  const history = [...rules, ...atMaintenanceAt1000(ANN), ...lineOf(OWN, 0n, 0n, WAD), priceOf(0n, 999n * WAD, NOW)]
  const whole = block(blank, history)
  assert.equal(whole.effects.filter(({ type }) => type === 'liquidate').length, 1)
  for (let at = 0; at < history.length; at++) {
    const before = block(blank, history.slice(0, at)).state
    const after = block(before, history.slice(at))
    assert.deepEqual(after.state, whole.state)
    assert.deepEqual(after.effects, whole.effects)
  }
  const taken: LedgerEvent = {
    eventName: 'PositionChanged',
    args: { account: ANN, market: 0n, size: 0n, quote: 0n, cash: 0n },
  }
  assert.deepEqual(block(blank, [...history, taken]).effects, [], 'what the chain says is done is not done again')
})

test('ROL-31 funding that is owed and not yet paid counts against an account, as it does when it is liquidated', () => {
  const { state } = block(blank, [...rules, ...atMaintenanceAt1000(ANN), priceOf(0n, 1_000n * WAD, NOW)])
  assert.deepEqual(block(state, []).effects, [])
  const funded = block(state, [{ eventName: 'FundingIndexChanged', args: { market: 0n, index: 1n } }])
  assert.deepEqual(
    funded.effects.map(({ type }) => type),
    ['open_line', 'liquidate'],
  )
  const received = block(state, [{ eventName: 'FundingIndexChanged', args: { market: 0n, index: -1n } }])
  assert.deepEqual(received.effects, [])
})

const REMOTE = PARAMETERS.venues.findIndex(({ isRemote }) => isRemote)
const REMOTE_MARKET = PARAMETERS.markets.findIndex(({ venue }) => venue === REMOTE)
const DEAD_AGE = BigInt(PARAMETERS.venues[REMOTE]?.deadAge ?? 0)

test('ROL-37 a remote venue is closed once it has been silent for its dead age, and not before it was ever heard', () => {
  const heard: LedgerEvent = { eventName: 'VenueHeard', args: { venue: BigInt(REMOTE), timestamp: NOW } }
  const close = { type: 'close_venue', venue: REMOTE }
  const { state } = block(blank, [...rules, heard])
  assert.deepEqual(block(state, [], NOW + DEAD_AGE - 1n).effects, [])
  assert.deepEqual(block(state, [], NOW + DEAD_AGE).effects, [close])
  assert.deepEqual(block(blank, rules, NOW + DEAD_AGE).effects, [])
  const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(REMOTE), closedAt: NOW } }
  assert.deepEqual(block(state, [closed], NOW + DEAD_AGE).effects, [])
})

test('ROL-37 the silence of an outage of the clearing’s chain closes no venue, that of a dead age after it and its grace does', () => {
  const heard: LedgerEvent = { eventName: 'VenueHeard', args: { venue: BigInt(REMOTE), timestamp: NOW } }
  const resumedAt = NOW + 100n * DEAD_AGE
  const resumed: LedgerEvent = { eventName: 'Resumed', args: { resumedAt } }
  const close = { type: 'close_venue', venue: REMOTE }
  const grace = BigInt(PARAMETERS.outageGrace)
  assert.ok(grace > DEAD_AGE)
  const { state } = block(blank, [...rules, heard, resumed], resumedAt)
  assert.deepEqual(block(state, [], resumedAt + grace - 1n).effects, [])
  assert.deepEqual(block(state, [], resumedAt + grace).effects, [close])
  const blob = packParameters({ ...PARAMETERS, outageGrace: 0 })
  const graceless: LedgerEvent = { eventName: 'ParametersSet', args: { version: 2, blob, setAt: NOW } }
  assert.deepEqual(block(state, [graceless], resumedAt + DEAD_AGE - 1n).effects, [])
  assert.deepEqual(block(state, [graceless], resumedAt + DEAD_AGE).effects, [close])
})

test('ROL-37 a venue that contradicted itself is closed at once, wherever it is', () => {
  for (const venue of [REMOTE, PARAMETERS.venues.findIndex(({ isRemote }) => !isRemote)]) {
    const lied: LedgerEvent = { eventName: 'BreakerTripped', args: { isVault: false, number: BigInt(venue), cause: 3 } }
    const { state, effects } = block(blank, [...rules, lied])
    assert.deepEqual(effects, [{ type: 'close_venue', venue }])
    const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(venue), closedAt: NOW } }
    assert.deepEqual(block(state, [closed]).effects, [])
  }
  const frozen: LedgerEvent = {
    eventName: 'BreakerTripped',
    args: { isVault: false, number: BigInt(REMOTE), cause: 2 },
  }
  assert.deepEqual(block(blank, [...rules, frozen]).effects, [])
})

const position = (size: bigint, account = ANN): LedgerEvent => ({
  eventName: 'PositionChanged',
  args: { account, market: BigInt(REMOTE_MARKET), size, quote: -2_000n * size, cash: 0n },
})

test('ROL-43 a closed market is priced after the grace, once, and then its positions are settled, until they are', () => {
  const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(REMOTE), closedAt: NOW } }
  const { state } = block(blank, [...rules, position(WAD), position(-WAD, BOB), closed])
  const until = NOW + BigInt(PARAMETERS.closeGrace)
  assert.deepEqual(block(state, [], until).effects, [])
  const price = { type: 'price_closed', market: REMOTE_MARKET, feedId: FEEDS[0].feedId, until }
  assert.deepEqual(block(state, [], until + 1n).effects, [price])
  const priced: LedgerEvent = {
    eventName: 'ClosePriceFixed',
    args: { market: BigInt(REMOTE_MARKET), price: 2_000n * WAD },
  }
  const settle = (account: Hex) => ({ type: 'settle_closed', account, market: REMOTE_MARKET })
  assert.deepEqual(block(state, [priced], until + 1n).effects, [settle(ANN), settle(BOB)])
  assert.deepEqual(block(state, [priced, position(0n)], until + 1n).effects, [settle(BOB)])
  assert.deepEqual(block(state, [position(0n), position(0n, BOB)], until + 1n).effects, [], 'nothing is open')
})

test('ROL-43 a closed market is priced before anybody is taken over at the index', () => {
  const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(REMOTE), closedAt: NOW } }
  const now = NOW + BigInt(PARAMETERS.closeGrace) + 1n
  // The vaults are heard of, and prices are fresh.
  const alive = [0n, 1n, 2n].map((vault): LedgerEvent => ({ eventName: 'VaultHeard', args: { vault, timestamp: now } }))
  const events = [...rules, ...atMaintenanceAt1000(ANN), position(WAD, BOB), closed, ...alive]
  const { effects } = block(blank, [...events, priceOf(0n, 900n * WAD, now)], now)
  const types = effects.map(({ type }) => type)
  assert.ok(types.includes('liquidate'))
  assert.equal(types[0], 'price_closed')
})

test('ROL-43 without a price, positions are settled by the cached one an hour after the grace; it is still looked for', () => {
  const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(REMOTE), closedAt: NOW } }
  const { state } = block(blank, [...rules, position(WAD), closed])
  const until = NOW + BigInt(PARAMETERS.closeGrace)
  const types = (now: bigint) => block(state, [], now).effects.map(({ type }) => type)
  assert.deepEqual(types(until + 3_600n), ['price_closed'])
  assert.deepEqual(types(until + 3_601n), ['price_closed', 'settle_closed'])
  const resumedAt = until + 7_200n
  const resumed = block(state, [{ eventName: 'Resumed', args: { resumedAt } }], resumedAt).state
  const typesAfter = (now: bigint) => block(resumed, [], now).effects.map(({ type }) => type)
  assert.deepEqual(typesAfter(resumedAt + 3_600n), ['price_closed'], 'nor was that an hour in which anybody could')
  assert.deepEqual(typesAfter(resumedAt + 3_601n), ['price_closed', 'settle_closed'])
})

test('ROL-43 the grace is the one that was in force when the venue was closed', () => {
  const closed: LedgerEvent = { eventName: 'VenueClosed', args: { venue: BigInt(REMOTE), closedAt: NOW } }
  const later: LedgerEvent = {
    eventName: 'ParametersSet',
    args: { version: 2, blob: packParameters({ ...PARAMETERS, closeGrace: 1 }), setAt: NOW },
  }
  const { state } = block(blank, [...rules, position(WAD), closed, later])
  const until = NOW + BigInt(PARAMETERS.closeGrace)
  assert.deepEqual(block(state, [], until).effects, [])
  assert.equal(block(state, [], until + 1n).effects.length, 1)
})

const SLOW = 0
const HERE = 2

/** With another burst, cap or such of a listing, and everybody heard of at NOW. */
function rulesWith(listing: number, change: Partial<ListingTerms>): LedgerEvent[] {
  const listings = PARAMETERS.listings.map((terms, i) => (i === listing ? { ...terms, ...change } : terms))
  const blob = packParameters({ ...PARAMETERS, listings })
  return [...rules, { eventName: 'ParametersSet', args: { version: 2, blob, setAt: NOW } }]
}

/** A line of which so much counts. */
function partOf(account: Hex, listing: number, units: bigint, counted: bigint): LedgerEvent[] {
  const opened = lineOf(account, 0n, BigInt(listing), 0n)
  return [...opened, { eventName: 'LineChanged', args: { account, index: 0n, units, counted } }]
}

function counts(events: LedgerEvent[], now = NOW): [Hex, bigint][] {
  const { effects } = block(blank, events, now)
  return effects.flatMap((effect) => (effect.type === 'count' ? [[effect.account, effect.admitted]] : []))
}

test('ROL-48 more is counted once a tenth of the burst has room, or all that is missing, and not before', () => {
  const burst = 1_000n
  const remote = rulesWith(SLOW, { burst, refillTime: 10 })
  const usedUp: LedgerEvent = { eventName: 'InflowChanged', args: { listing: BigInt(SLOW), used: burst, at: NOW } }
  const lacking = (missing: bigint) => [...remote, ...partOf(ANN, SLOW, 5_000n, 5_000n - missing), usedUp]
  assert.deepEqual(counts(lacking(500n)), [], 'there is no room')
  assert.deepEqual(counts(lacking(500n), NOW + 1n), [[ANN, 100n]])
  const slower = [...rulesWith(SLOW, { burst, refillTime: 11 }), ...partOf(ANN, SLOW, 5_000n, 4_500n), usedUp]
  assert.deepEqual(counts(slower, NOW + 1n), [], '90 is less than a tenth')
  assert.deepEqual(counts(slower, NOW + 2n), [[ANN, 181n]])
  assert.deepEqual(counts(lacking(7n), NOW + 1n), [[ANN, 7n]], 'all of it, however little')
  assert.deepEqual(counts(lacking(0n), NOW + 9n), [], 'nothing is missing')
})

test('ROL-48 lines of one listing share what room there is; one that its own cap fills is in nobody’s way', () => {
  const capped = (burst: bigint) => rulesWith(HERE, { cap: 1_000n, accountCap: 600n, burst })
  const lines = (...counted: [bigint, bigint]) =>
    [ANN, BOB].flatMap((account, i) => partOf(account, HERE, 900n, counted[i] ?? 0n))
  assert.deepEqual(counts([...capped(1n), ...lines(0n, 0n)]), [
    [ANN, 600n],
    [BOB, 400n],
  ])
  assert.deepEqual(counts([...capped(1n), ...lines(600n, 0n)]), [[BOB, 400n]])
  assert.deepEqual(counts([...capped(1n), ...lines(600n, 400n)]), [], 'the listing’s cap is full')
  assert.deepEqual(counts([...capped(6_001n), ...lines(0n, 0n)]), [], 'neither all of a line nor a tenth of the burst')
})

test('ROL-48 nothing is asked for at a vault that gives no new risk, nor before there are parameters', () => {
  const line = partOf(ANN, SLOW, 500n, 0n)
  assert.deepEqual(counts([...rules, ...line]), [[ANN, 500n]])
  const tripped: LedgerEvent = { eventName: 'BreakerTripped', args: { isVault: true, number: BigInt(SLOW), cause: 0 } }
  assert.deepEqual(counts([...rules, ...line, tripped]), [])
  assert.deepEqual(counts(line), [])
})
