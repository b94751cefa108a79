import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Clearing } from '@omnimargin/chains/abi'
import { KIND } from '@omnimargin/core/record'
import { emittersOf } from '@omnimargin/service/deployment'
import { destinationsOf } from '@omnimargin/service/destination'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import { runKeeper } from '@omnimargin/service/keeper/run'
import { relay } from '@omnimargin/service/relayer/relay'
import type { LogEvent } from '@omnimargin/service/role'
import { openStore } from '@omnimargin/service/store'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { type Actor, cross, makeActor } from '../src/story/actor.ts'
import { whole } from '../src/terminal/amounts.ts'
import { underWayOf } from './underway.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const SIZE = whole(5n)

test('ROL-36 ROL-41 fills at a remote venue that the relayer keeps back are proven by the keeper; until then they are under way', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-remote-'))
  const stopping = new AbortController()
  const { signal } = stopping
  const events: LogEvent[] = []
  const devnet = await startDevnet({ log: (event) => events.push(event), roles: ['attestor', 'publisher'] })
  const running: Promise<void>[] = []
  const store = openStore(join(folder, 'relayer'))
  try {
    const { deployment, chains } = devnet
    const { clearing } = deployment
    const relayer = privateKeyToAccount(generatePrivateKey())
    await Promise.all(chains.map((chain) => chain.fund(relayer.address)))
    const partial = {
      deployment,
      store,
      signal,
      pollMs: 50,
      heartbeatSeconds: 30,
      patienceSeconds: 0,
      destinations: destinationsOf(deployment, relayer),
      kinds: [KIND.GRANT, KIND.LEDGER, KIND.LIMIT],
      note: () => undefined,
    }
    running.push(...deployment.chains.flatMap(emittersOf).map((emitter) => relay(partial, emitter)))

    const token = deployment.tokens.at(-1)
    const market = clearing.markets.findIndex(({ chainId }) => chainId !== clearing.chainId)
    const remote = clearing.markets[market]
    const venueChain = chains.find(({ plan }) => plan.chainId === remote?.chainId)
    assert.ok(token && remote && venueChain)
    const [long, short] = await Promise.all(['long', 'short'].map((name) => makeActor(name, chains, deployment)))
    assert.ok(long && short)
    for (const actor of [long, short]) {
      await actor.openLine(token)
      await actor.deposit(token, whole(50_000n, token.decimals))
    }
    await Promise.all([long.raiseLimits(market, SIZE, 0n), short.raiseLimits(market, 0n, SIZE)])
    // Once the limits have arrived there.
    await cross(
      venueChain.reader,
      { seller: short, buyer: long },
      { market, size: SIZE, price: whole(2_000n), nonce: 1n },
    )

    const sizesAtHome = () => sizesOf(devnet, market, [long, short])
    assert.deepEqual(await sizesAtHome(), [0n, 0n])
    assert.deepEqual(await underWayOf(devnet, market), [SIZE, SIZE])
    const { url: hermes } = devnet.oracle
    const keeper = { deployment, account: devnet.keeper, dataDir: join(folder, 'keeper'), hermes, pollMs: 50 }
    const log = (event: LogEvent) => events.push(event)
    running.push(runKeeper({ ...keeper, patienceSeconds: 2 }, { signal, log }))
    await until('both fills to be known', async () => (await sizesAtHome()).join() === `${SIZE},${-SIZE}`)
    await until('the keeper to say so', () =>
      events.some(({ role, event }) => role === 'keeper' && event === 'records_learned'),
    )
    assert.deepEqual(await underWayOf(devnet, market), [])
    const command = [main, 'reconcile', '--deployment', devnet.deploymentFile]
    const { stdout } = await promisify(execFile)(process.execPath, command)
    assert.match(stdout, /fast +│ 31002 │ \d+[\s\S]*Both sides add up\.\n$/)
    assert.doesNotMatch(stdout, /✗/)
  } finally {
    stopping.abort()
    await Promise.allSettled(running)
    await devnet.stop()
    store.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

function sizesOf({ chains, deployment: { clearing } }: Devnet, market: number, actors: Actor[]): Promise<bigint[]> {
  const trading = chains.find(({ plan }) => plan.chainId === clearing.chainId)
  assert.ok(trading)
  const read = { address: clearing.address, abi: Clearing.abi, functionName: 'positionOf' } as const
  return Promise.all(
    actors.map(async ({ account }) => {
      const [{ size }] = await trading.reader.readContract({ ...read, args: [account, BigInt(market)] })
      return size
    }),
  )
}
