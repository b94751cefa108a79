import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LedgerEvent } from '@omnimargin/core/ledger'
import { max, type Ratio, WAD } from '@omnimargin/core/wad'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { messageSeconds } from '@omnimargin/risk/estimate/latency'
import fc from 'fast-check'
import { ConfigError, readConfig } from '../src/config.ts'
import { PARAMETERS } from '../src/devnet/parameters.ts'
import { knownOf, measuresSchema } from '../src/steward/known.ts'
import { measurerOf, type Timed } from '../src/steward/measure.ts'
import { type StewardState, step } from '../src/steward/step.ts'
import {
  at,
  DEPLOYMENT,
  heardAt,
  INTERVAL,
  known,
  line,
  measured,
  NOW,
  POLICY,
  percent,
  prices,
  SHIPPED,
  set,
  started,
  untimed,
} from './stewards.ts'

test('STW-09 depth allows what a listing would get, by the fixed price of its cap and by no other', () => {
  const { ledger } = started()
  const capOf = (listing: number, one = ledger) => {
    const found = measurerOf(known()).measure(one, listing, NOW, INTERVAL)
    return 'why' in found ? assert.fail(found.why) : found.cap
  }
  // Of 200 million USD a day 1 %, of 300 and 500 million of dollars 0.1 %, in tokens of 2,000, 1 and 1.
  const expected = [1_000n * WAD, 300_000n * 10n ** 6n, 500_000n * 10n ** 6n]
  assert.deepEqual(
    [0, 1, 2].map((listing) => capOf(listing)),
    expected,
  )
  const dear = new Map(ledger.prices).set(0, { price: 9_000n * WAD, publishTime: NOW })
  assert.equal(capOf(0, { ...ledger, prices: dear }), expected[0])
  const listings = PARAMETERS.listings.map((terms) => ({ ...terms, capPrice: 0n }))
  assert.equal(capOf(0, started(set({ ...PARAMETERS, listings })).ledger), undefined)
})

test('STW-04 what cannot be measured says why', () => {
  const measurer = measurerOf(known())
  const { ledger } = started()
  const reasonOf = (one = ledger, listing = 0, from = measurer) => {
    const found = from.measure(one, listing, NOW, INTERVAL)
    return 'why' in found ? found.why : undefined
  }
  assert.equal(reasonOf(), undefined)
  assert.equal(reasonOf(ledger, 7), 'not_in_configuration')
  assert.equal(reasonOf({ ...ledger, prices: new Map() }), 'no_price')
  // As the clearing has it: to the second.
  const { maxPriceAge } = PARAMETERS
  const pricedAgo = (seconds: number) => started(...prices(NOW - BigInt(seconds))).ledger
  assert.equal(reasonOf(pricedAgo(maxPriceAge)), undefined)
  assert.deepEqual(measurer.measure(pricedAgo(maxPriceAge + 1), 0, NOW, INTERVAL), {
    why: 'price_too_old',
    lastKnown: NOW - BigInt(maxPriceAge) - 1n,
  })
  const whole = known()
  assert.equal(reasonOf(ledger, 0, measurerOf({ ...whole, feeds: new Map() })), 'feed_not_in_configuration')
  const young = new Map([...whole.feeds].map(([feed, terms]) => [feed, { ...terms, recorded: [] }]))
  assert.equal(reasonOf(ledger, 0, measurerOf({ ...whole, feeds: young })), 'too_few_bars')
  const later = measurerOf(known())
  for (const days of [0, 3]) later.observe([], Number(NOW) + days * 86_400)
  assert.equal(reasonOf(ledger, 0, later), 'bars_too_old')
  assert.equal(reasonOf(ledger, 2, measurerOf({ ...whole, feeds: young })), undefined, 'a peg needs none')
  const bare = new Map([...whole.feeds].map(([feed, terms]) => [feed, { ...terms, pegFloor: undefined }]))
  assert.equal(reasonOf(ledger, 2, measurerOf({ ...whole, feeds: bare })), 'no_peg_floor')
  assert.equal(reasonOf(ledger, 0, measurerOf({ ...whole, feeds: bare })), undefined)
  const nowhere = new Map([...whole.assets].map(([key, terms]) => [key, { ...terms, route: undefined }]))
  assert.equal(reasonOf(ledger, 0, measurerOf({ ...whole, assets: nowhere })), 'no_route')
})

