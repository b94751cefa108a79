import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY_LEDGER } from '@omnimargin/core/ledger'
import { WAD } from '@omnimargin/core/wad'
import type { Deployment } from '@omnimargin/service/deployment'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { type Fills, lineOf, type Sides } from '@omnimargin/service/reconcile/sides'
import type { LogEvent } from '@omnimargin/service/role'
import { runSentinel } from '@omnimargin/service/sentinel/run'
import { faultsOf, type SentinelState, step } from '@omnimargin/service/sentinel/step'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const [LONG, SHORT] = [`0x${'a'.repeat(64)}`, `0x${'b'.repeat(64)}`] as const
const HOLDER = `0x${'1'.repeat(40)}` as const
const VAULT = { chainId: 1, address: `0x${'2'.repeat(40)}` } as const
const VENUE = { chainId: 2, address: `0x${'3'.repeat(40)}` } as const
const line = lineOf({ account: LONG, holder: HOLDER })
const lines = (amount: bigint) => new Map([[line, amount]])
const fills = (bought: bigint, sold: bigint, paid: bigint, received: bigint): Fills => ({
  bought,
  sold,
  paid,
  received,
})
const TOKEN: Sides['tokens'][number] = {
  name: 'WETH on slow',
  vault: VAULT,
  decimals: 18,
  held: 90n,
  pool: 90n,
  owed: new Map([['pool', 90n]]),
  owedOnChain: new Map([['pool', 90n]]),
  granted: lines(90n),
  grantsLearned: lines(70n),
  released: lines(0n),
  honored: lines(0n),
  units: lines(70n),
}
const MARKET: Sides['markets'][number] = {
  name: 'ETH-USD on fast',
  venue: VENUE,
  written: new Map([
    [LONG, fills(8n, 0n, 80n, 0n)],
    [SHORT, fills(0n, 8n, 0n, 80n)],
  ]),
  learned: new Map(),
}
const sides = (token: Partial<typeof TOKEN> = {}, market: Partial<typeof MARKET> = {}): Sides => ({
  blocks: [],
  tokens: [{ ...TOKEN, ...token }],
  markets: [{ ...MARKET, ...market }],
  ledger: EMPTY_LEDGER,
  differing: [],
})
const FORGED = sides({ grantsLearned: lines(91n) })
const BLANK: SentinelState = { suspected: new Map(), frozenUntil: new Map(), freezeSeconds: 120n }

/** The effects of each reading, one after another, at these times. */
function readings(...all: [Sides, bigint][]) {
  let state = BLANK
  return all.map(([read, now]) => {
    const next = step(state, { type: 'read', sides: read, now })
    state = next.state
    for (const effect of next.effects) {
      if (effect.type === 'freeze') state = step(state, { type: 'frozen', peer: effect.peer, now }).state
    }
    return next.effects
  })
}

test('ROL-60 what the reader has beyond what its writer wrote is a fault of that route, and nothing under way is', () => {
  const whats = (read: Sides) => faultsOf(read).map(({ peer, what }) => [peer.address, what])
  assert.deepEqual(whats(sides()), [])
  assert.deepEqual(whats(FORGED), [
    [VAULT.address, `WETH on slow: ${line}: 1 learned as granted that the vault never wrote`],
  ])
  assert.equal(faultsOf(sides({ honored: lines(1n) }))[0]?.peer, VAULT)
  assert.equal(faultsOf(sides({ held: 89n }))[0]?.peer, VAULT)
  assert.equal(faultsOf(sides({}, { learned: new Map([[LONG, fills(9n, 0n, 80n, 0n)]]) }))[0]?.peer, VENUE)
  assert.equal(faultsOf(sides({}, { learned: new Map([[HOLDER, fills(0n, 0n, 0n, 1n)]]) }))[0]?.peer, VENUE)
  const oneSided = new Map([[LONG, fills(8n, 0n, 80n, 0n)]])
  assert.equal(faultsOf(sides({}, { written: oneSided }))[0]?.what, 'ETH-USD on fast: 8 bought and 0 sold')
  const unpaid = new Map([...MARKET.written, [SHORT, fills(0n, 8n, 0n, 79n)] as const])
  assert.equal(faultsOf(sides({}, { written: unpaid }))[0]?.what, 'ETH-USD on fast: 80 paid and 79 received')
})

