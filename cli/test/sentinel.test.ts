import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clearing } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { EMPTY, rootOf, setClaim, siblingsOf } from '@omnimargin/core/claims'
import { type Fields, KIND, keyHash, leafOf } from '@omnimargin/core/record'
import { destinationsOf } from '@omnimargin/service/destination'
import { ATTESTORS, type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import { carryTo } from '@omnimargin/service/relayer/carry'
import type { LogEvent } from '@omnimargin/service/role'
import { typedStatement } from '@omnimargin/service/statement'
import { type Address, encodeFunctionData, padHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { makeActor } from '../src/story/actor.ts'

const MILLION = 1_000_000n * 10n ** 18n

test('ROL-63 a grant that a captured committee forges counts for nothing new once a sentinel has added up both sides', async () => {
  const attestorKeys = Array.from({ length: ATTESTORS }, generatePrivateKey)
  const events: LogEvent[] = []
  const devnet = await startDevnet({
    log: (event) => events.push(event),
    roles: ['publisher', 'sentinel'],
    attestorKeys,
  })
  try {
    const { deployment, chains } = devnet
    const token = deployment.tokens.find(({ symbol }) => symbol === 'WETH')
    assert.ok(token)
    const thief = await makeActor('thief', chains, deployment)
    await thief.openLine(token)
    await forgeGrant(devnet, attestorKeys, thief.address)
    const { reader } = destinationsOf(deployment, devnet.council).get(deployment.clearing.chainId) ?? {}
    assert.ok(reader)
    const margin = () =>
      reader.readContract({
        address: deployment.clearing.address,
        abi: Clearing.abi,
        functionName: 'marginOf',
        args: [thief.account],
      })
    assert.ok((await margin()).initialMarginBalance > 0n, 'the clearing believed its committee')
    await until('the sentinel to freeze the route', async () => events.some(({ event }) => event === 'frozen'))
    assert.equal((await margin()).initialMarginBalance, 0n)
    const refusal = (functionName: 'raiseLimits' | 'release', args: readonly unknown[]) => {
      const data = encodeFunctionData({ abi: Clearing.abi, functionName, args } as never)
      return refusalOf(reader, { from: thief.address, to: deployment.clearing.address, data }, Clearing.abi)
    }
    assert.equal(await refusal('raiseLimits', [thief.account, 0n, 10n ** 18n, 0n]), 'BelowInitialMargin')
    assert.equal(await refusal('release', [thief.account, 0n, 1n]), 'VaultFrozen')
  } finally {
    await devnet.stop()
  }
})

/** What three dishonest attestors can do: a root of the slow vault that it never had, accepted and learned from. */
async function forgeGrant(
  { deployment, chains, council }: Devnet,
  keys: readonly Hex[],
  holder: Address,
): Promise<void> {
  const { clearing, committee, tokens } = deployment
  const token = tokens.find(({ symbol }) => symbol === 'WETH')
  const home = destinationsOf(deployment, council).get(clearing.chainId)
  const slow = chains.find(({ plan }) => plan.chainId === token?.chainId)
  assert.ok(token && home && slow)
  const { number, timestamp, hash: blockHash } = await slow.reader.getBlock()
  const ends = {
    writerChain: BigInt(token.chainId),
    writer: token.vault,
    readerChain: BigInt(clearing.chainId),
    reader: clearing.address,
  }
  const item = padHex(token.address, { size: 32 })
  const key = { kind: KIND.GRANT, ...ends, account: accountOf(holder), item, holder }
  const fields: Fields = [MILLION, 0n, 0n, 0n, 0n, 0n]
  const hash = keyHash(key)
  const claims = setClaim(EMPTY, hash, leafOf(hash, fields))
  const statement = {
    epoch: BigInt(committee.epoch),
    chainId: BigInt(token.chainId),
    emitter: token.vault,
    blockNumber: number,
    timestamp,
    blockHash,
    root: rootOf(claims),
  }
  const liars = keys
    .map((key) => privateKeyToAccount(key))
    .sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1))
    .slice(0, committee.threshold)
  const signatures = await Promise.all(liars.map((liar) => liar.signTypedData(typedStatement(statement))))
  const write = { key, hash, fields }
  const load = { quorum: { statement, signatures }, claims: [{ write, siblings: siblingsOf(claims, hash) }], hears: [] }
  const { accepted, settled } = await carryTo(home, committee.signers, load as never, () => undefined)
  assert.deepEqual([accepted, settled.length], [true, 1])
}
