import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { chainOf } from '@omnimargin/service/deployment'
import { type Devnet, START_PRICES, startDevnet } from '@omnimargin/service/devnet/devnet'
import { FEEDS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { fetchUpdate } from '@omnimargin/service/hermes'
import { runKeeper } from '@omnimargin/service/keeper/run'
import { updateFee } from '@omnimargin/service/pyth'
import type { LogEvent } from '@omnimargin/service/role'
import { senderOf } from '@omnimargin/service/sender'
import { type Abi, type Address, encodeFunctionData, zeroAddress } from 'viem'
import { type Actor, cross, makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'
import { meddledHermes } from './oracles.ts'
import { underWayOf } from './underway.ts'

const SIZE = whole(5n)
const [ETH] = FEEDS
/** Beyond the clearing's band around what it saw. */
const PEAK = 2_150n

for (const place of ['near', 'far'] as const) {
  test(`ROL-46 ROL-47 a fill at a price that the clearing never saw, ${place}, is learned once the keeper has shown it Pyth’s report; what Hermes lacks is asked for again`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'omnimargin-missed-'))
    const stopping = new AbortController()
    const { signal } = stopping
    const events: LogEvent[] = []
    const log = (event: LogEvent) => void events.push(event)
    const devnet = await startDevnet({ log, roles: ['attestor', 'relayer'] })
    let running: Promise<void> | undefined
    try {
      const { deployment, keeper: account } = devnet
      const { clearing } = deployment
      const market = clearing.markets.findIndex(({ chainId }) => (chainId === clearing.chainId) === (place === 'near'))
      await pokeClearing(devnet)
      const actors = await Promise.all(['long', 'short'].map((name) => makeActor(name, devnet.chains, deployment)))
      await tradeAtPeak(devnet, market, actors)
      await pokeClearing(devnet)
      const isRefused = ({ event, why }: LogEvent) => event === 'not_pulled' && why === 'FillOutsideBand'
      if (place === 'near') await until('the relayer to be refused', () => events.some(isRefused))

      const { url: hermes, asked } = await forgetfulHermes(t, devnet)
      const config = { deployment, account, dataDir: join(folder, 'keeper'), hermes, pollMs: 50, patienceSeconds: 1 }
      assert.deepEqual(await sizesOf(devnet, market, actors), [0n, 0n])
      running = runKeeper(config, { signal, log })
      await until('both fills to be known', async () => {
        return (await sizesOf(devnet, market, actors)).join() === `${SIZE},${-SIZE}`
      })
      assert.deepEqual(await underWayOf(devnet, market), [])

      const shown = await widenedAt(devnet)
      assert.deepEqual(shown, [{ feed: 0n, price: whole(PEAK), publishTime: await peakOf(devnet, market) }])
      const notes = events.filter(({ role, event }) => role === 'keeper' && /widened$/.test(event))
      assert.deepEqual(
        notes.map(({ event }) => event),
        ['not_widened', 'not_widened', 'widened'],
      )
      assert.match(`${notes[0]?.why}`, /answered 503/)
      assert.match(`${notes[1]?.why}`, /answered 404/)
      assert.equal(asked(), 3, 'and no more than that, though it was refused at every block')
    } finally {
      stopping.abort()
      await running
      await devnet.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

/** The venue is poked at a peak, and one buys there from the other; by when the clearing is poked again that is over. */
async function tradeAtPeak(devnet: Devnet, market: number, actors: readonly Actor[]): Promise<void> {
  const { deployment, oracle } = devnet
  const [buyer, seller] = actors
  const token = deployment.tokens.at(-1)
  assert.ok(buyer && seller && token)
  for (const actor of actors) {
    await actor.openLine(token)
    await actor.deposit(token, whole(50_000n, token.decimals))
  }
  await Promise.all([buyer.raiseLimits(market, SIZE, 0n), seller.raiseLimits(market, 0n, SIZE)])
  const { venue: address, item, chainId, reader } = venueOf(devnet, market)
  const left = { address, abi: Venue.abi, functionName: 'leftOf' } as const
  await until('the limits to arrive', async () => {
    const lefts = actors.map(({ account }) => reader.readContract({ ...left, args: [account, BigInt(item)] }))
    return (await Promise.all(lefts)).every(([buy, sell]) => buy + sell === SIZE)
  })
  oracle.set(ETH.feedId, PEAK * 10n ** 8n)
  await poke(devnet, chainId, { address, abi: Venue.abi }, [item])
  await cross(reader, { seller, buyer }, { market, size: SIZE, price: whole(PEAK), nonce: 1n })
  // The oracle reports once a second.
  await sleep(1_500)
  oracle.set(ETH.feedId, START_PRICES[ETH.symbol] * 10n ** 8n)
  await sleep(1_500)
}

function pokeClearing(devnet: Devnet): Promise<void> {
  const { chainId, address } = devnet.deployment.clearing
  return poke(devnet, chainId, { address, abi: Clearing.abi }, [...FEEDS.keys()])
}

async function poke(
  { deployment, chains, oracle, council }: Devnet,
  chainId: number,
  { address, abi }: { address: Address; abi: Abi },
  numbers: readonly number[],
): Promise<void> {
  const chain = chains.find(({ plan }) => plan.chainId === chainId)
  assert.ok(chain)
  const feedIds = FEEDS.map(({ feedId }) => feedId)
  const { data: updates } = await fetchUpdate({ url: oracle.url }, feedIds, AbortSignal.timeout(5_000))
  const value = await updateFee(chain.reader, chainOf(deployment, chainId).pyth ?? zeroAddress, updates)
  const data = encodeFunctionData({ abi, functionName: 'poke', args: [numbers.map(BigInt), updates] })
  const { status } = await senderOf(chain.reader, chain.walletOf(council)).send({
    to: address,
    data,
    value,
    gas: 1_500_000n,
  })
  assert.equal(status, 'success')
}

function venueOf({ deployment, chains }: Devnet, market: number) {
  const found = deployment.clearing.markets[market]
  const chain = chains.find(({ plan }) => plan.chainId === found?.chainId)
  assert.ok(found && chain)
  return { ...found, reader: chain.reader }
}

function sizesOf(devnet: Devnet, market: number, actors: readonly Actor[]): Promise<bigint[]> {
  const { reader } = tradingChain(devnet)
  const { address } = devnet.deployment.clearing
  const read = { address, abi: Clearing.abi, functionName: 'positionOf' } as const
  return Promise.all(
    actors.map(
      async ({ account }) => (await reader.readContract({ ...read, args: [account, BigInt(market)] }))[0].size,
    ),
  )
}

async function widenedAt(devnet: Devnet) {
  const { reader } = tradingChain(devnet)
  const { address } = devnet.deployment.clearing
  const found = { address, abi: Clearing.abi, eventName: 'IndexWidened', fromBlock: 0n } as const
  return (await reader.getContractEvents({ ...found, strict: true })).map(({ args }) => args)
}

/** When the price that the venue was poked with was published. */
async function peakOf(devnet: Devnet, market: number): Promise<bigint | undefined> {
  const { reader, venue: address } = venueOf(devnet, market)
  const found = { address, abi: Venue.abi, eventName: 'IndexPriceUpdated', fromBlock: 0n } as const
  const updates = await reader.getContractEvents({ ...found, strict: true })
  assert.equal(updates.length, 1)
  return updates[0]?.args.publishTime
}

/** It is away at the first question, and has no history at the second. */
function forgetfulHermes(t: TestContext, devnet: Devnet) {
  return meddledHermes(t, devnet, {
    time: (asked, time) => (asked === 2 ? '1' : time),
    status: (asked, status) => (asked === 1 ? 503 : status),
  })
}