test('STW-05 round trips are what the clearing hears, but the first of each vault; silence widens', () => {
  const { ledger } = started()
  const heard = (vault: bigint, timestamp: bigint, time: bigint): Timed => ({
    event: { eventName: 'VaultHeard', args: { vault, timestamp } },
    time: Number(time),
  })
  const trips = (seconds: bigint, count: number) => {
    const measurer = measurerOf(known())
    measurer.observe([heard(0n, NOW - 10_000n, NOW - 10_000n)], Number(NOW))
    const events = Array.from({ length: count }, (_, i) => {
      const at = NOW - 60n * BigInt(count - 1 - i)
      return heard(0n, at - seconds, at)
    })
    measurer.observe(events, Number(NOW))
    return (now = NOW) => {
      const found = measurer.measure(at(started(), now).ledger, 0, now, INTERVAL)
      return 'why' in found ? assert.fail(found.why) : found
    }
  }
  assert.deepEqual([trips(100n, 0)().deliveries, trips(100n, 40)().deliveries], [0, 40])
  const [short, long] = [trips(10n, 400)().inputs, trips(1_000n, 400)().inputs]
  assert.ok(short.latencyTailSeconds < 100 && long.latencyTailSeconds >= 1_000)
  assert.deepEqual([short.heartbeatAgeSeconds, trips(10n, 40)(NOW + 500n).inputs.heartbeatAgeSeconds], [0, 500])
  // Each vault by itself: the clearing's own has nothing to deliver.
  const measurer = measurerOf(known())
  measurer.observe([heard(2n, NOW - 9_000n, NOW - 9_000n), heard(2n, NOW - 5_000n, NOW)], Number(NOW))
  const home = measurer.measure(ledger, 2, NOW, INTERVAL)
  assert.ok('inputs' in home)
  assert.deepEqual([home.inputs.latencyTailSeconds, home.inputs.heartbeatAgeSeconds], [0, 0])
  assert.ok(messageSeconds(0, 0, DEFAULTS).seconds < 1)
})

test('STW-11 what does not count moves no haircut, whoever locks how much of it', () => {
  const haircutOf = (...more: LedgerEvent[]) => {
    const { ledger } = started(...line('5', 0n, 0n, 10n * WAD), ...more)
    const found = measurerOf(known()).measure(ledger, 0, NOW, INTERVAL)
    return 'why' in found ? assert.fail(found.why) : found
  }
  const alone = haircutOf()
  assert.deepEqual(haircutOf(...line('6', 0n, 0n, 200_000n * WAD, 0n)), alone)
  // What counted before units went counts no more than there are.
  assert.deepEqual(haircutOf(...line('6', 0n, 0n, 0n, 200_000n * WAD)), alone)
  assert.ok(haircutOf(...line('6', 0n, 0n, 200_000n * WAD)).haircut.fast > alone.haircut.fast)
})

test('STW-05 amounts are of the listing alone: what all hold, and the account with the most of it', () => {
  const { ledger } = started(
    ...line('5', 0n, 0n, 3n * WAD),
    ...line('5', 1n, 2n, 5_000n * 10n ** 6n),
    ...line('6', 0n, 0n, WAD),
  )
  const amountsOf = (listing: number) => {
    const found = measurerOf(known()).measure(ledger, listing, NOW, INTERVAL)
    return 'why' in found ? assert.fail(found.why) : [found.inputs.amount, found.inputs.held].map(Math.round)
  }
  assert.deepEqual(
    [amountsOf(0), amountsOf(2)],
    [
      [6_000, 8_000],
      [5_000, 5_000],
    ],
  )
})

test('STW-05 prices make hours behind the records, and the same events measure the same', () => {
  const whole = known()
  const recorded = whole.feeds.get(0)?.recorded ?? assert.fail()
  const start = Number(NOW) - (Number(NOW) % 3_600)
  const priced = (time: number, dollars: number): LedgerEvent => ({
    eventName: 'IndexPriceUpdated',
    args: { feed: 0n, price: BigInt(dollars) * WAD, publishTime: BigInt(time) },
  })
  const tell = (events: readonly LedgerEvent[], now: number) => {
    const measurer = measurerOf(whole)
    measurer.observe(untimed(events), now)
    const found = measurer.measure(at(started(), BigInt(now)).ledger, 0, BigInt(now), INTERVAL)
    return 'why' in found ? assert.fail(found.why) : found
  }
  assert.equal(tell([], start).bars, recorded.length)
  const last = recorded.at(-1)?.time ?? assert.fail()
  assert.equal(tell([priced(last + 10, 2_000)], last + 7_200).bars, recorded.length, 'an hour of the records')
  // Calm hours, then a fall: nothing of it while its hour lasts, and all of it after.
  const calm = Array.from({ length: 400 }, (_, i) => priced(start + 3_600 * i, 2_000 + (i % 2)))
  const fall = [priced(start + 3_600 * 400 + 60, 2_000), priced(start + 3_600 * 400 + 120, 1_600)]
  const end = start + 3_600 * 401
  const [before, during, after] = [
    tell(calm, end - 3_500),
    tell([...calm, ...fall], end - 1),
    tell([...calm, ...fall], end),
  ]
  assert.deepEqual([during.bars - before.bars, after.bars - during.bars], [0, 1])
  assert.equal(during.inputs.quantile, before.inputs.quantile)
  assert.ok(after.inputs.quantile > 2 * before.inputs.quantile)
  assert.deepEqual(tell([...calm, ...fall], end), after)
})

