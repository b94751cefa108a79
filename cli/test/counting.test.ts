import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clearing } from '@omnimargin/chains/abi'
import type { Parameters } from '@omnimargin/core/parameters'
import { startDevnet } from '@omnimargin/service/devnet/devnet'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import type { LogEvent } from '@omnimargin/service/role'
import { makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'

/** USDC on fast. */
const LISTING = 1
const BURST = whole(1_000n, 6)
const REFILL_SECONDS = 20
const DEPOSIT = whole(1_500n, 6)
const SLOW_INFLOW: Parameters = {
  ...PARAMETERS,
  listings: PARAMETERS.listings.map((listing, i) =>
    i === LISTING ? { ...listing, burst: BURST, refillTime: REFILL_SECONDS } : listing,
  ),
}

test('ROL-48 the keeper has all of a deposit counted as the burst fills up again, a tenth of it at a time or the rest', async () => {
  const events: LogEvent[] = []
  const log = (event: LogEvent) => void events.push(event)
  const devnet = await startDevnet({ log, roles: ['attestor', 'relayer', 'keeper'], parameters: SLOW_INFLOW })
  try {
    const { deployment, chains } = devnet
    const token = deployment.tokens[LISTING]
    assert.ok(token)
    const holder = await makeActor('holder', chains, deployment)
    await holder.openLine(token)
    await holder.deposit(token, DEPOSIT)
    const { reader } = tradingChain(devnet)
    const read = { address: deployment.clearing.address, abi: Clearing.abi } as const
    await until('all of it to count', async () => {
      const [{ units, counted }] = await reader.readContract({
        ...read,
        functionName: 'lineOf',
        args: [holder.account, 0n],
      })
      return units === DEPOSIT && counted === units
    })

    const changes = await reader.getContractEvents({
      ...read,
      eventName: 'LineChanged',
      args: { account: holder.account },
      fromBlock: 0n,
      strict: true,
    })
    const counted = changes.map(({ args }) => args.counted)
    const steps = counted.map((now, i) => now - (counted[i - 1] ?? 0n)).filter((step) => step > 0n)
    assert.ok(steps.length > 1)
    assert.ok(
      steps.slice(0, -1).every((step) => step >= BURST / 10n),
      `${steps}`,
    )
    // The first may have counted by being learned; and the keeper says what it did once it has seen it in a block.
    const asked = () => events.filter(({ role, event }) => role === 'keeper' && event === 'counted')
    await until('the keeper to say that it asked', async () => asked().length >= steps.length - 1)
    assert.deepEqual(
      events.filter(({ event }) => event === 'not_counted'),
      [],
    )
  } finally {
    await devnet.stop()
  }
})