test('ROL-61 a route is frozen when it does not add up twice running, and again only after the freeze and its cool-down', () => {
  const frozen = readings([FORGED, 1_000n], [FORGED, 1_010n], [FORGED, 1_020n], [FORGED, 1_130n], [FORGED, 1_131n])
  assert.deepEqual(
    frozen.map((effects) => effects.map(({ type }) => type)),
    [[], ['freeze'], [], ['freeze'], []],
  )
  const once = readings([FORGED, 1_000n], [sides(), 1_010n], [FORGED, 1_020n])
  assert.deepEqual(once.flat(), [])
})

test('ROL-62 what no freeze of a peer would stop is an alarm', () => {
  const [effects] = readings([sides({ pool: 91n }), 1_000n])
  assert.deepEqual(
    effects?.map(({ type }) => type),
    ['alarm'],
  )
})

test('ROL-62 a fault hides the alarms of its own peer, and no other', () => {
  const forged = sides({ grantsLearned: lines(91n), units: lines(91n) })
  const alarms = (read: Sides) => readings([read, 1_000n])[0]?.filter(({ type }) => type === 'alarm').length
  assert.equal(alarms(forged), 0)
  assert.equal(alarms({ ...forged, differing: [LONG] }), 1)
  assert.equal(alarms({ ...forged, tokens: [...forged.tokens, { ...TOKEN, vault: VENUE, pool: 91n }] }), 1)
})

test('ROL-64 a vault whose asset has two prices of one moment that are too far apart is tripped, for as long as they are', () => {
  const [first, ...others] = PARAMETERS.listings
  assert.ok(first)
  const listings = [{ ...first, secondFeed: 1, hasSecondFeed: true }, ...others]
  const trips = (one: bigint, other: bigint, apart = 0n) => {
    const prices = new Map([
      [0, { price: one, publishTime: 1_000n }],
      [1, { price: other, publishTime: 1_000n + apart }],
    ])
    const ledger = { ...EMPTY_LEDGER, parameters: { ...PARAMETERS, listings }, prices }
    return readings([{ ...sides(), ledger }, 1_000n], [{ ...sides(), ledger }, 1_015n]).map((effects) =>
      effects.flatMap((effect) => (effect.type === 'trip' ? [effect.listing] : [])),
    )
  }
  assert.deepEqual(trips(100n * WAD, 101n * WAD), [[], []], 'one percent is allowed')
  assert.deepEqual(trips(100n * WAD, 101n * WAD + 1n), [[0], [0]])
  assert.deepEqual(trips(101n * WAD + 1n, 100n * WAD), [[0], [0]])
  assert.deepEqual(trips(100n * WAD, 102n * WAD, 6n), [[], []], 'not of one moment')
})

test('a sentinel whose chain is away when it starts says so, and asks again', async () => {
  const chain = {
    name: 'home',
    chainId: 5,
    rpc: ['http://127.0.0.1:9'],
    checkpointInterval: 1,
    roots: HOLDER,
    batch: HOLDER,
  }
  const deployment: Deployment = {
    chains: [{ ...chain, emitters: [] }],
    committee: { epoch: 0, threshold: 3, signers: [], attestors: [] },
    clearing: { chainId: 5, address: HOLDER, policy: HOLDER, feeds: [], markets: [] },
    tokens: [],
  }
  const stopping = new AbortController()
  const said: unknown[] = []
  const context = { signal: stopping.signal, log: ({ event, why }: LogEvent) => said.push(`${event} ${why}`) }
  const running = runSentinel({ deployment, account: privateKeyToAccount(generatePrivateKey()), pollMs: 10 }, context)
  await until('two tries', () => said.length >= 2)
  stopping.abort()
  await running
  assert.match(`${said[0]}`, /^failed RpcFailed: Could not read the policy 0x1+ on chain home: /)
})
