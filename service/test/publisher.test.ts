import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { abs, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { type Devnet, START_PRICES, startDevnet } from '../src/devnet/devnet.ts'
import { FEEDS } from '../src/devnet/parameters.ts'
import { until } from '../src/devnet/until.ts'
import type { Report } from '../src/hermes.ts'
import { runPublisher } from '../src/publisher/run.ts'
import { type PublisherState, step } from '../src/publisher/step.ts'
import type { LogEvent } from '../src/role.ts'

const DEVIATION = 10n ** 16n
const HEARTBEAT = 20n
const ACCRUE_EVERY = 1_200n
const START: PublisherState = {
  feeds: [0, 1],
  poked: new Map(),
  deviation: DEVIATION,
  heartbeat: HEARTBEAT,
  accrued: new Map(),
  accrueEvery: ACCRUE_EVERY,
}

const report = (price: bigint, publishTime: bigint): Report => ({
  feedId: FEEDS[0].feedId,
  price,
  confidence: 1n,
  exponent: -8,
  publishTime,
})

const feedsDue = (state: PublisherState, ...reports: Report[]) =>
  step(state, { type: 'reported', reports }).effects.flatMap(({ type, feeds }) => (type === 'poke' ? feeds : []))

const afterPoke = (state: PublisherState, reports: Report[], feeds: number[]) =>
  step(state, { type: 'poked', reports, feeds }).state

test('ROL-25 the markets of a feed accrue once their time has come, and wait for it after a start', () => {
  const accruing = (state: PublisherState, time: bigint) => {
    const next = step(state, { type: 'reported', reports: [report(100_000n, time)] })
    return { state: next.state, feeds: next.effects.flatMap(({ type, feeds }) => (type === 'accrue' ? feeds : [])) }
  }
  const first = accruing(START, 1_000n)
  assert.deepEqual(first.feeds, [])
  const early = accruing(first.state, 1_000n + ACCRUE_EVERY - 1n)
  assert.deepEqual(early.feeds, [])
  const due = accruing(early.state, 1_000n + ACCRUE_EVERY)
  assert.deepEqual(due.feeds, [0])
  assert.deepEqual(accruing(due.state, 1_001n + ACCRUE_EVERY).feeds, [])
})

test('ROL-20 a feed is poked once it moved by the deviation or the heartbeat is over', () => {
  const poked = afterPoke(START, [report(100_000n, 1_000n)], [0])
  assert.deepEqual(feedsDue(START, report(100_000n, 1_000n)), [0], 'the first report')
  assert.deepEqual(feedsDue(poked, report(100_999n, 1_001n)), [], 'less than the deviation')
  assert.deepEqual(feedsDue(poked, report(101_000n, 1_001n)), [0], 'the deviation upwards')
  assert.deepEqual(feedsDue(poked, report(99_000n, 1_001n)), [0], 'the deviation downwards')
  assert.deepEqual(feedsDue(poked, report(100_000n, 1_019n)), [], 'just before the heartbeat')
  assert.deepEqual(feedsDue(poked, report(100_000n, 1_020n)), [0], 'the heartbeat')
  assert.deepEqual(feedsDue(poked, report(50_000n, 1_000n)), [], 'no newer than the poked one')
  assert.deepEqual(feedsDue(poked, report(50_000n, 999n)), [], 'older than the poked one')
  assert.deepEqual(feedsDue(START, report(0n, 1_000n)), [], 'no price at all')
  assert.deepEqual(feedsDue({ ...START, feeds: [1] }, report(1n, 1_000n), report(1n, 1_000n)), [1], 'only what is read')
  const twoFeeds = afterPoke(START, [report(100n, 1_000n), report(100n, 1_000n)], [0, 1])
  assert.deepEqual(feedsDue(twoFeeds, report(100n, 1_001n), report(200n, 1_001n)), [1], 'only the feed that moved')
})

test('ROL-20 what was poked is never further from the newest report than the deviation', () => {
  const ticks = fc.array(fc.record({ price: fc.bigInt(1n, 10n ** 12n), seconds: fc.bigInt(0n, 30n) }), { minLength: 1 })
  fc.assert(
    fc.property(ticks, (path) => {
      let state = START
      let now = 1_000n
      for (const { price, seconds } of path) {
        now += seconds
        const next = report(price, now)
        const isNewer = now > (state.poked.get(0)?.publishTime ?? 0n)
        state = afterPoke(state, [next], feedsDue(state, next))
        const poked = state.poked.get(0)
        assert.ok(poked)
        if (!isNewer) continue
        assert.ok(abs(price - poked.price) * WAD < poked.price * DEVIATION || price === poked.price)
        assert.ok(now - poked.publishTime < HEARTBEAT)
      }
    }),
  )
})

test('ROL-21 a poke that the chain refused is due again with the next report', () => {
  const refused = afterPoke(START, [report(100n, 1_000n)], [])
  assert.deepEqual(feedsDue(refused, report(100n, 1_001n)), [0])
})

test('ROL-24 a price arrives at the clearing and at the venue, and ROL-22 a bad one holds up no other', async (t) => {
  const { devnet, events } = await publishing(t)
  const arrives = (market: bigint, price: bigint) =>
    until(`${price} USD to arrive`, async () => (await pricesOf(devnet, market)).every((seen) => seen === price))
  await arrives(0n, START_PRICES['ETH/USD'])
  await arrives(1n, START_PRICES['BTC/USD'])

  // Too large for the clearing, though Pyth takes it.
  devnet.oracle.set(FEEDS[1].feedId, 9n * 10n ** 18n)
  devnet.oracle.set(FEEDS[0].feedId, 1_500n * 10n ** 8n)
  await arrives(0n, 1_500n)
  await until('the refusal', () =>
    events.some(({ event, why }) => event === 'poke_refused' && why === 'PriceOutOfRange'),
  )
  assert.deepEqual(await pricesOf(devnet, 1n), [START_PRICES['BTC/USD'], START_PRICES['BTC/USD']])

  devnet.oracle.set(FEEDS[1].feedId, 70_000n * 10n ** 8n)
  await arrives(1n, 70_000n)
})

test('ROL-22 what would be refused is not sent', async (t) => {
  const { devnet, events, address } = await publishing(t)
  const trading = devnet.chains.at(-1)
  assert.ok(trading)
  const sent = () => trading.reader.getTransactionCount({ address })
  const pokes = () => events.filter(({ event }) => event === 'poked').length
  await until('the first prices', () => pokes() > 0 && sent().then((count) => count === 2 * pokes()))
  devnet.oracle.set(FEEDS[0].feedId, 9n * 10n ** 18n)
  await until('two refusals', () => events.filter(({ event }) => event === 'poke_refused').length >= 2)
  await until('what is on its way', async () => (await sent()) === 2 * pokes())
})

/** A devnet on which nothing runs but a publisher. */
async function publishing(t: TestContext) {
  const events: LogEvent[] = []
  const devnet = await startDevnet({ log: () => undefined, roles: [] })
  const account = privateKeyToAccount(generatePrivateKey())
  await devnet.chains.at(-1)?.fund(account.address)
  const stopping = new AbortController()
  const config = {
    deployment: devnet.deployment,
    account,
    hermes: devnet.oracle.url,
    pollMs: 50,
    deviation: DEVIATION,
    heartbeatSeconds: 60,
    accrueSeconds: 1_200,
  }
  const ended = runPublisher(config, { signal: stopping.signal, log: (event) => events.push(event) })
  t.after(async () => {
    stopping.abort()
    await ended
    await devnet.stop()
  })
  return { devnet, events, address: account.address }
}

/** The index prices of the clearing and the venue, in whole USD: feed and market have the same number here. */
async function pricesOf({ chains, deployment }: Devnet, market: bigint): Promise<[bigint, bigint]> {
  const reader = chains.at(-1)?.reader
  assert.ok(reader)
  const venue = deployment.clearing.markets[0]?.venue
  assert.ok(venue)
  const read = { functionName: 'indexPrice', args: [market] } as const
  const [atClearing, [atVenue]] = await Promise.all([
    reader.readContract({ ...read, address: deployment.clearing.address, abi: Clearing.abi }),
    reader.readContract({ ...read, address: venue, abi: Venue.abi }),
  ])
  return [atClearing.price / WAD, atVenue / WAD]
}
