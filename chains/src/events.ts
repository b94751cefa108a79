/** Following a contract's events up to the newest block, for decisions that a reorg may waste but not falsify. */
import type { Abi, Address, Hex, PublicClient } from 'viem'
import { AnswersDisagree, RpcFailed } from './errors.ts'
import { inParts } from './logs.ts'

export type EventCursor = { readonly blockNumber: bigint; readonly blockHash: Hex | undefined }

export type DecodedEvent = { readonly eventName: string; readonly args: unknown }

export type EventBatch = {
  readonly cursor: EventCursor
  readonly events: readonly DecodedEvent[]
  /** The newest block's time, in seconds. */
  readonly now: bigint
}

/**
 * The contract's events after the cursor, up to the newest block; 'reorganized' if the cursor's block is no longer there,
 * and everything is to be read again from the start. Throws RpcFailed or AnswersDisagree, both worth another try.
 */
export async function eventsSince(
  client: PublicClient,
  contract: { readonly address: Address; readonly abi: Abi },
  cursor: EventCursor,
): Promise<EventBatch | 'reorganized' | undefined> {
  try {
    const head = await client.getBlock()
    if (head.hash === cursor.blockHash) return undefined
    if (cursor.blockHash && (await hashAt(client, cursor.blockNumber)) !== cursor.blockHash) return 'reorganized'
    const range = { fromBlock: cursor.blockNumber + 1n, toBlock: head.number }
    const events = await inParts(range, (part) => client.getContractEvents({ ...contract, ...part, strict: true }))
    if ((await hashAt(client, head.number)) !== head.hash) {
      throw new AnswersDisagree(`Block ${head.number} changed while its events were read.`)
    }
    return { cursor: { blockNumber: head.number, blockHash: head.hash }, events, now: head.timestamp }
  } catch (cause) {
    if (cause instanceof AnswersDisagree) throw cause
    throw new RpcFailed(`events of ${contract.address}`, cause)
  }
}

/** The first block from `from` on that is no older than a time (seconds); the one to come if none is. Throws RpcFailed. */
export async function firstBlockSince(client: PublicClient, time: bigint, from: bigint): Promise<bigint> {
  try {
    let [first, end] = [from, (await client.getBlockNumber()) + 1n]
    while (first < end) {
      const middle = (first + end) / 2n
      const { timestamp } = await client.getBlock({ blockNumber: middle })
      if (timestamp < time) first = middle + 1n
      else end = middle
    }
    return first
  } catch (cause) {
    throw new RpcFailed(`the first block since ${time}`, cause)
  }
}

async function hashAt(client: PublicClient, blockNumber: bigint): Promise<Hex | undefined> {
  const block = await client.getBlock({ blockNumber }).catch(() => undefined)
  return block?.hash
}
