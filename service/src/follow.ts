/** A contract's events from the first on, a batch of blocks at a time. */
import { type EventBatch, type EventCursor, eventsSince } from '@omnimargin/chains/events'
import { type Abi, type Address, isAddressEqual, type PublicClient } from 'viem'
import type { DeployedChain } from './deployment.ts'

export type Followed = {
  /** What came after the batch accepted last; 'reorganized' if that is gone, and all is read again. Throws what `eventsSince` does. */
  readonly next: () => Promise<EventBatch | 'reorganized' | undefined>
  readonly accept: (batch: EventBatch) => void
}

/**
 * From the block that the deployment names for the contract, else from the first. `reorganized` hears from which block on all is
 * read again.
 */
export function follow(
  { chain, reader }: { readonly chain: DeployedChain; readonly reader: PublicClient },
  contract: { readonly address: Address; readonly abi: Abi },
  reorganized: (from: bigint) => void = () => undefined,
): Followed {
  const { fromBlock = 0 } = chain.emitters.find(({ address }) => isAddressEqual(address, contract.address)) ?? {}
  const start: EventCursor = { blockNumber: BigInt(fromBlock) - 1n, blockHash: undefined }
  let cursor = start
  return {
    next: async () => {
      const batch = await eventsSince(reader, contract, cursor)
      if (batch === 'reorganized') {
        reorganized(cursor.blockNumber)
        cursor = start
      }
      return batch
    },
    accept: (batch) => {
      cursor = batch.cursor
    },
  }
}
