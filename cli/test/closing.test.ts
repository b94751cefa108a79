import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Clearing } from '@omnimargin/chains/abi'
import { NO_OUTAGES, type Parameters } from '@omnimargin/core/parameters'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { runKeeper } from '@omnimargin/service/keeper/run'
import type { LogEvent } from '@omnimargin/service/role'
import { makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'
import { meddledHermes } from './oracles.ts'

const CLOSE_GRACE = 2
const LIMIT_MS = 120_000
/** Far venues are closed after half a minute of silence, and forgotten seconds later. So short a silence is longer than no outage. */
const IMPATIENT: Parameters = {
  ...PARAMETERS,
  venues: PARAMETERS.venues.map((venue) => ({ ...venue, calmAge: 4, warnAge: 6, tripAge: 30, deadAge: 30 })),
  closeGrace: CLOSE_GRACE,
  outageAfter: NO_OUTAGES,
}

test('ROL-43 ROL-44 a venue that falls silent is closed, priced by the first report after its grace, and settled; a later report is refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-closing-'))
  const stopping = new AbortController()
  const { signal } = stopping
  const events: LogEvent[] = []
  const log = (event: LogEvent) => void events.push(event)
  const devnet = await startDevnet({ log, roles: ['attestor', 'relayer', 'publisher'], parameters: IMPATIENT })
  let running: Promise<void> | undefined
  try {
    const { deployment, chains, keeper: account } = devnet
    const { clearing } = deployment
    const market = clearing.markets.findIndex(({ chainId }) => chainId !== clearing.chainId)
    const far = chains.find(({ plan }) => plan.chainId === clearing.markets[market]?.chainId)
    const token = deployment.tokens.at(-1)
    assert.ok(far && token)
    const trader = await makeActor('trader', chains, deployment)
    await trader.openLine(token)
    await trader.deposit(token, whole(10_000n, token.decimals))
    const { reader } = tradingChain(devnet)
    const read = { address: clearing.address, abi: Clearing.abi } as const
    await until('the venue to be heard of', async () => {
      const heard = await reader.getContractEvents({ ...read, eventName: 'VenueHeard', fromBlock: 0n })
      const { price } = await reader.readContract({ ...read, functionName: 'indexPrice', args: [0n] })
      return heard.length > 0 && price > 0n
    })
    await trader.raiseLimits(market, whole(1n), 0n)
    far.halt(true)

    const { url: hermes } = await lateHermes(t, devnet)
    const config = { deployment, account, dataDir: join(folder, 'keeper'), hermes, pollMs: 50, patienceSeconds: 2 }
    running = runKeeper(config, { signal, log })
    const settled = await until(
      'the settlement',
      async () => {
        const found = await reader.getContractEvents({ ...read, eventName: 'PositionSettled', fromBlock: 0n })
        return found.find(({ args }) => args.account === trader.account)
      },
      LIMIT_MS,
    )
    assert.equal(Number(settled.args.market), market)
    const [closed] = await reader.getContractEvents({ ...read, eventName: 'VenueClosed', fromBlock: 0n })
    const [fixed] = await reader.getContractEvents({ ...read, eventName: 'ClosePriceFixed', fromBlock: 0n })
    assert.equal(fixed?.args.publishTime, (closed?.args.closedAt ?? 0n) + BigInt(CLOSE_GRACE), 'the first, no other')
    assert.equal(fixed?.args.price, whole(2_000n))
    const [, left] = await reader.readContract({
      ...read,
      functionName: 'positionOf',
      args: [trader.account, BigInt(market)],
    })
    assert.equal(left.buy, 0n, 'nothing is charged any more')
    const why = events.flatMap(({ event, why }) => (event === 'not_priced' ? [`${why}`] : []))
    assert.match(why[0] ?? '', /answered 404/, 'a history that is gone')
    assert.match(why[1] ?? '', /reverted/, 'Pyth tells the first report from a later one')
    assert.equal(why.length, 2)
    // A role waits for what it has sent there.
    far.halt(false)
  } finally {
    stopping.abort()
    await running
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Of the past it first knows nothing, and then a report too late. */
function lateHermes(t: TestContext, devnet: Devnet) {
  return meddledHermes(t, devnet, {
    time: (asked, time) => `${asked === 1 ? 1 : Number(time) + (asked === 2 ? 1 : 0)}`,
  })
}