/* HOW FAST */

const USDC = 1
/** USDC falls to 90 cents once the parameters are so old, and a steward posts as often as it may for two hours: what is asked at the end. */
function slowAfterBreak(age: bigint, interval: bigint, least: bigint, first: Ratio) {
  const listings = PARAMETERS.listings.map((one, i) => (i === USDC ? { ...one, maintenanceHaircut: first } : one))
  const whole = known()
  const assets = [...whole.assets].map(([key, terms]) => [key, { ...terms, least: Number(least) / 1e18 }] as const)
  const measurer = measurerOf({ ...whole, assets: new Map(assets) })
  const broken = NOW + age
  const maintenanceOf = ({ ledger }: StewardState) => ledger.parameters?.listings[USDC]?.maintenanceHaircut ?? 0n
  let [state, postedAt] = [started(set({ ...PARAMETERS, listings })), 0n]
  for (let now = broken; now <= broken + 7_200n; now += interval) {
    const told = prices(now).map((event, i) =>
      i === 2 ? { ...event, args: { ...event.args, price: percent(90) } } : event,
    ) as LedgerEvent[]
    measurer.observe(untimed(told), Number(now))
    state = step(state, { type: 'block', events: [...told, ...heardAt(now)] }).state
    const found = measurer.measure(state.ledger, USDC, now, interval)
    if ('why' in found) assert.fail(found.why)
    assert.ok(found.haircut.slowTarget > percent(40), 'it is asked for much more')
    const policy = { ...POLICY, interval, postedAt }
    const next = measured(state, new Map([[USDC, found.haircut]]), policy, now)
    const [effect] = next.effects
    if (effect?.type === 'post') {
      postedAt = now
      state = step(next.state, { type: 'block', events: [set(effect.parameters, now)] }).state
    }
    const hours = Number(now - broken + interval) / 3_600
    const most = Number(max(first, least)) * 1.25 ** hours
    assert.ok(Number(maintenanceOf(state)) <= most * (1 + 1e-9), `${maintenanceOf(state)} after ${hours} h`)
  }
  return Number(maintenanceOf(state)) / 1e18
}

test('HCT-10 STW-12 maintenance rises by a quarter an hour once the risk has risen, however old the parameters are', () => {
  const world = fc.record({
    age: fc.bigInt({ min: 0n, max: 90n * 86_400n }),
    interval: fc.constantFrom(20n, 60n, 600n, 3_600n),
    least: fc.bigInt({ min: percent(1) / 2n, max: percent(2) }),
    first: fc.bigInt({ min: 0n, max: percent(3) }),
  })
  fc.assert(
    fc.property(world, ({ age, interval, least, first }) => {
      const end = slowAfterBreak(age, interval, least, first)
      // It is no slower either, however little an interval adds.
      const hours = 2 - Number(interval) / 3_600
      assert.ok(end >= (Number(max(first, least)) / 1e18) * 1.25 ** hours, `${end}`)
    }),
    { numRuns: 12, examples: [[{ age: 86_400n, interval: 20n, least: percent(1) / 2n, first: percent(1) / 2n }]] },
  )
})

test('STW-06 a configuration that does not fit the deployment is refused by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-steward-'))
  const shipped = readConfig(SHIPPED, measuresSchema)
  const file = join(folder, 'steward.json')
  const refused = (change: object, message: RegExp) => {
    writeFileSync(file, JSON.stringify({ ...shipped, prices: join(SHIPPED, '..', 'prices'), ...change }))
    assert.throws(
      () => knownOf(DEPLOYMENT, readConfig(file, measuresSchema), file),
      (thrown) => thrown instanceof ConfigError && message.test(thrown.message),
    )
  }
  try {
    const [weth, ...others] = shipped.assets
    assert.ok(weth)
    refused({ assets: others }, /"assets" has no WETH on slow, the deployment has: add it/)
    refused({ assets: [...shipped.assets, { ...weth, chain: 'moon' }] }, /has WETH on moon, the deployment has not/)
    refused({ feeds: { 'DOGE/USD': {} } }, /"feeds" has DOGE\/USD, the deployment has ETH\/USD/)
    refused({ feeds: { 'ETH/USD': { bars: 'DOGE' } } }, /has no prices of DOGE: it has BTC, ETH, SOL/)
    refused({ prices: undefined }, /no folder of "prices"/)
    refused({ assets: [{ ...weth, route: { first: 5, median: 4, third: 9 } }, ...others] }, /above zero and in order/)
    refused({ assets: [{ ...weth, spread: 2 }, ...others] }, /assets\.0\.spread/)
    refused({ asets: [] }, /unknown field "asets"/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
