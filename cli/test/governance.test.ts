import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clearing, Policy, TimelockController } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import { packParameters, unpackParameters } from '@omnimargin/core/parameters'
import { startDevnet } from '@omnimargin/service/devnet/devnet'
import { GOVERNANCE_DELAY_SECONDS, PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { senderOf } from '@omnimargin/service/sender'
import { type Address, encodeFunctionData, type Hex, zeroHash } from 'viem'
import { tradingChain } from '../src/story/witness.ts'

const ABI = [...TimelockController.abi, ...Policy.abi, ...Clearing.abi]
const DELAY = BigInt(GOVERNANCE_DELAY_SECONDS)

test('POL-14 through the shipped deployment’s timelock a loosening holds after its delay and not before, and no key goes round it', async () => {
  const devnet = await startDevnet({ log: () => undefined, roles: [] })
  try {
    const { clearing } = devnet.deployment
    const { policy, timelock, address } = clearing
    assert.ok(policy && timelock)
    const { reader, walletOf } = tradingChain(devnet)
    const ownerOf = (contract: Address) =>
      reader.readContract({ address: contract, abi: Policy.abi, functionName: 'owner' })
    assert.deepEqual(
      [await ownerOf(address), await ownerOf(policy)].map((owner) => owner.toLowerCase()),
      [policy, timelock],
    )

    const looser = {
      ...PARAMETERS,
      listings: PARAMETERS.listings.map((one) => ({
        ...one,
        initialHaircut: one.maintenanceHaircut,
        cap: 2n * one.cap,
      })),
    }
    const set = encodeFunctionData({ abi: ABI, functionName: 'setParameters', args: [packParameters(looser)] })
    const executed = encodeFunctionData({ abi: ABI, functionName: 'execute', args: [set] })
    const from = devnet.council.address
    const refused = (to: Address, data: Hex) => refusalOf(reader, { from, to, data }, ABI)
    assert.equal(await refused(address, set), 'OwnableUnauthorizedAccount')
    assert.equal(await refused(policy, executed), 'OwnableUnauthorizedAccount')

    const operation = [policy, 0n, executed, zeroHash, zeroHash] as const
    const scheduled = (delay: bigint) =>
      encodeFunctionData({ abi: ABI, functionName: 'schedule', args: [...operation, delay] })
    const execute = encodeFunctionData({ abi: ABI, functionName: 'execute', args: operation })
    assert.equal(await refused(timelock, scheduled(DELAY - 1n)), 'TimelockInsufficientDelay')
    const sender = senderOf(reader, walletOf(devnet.council))
    const done = async (data: Hex) => {
      const { status, blockNumber } = await sender.send({ to: timelock, data, gas: 5_000_000n })
      assert.equal(status, 'success')
      return (await reader.getBlock({ blockNumber })).timestamp
    }
    const readyAt = (await done(scheduled(DELAY))) + DELAY
    assert.equal(await refused(timelock, execute), 'TimelockUnexpectedOperationState')
    assert.deepEqual(await inForce(), PARAMETERS)
    await until('the delay to pass', async () => (await reader.getBlock()).timestamp >= readyAt)
    await done(execute)
    assert.deepEqual(await inForce(), looser)

    async function inForce() {
      const [, blob] = await reader.readContract({ address, abi: Clearing.abi, functionName: 'parameters' })
      return unpackParameters(blob)
    }
  } finally {
    await devnet.stop()
  }
})
