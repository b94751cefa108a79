/** What the storyteller sees for itself: the clearing’s own figures, and the same rebuilt from its events. */
import { Clearing } from '@omnimargin/chains/abi'
import { applyEvents, EMPTY_LEDGER, type Ledger, type LedgerEvent, portfolioOf } from '@omnimargin/core/ledger'
import { computeMargin, type Margin, type Portfolio } from '@omnimargin/core/margin'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import type { Actor } from './actor.ts'

export function tradingChain({ chains, deployment }: Devnet) {
  const chain = chains.find(({ plan }) => plan.chainId === deployment.clearing.chainId)
  if (!chain) throw new Error('The devnet has no trading chain.')
  return chain
}

export function clearingOf({ deployment }: Devnet) {
  return { address: deployment.clearing.address, abi: Clearing.abi } as const
}

/** The clearing's accounts, rebuilt from its events up to a block, or to now. */
export async function readLedger(devnet: Devnet, toBlock?: bigint): Promise<Ledger> {
  const { reader } = tradingChain(devnet)
  const range = { fromBlock: 0n, toBlock: toBlock ?? 'latest' } as const
  const events = await reader.getContractEvents({ ...clearingOf(devnet), ...range, strict: true })
  return applyEvents(EMPTY_LEDGER, events as unknown as LedgerEvent[])
}

export function marginOf(devnet: Devnet, { account }: Actor): Promise<Margin> {
  const { reader } = tradingChain(devnet)
  return reader.readContract({ ...clearingOf(devnet), functionName: 'marginOf', args: [account] })
}

/** One account at one block: the contract’s margin, and what core makes its own out of. */
export type Sighting = {
  readonly margin: Margin
  readonly portfolio: Portfolio
  readonly ledger: Ledger
  readonly timestamp: bigint
}

/** A block ago. Throws if the margin rebuilt from events differs from the contract’s in anything. */
export async function see(devnet: Devnet, { name, account }: Actor): Promise<Sighting> {
  const { reader } = tradingChain(devnet)
  // Not the newest block: while that is being replaced, a node may answer out of the one after it.
  const blockNumber = (await reader.getBlockNumber()) - 1n
  const { timestamp } = await reader.getBlock({ blockNumber })
  const [margin, ledger] = await Promise.all([
    reader.readContract({ ...clearingOf(devnet), functionName: 'marginOf', args: [account], blockNumber }),
    readLedger(devnet, blockNumber),
  ])
  const portfolio = portfolioOf(ledger, account, timestamp)
  if (typeof portfolio === 'string') throw new Error(`The margin of the ${name} cannot be rebuilt: ${portfolio}.`)
  const rebuilt = computeMargin(portfolio)
  const differs = (Object.keys(rebuilt) as (keyof Margin)[]).find((field) => rebuilt[field] !== margin[field])
  if (differs) {
    throw new Error(`${differs} of the ${name} is ${margin[differs]} at the clearing, ${rebuilt[differs]} rebuilt.`)
  }
  return { margin, portfolio, ledger, timestamp }
}

export async function indexPrice(devnet: Devnet): Promise<bigint> {
  const { reader } = tradingChain(devnet)
  const { price } = await reader.readContract({ ...clearingOf(devnet), functionName: 'indexPrice', args: [0n] })
  return price
}
