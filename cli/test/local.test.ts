import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Clearing } from '@omnimargin/chains/abi'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import { runKeeper } from '@omnimargin/service/keeper/run'
import { runRelayer } from '@omnimargin/service/relayer/run'
import type { LogEvent } from '@omnimargin/service/role'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { type Actor, cross, makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'
import { underWayOf } from './underway.ts'

const SIZE = whole(5n)

test('ROL-45 ROL-41 fills at a venue on the clearing’s chain are under way until the keeper, or a relayer, has them pulled', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-local-'))
  const stopping = new AbortController()
  const context = { signal: stopping.signal, log: (event: LogEvent) => void events.push(event) }
  const events: LogEvent[] = []
  const running: Promise<void>[] = []
  const devnet = await startDevnet({ log: context.log, roles: ['attestor', 'publisher'] })
  try {
    const { deployment, chains, oracle } = devnet
    const market = deployment.clearing.markets.findIndex(({ chainId }) => chainId === deployment.clearing.chainId)
    const token = deployment.tokens.at(-1)
    assert.ok(token)
    const [long, short] = await Promise.all(['long', 'short'].map((name) => makeActor(name, chains, deployment)))
    assert.ok(long && short)
    for (const actor of [long, short]) {
      await actor.openLine(token)
      await actor.deposit(token, whole(50_000n, token.decimals))
    }
    await trade(devnet, market, long, short, 1n)
    assert.deepEqual(await sizesOf(devnet, market, [long, short]), [0n, 0n])
    assert.deepEqual(await underWayOf(devnet, market), [SIZE, SIZE])

    const keeper = { deployment, account: devnet.keeper, hermes: oracle.url, pollMs: 50, patienceSeconds: 2 }
    running.push(runKeeper({ ...keeper, dataDir: join(folder, 'keeper') }, context))
    await until('both fills to be known', async () => {
      return (await sizesOf(devnet, market, [long, short])).join() === `${SIZE},${-SIZE}`
    })
    await until('the keeper to say so', () => events.some(({ role, event }) => isPull(role, event, 'keeper')))
    assert.deepEqual(await underWayOf(devnet, market), [])

    const account = privateKeyToAccount(generatePrivateKey())
    await Promise.all(chains.map((chain) => chain.fund(account.address)))
    const relayer = { deployment, account, pollMs: 50, heartbeatSeconds: 30, dataDir: join(folder, 'relayer') }
    running.push(runRelayer(relayer, context))
    await trade(devnet, market, short, long, 2n)
    await until('both to be flat', async () => (await sizesOf(devnet, market, [long, short])).join() === '0,0')
    await until('the relayer to say so', () => events.some(({ role, event }) => isPull(role, event, 'relayer')))
  } finally {
    stopping.abort()
    await Promise.allSettled(running)
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

function isPull(role: string, event: string, who: string): boolean {
  return role === who && event === 'records_pulled'
}

async function trade(devnet: Devnet, market: number, buyer: Actor, seller: Actor, nonce: bigint): Promise<void> {
  const { reader } = tradingChain(devnet)
  const read = { address: devnet.deployment.clearing.address, abi: Clearing.abi, functionName: 'indexPrice' } as const
  await until('a price', async () => (await reader.readContract({ ...read, args: [0n] })).price > 0n)
  await Promise.all([buyer.raiseLimits(market, SIZE, 0n), seller.raiseLimits(market, 0n, SIZE)])
  await cross(reader, { seller, buyer }, { market, size: SIZE, price: whole(2_000n), nonce })
}

function sizesOf(devnet: Devnet, market: number, actors: Actor[]): Promise<bigint[]> {
  const read = { address: devnet.deployment.clearing.address, abi: Clearing.abi, functionName: 'positionOf' } as const
  return Promise.all(
    actors.map(async ({ account }) => {
      const [{ size }] = await tradingChain(devnet).reader.readContract({ ...read, args: [account, BigInt(market)] })
      return size
    }),
  )
}
