/** Two accounts on a running devnet with a position between them, for tests. */
import assert from 'node:assert/strict'
import { Clearing } from '@omnimargin/chains/abi'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import { type Actor, cross } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'

const MARKET = 0
const SIZE = whole(60n)
const PRICE = whole(2_000n)

/** On the clearing's own chain, so that everything counts at once: 20,000 and 60,000 USDC, and 60 ETH at the index. */
export async function trade(devnet: Devnet, [buyer, seller]: readonly Actor[]): Promise<void> {
  const { reader } = tradingChain(devnet)
  const { clearing, tokens } = devnet.deployment
  const token = tokens.find(({ chainId }) => chainId === clearing.chainId)
  assert.ok(buyer && seller && token)
  await until('prices', async () => {
    const read = { address: clearing.address, abi: Clearing.abi, functionName: 'indexPrice' } as const
    const [eth, usdc] = await Promise.all([0n, 2n].map((feed) => reader.readContract({ ...read, args: [feed] })))
    return eth?.price === PRICE && usdc?.price === whole(1n)
  })
  await Promise.all([buyer.openLine(token), seller.openLine(token)])
  await Promise.all([buyer.deposit(token, whole(20_000n, 6)), seller.deposit(token, whole(60_000n, 6))])
  await Promise.all([buyer.raiseLimits(MARKET, SIZE, 0n), seller.raiseLimits(MARKET, 0n, SIZE)])
  await cross(reader, { seller, buyer }, { market: MARKET, size: SIZE, price: PRICE, nonce: 1n })
  const position = { address: clearing.address, abi: Clearing.abi, functionName: 'positionOf' } as const
  await until('the fills to be pulled', async () => {
    const held = [buyer, seller].map(({ account }) =>
      reader.readContract({ ...position, args: [account, BigInt(MARKET)] }),
    )
    return (await Promise.all(held)).every(([{ size }]) => size !== 0n)
  })
}
