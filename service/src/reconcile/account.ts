/** One live account at one block of the clearing's chain: the ledger by its events, held against the clearing itself. */
import { Clearing } from '@omnimargin/chains/abi'
import { AnswersDisagree } from '@omnimargin/chains/errors'
import type { Hex } from '@omnimargin/core/bytes'
import { type Ledger, marginOf, type PortfolioFault } from '@omnimargin/core/ledger'
import type { Margin } from '@omnimargin/core/margin'
import type { PublicClient } from 'viem'
import { chainOf, type Deployment } from '../deployment.ts'
import { readKnown } from './home.ts'
import { type At, asked, numberOf, type Place, placeAt } from './place.ts'
import type { SeenBlock } from './sides.ts'

export type LiveAccount = {
  readonly block: SeenBlock
  readonly ledger: Ledger
  /** As the clearing tells it at that block; or why neither it nor core can. */
  readonly margin: Margin | PortfolioFault
}

/** Throws ChainSilent, WrongChain, BlockUnusable, or AnswersDisagree where the clearing says otherwise than its events. */
export async function readAccount(
  deployment: Deployment,
  readers: ReadonlyMap<number, PublicClient>,
  id: Hex,
  at: At,
): Promise<LiveAccount> {
  const chain = chainOf(deployment, deployment.clearing.chainId)
  const reader = readers.get(chain.chainId)
  if (!reader) throw new Error(`No reader for chain ${chain.chainId}.`)
  const { place, ledger, block } = await readLedger(deployment, reader, at)
  const rebuilt = marginOf(ledger, id, block.time)
  if (typeof rebuilt === 'string') return { block, ledger, margin: rebuilt }
  const margin = await readMargin(deployment, place, id)
  const differs = (Object.keys(rebuilt) as (keyof Margin)[]).find((field) => rebuilt[field] !== margin[field])
  if (differs === undefined) return { block, ledger, margin }
  throw new AnswersDisagree(
    `${differs} of account ${id} at block ${block.number} is ${margin[differs]} at the clearing, ${rebuilt[differs]} by its events.`,
  )
}

/** The clearing's accounts at one block, by its events alone. Throws ChainSilent, WrongChain or BlockUnusable. */
export async function readLedger(
  deployment: Deployment,
  reader: PublicClient,
  at: At,
): Promise<{ readonly place: Place; readonly ledger: Ledger; readonly block: SeenBlock }> {
  const chain = chainOf(deployment, deployment.clearing.chainId)
  const place = await placeAt(chain, reader, at)
  const { ledger } = await readKnown(deployment, place)
  const { name, chainId } = chain
  return { place, ledger, block: { name, chainId, number: numberOf(place.block), time: place.block.timestamp } }
}

function readMargin({ clearing }: Deployment, { chain, reader, block }: Place, id: Hex): Promise<Margin> {
  const read = { address: clearing.address, abi: Clearing.abi, blockNumber: numberOf(block) } as const
  return asked(chain, () => reader.readContract({ ...read, functionName: 'marginOf', args: [id] }))
}
