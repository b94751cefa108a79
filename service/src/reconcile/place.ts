/** One chain at one block, and what can be asked of it there. */
import { type Cursor, checkpointAt, type Write } from '@omnimargin/chains/emitter'
import { AnswersDisagree, ChainError } from '@omnimargin/chains/errors'
import type { DecodedEvent } from '@omnimargin/chains/events'
import { inParts } from '@omnimargin/chains/logs'
import { isSame } from '@omnimargin/core/bytes'
import { ZERO_DIGEST } from '@omnimargin/core/record'
import { type Abi, type Address, BlockNotFoundError, type GetBlockReturnType, type PublicClient } from 'viem'
import { ConfigError } from '../config.ts'
import { type DeployedChain, type Deployment, emittersOf } from '../deployment.ts'

export type At = bigint | 'finalized' | 'latest'
/** At which block to read a chain. */
export type BlockOf = (chain: DeployedChain) => At

/** What was read of one chain's contracts up to a block that was final, by their addresses: to be gone on from. */
export type Memory = { readonly writes: Map<string, PastWrites>; readonly events: Map<string, PastEvents> }
type PastWrites = Cursor & { readonly writes: readonly Write[] }
type PastEvents = { readonly blockNumber: bigint; readonly events: readonly DecodedEvent[] }

/** `memory` takes in what is read at this block, and is there only where the block is final. */
export type Place = {
  readonly chain: DeployedChain
  readonly reader: PublicClient
  readonly block: GetBlockReturnType
  readonly memory?: Memory | undefined
}
export type Places = ReadonlyMap<number, Place>

/** The chain did not answer. Typed for whoever runs this by hand: it says what to put right. */
export class ChainSilent extends ChainError {
  constructor({ name, rpc }: DeployedChain, cause: unknown) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : `${cause}`
    const remedy = 'Start it, or put an endpoint that answers into its "rpc" list in the deployment file.'
    super(`Chain ${name} at ${rpc.join(', ')} could not be read: ${why} ${remedy}`, true, cause)
  }
}

/** The endpoint answers for another chain than the deployment means. */
export class WrongChain extends ChainError {
  constructor({ name, chainId, rpc }: DeployedChain, found: number) {
    super(`Chain ${name} is ${chainId}, but ${rpc.join(', ')} answers for ${found}: correct its "rpc" list.`, false)
  }
}

/** The block is not there, or older than the contracts that are to be read in it. */
export class BlockUnusable extends ChainError {
  constructor({ name }: DeployedChain, block: bigint | string, first: number) {
    const remedy = `Name one that is there, from ${first} on; or none, and wait until it is final.`
    super(`Block ${block} of chain ${name} cannot be read. ${remedy}`, true)
  }
}

/** How many balances and accounts are asked for at a time. */
const AT_A_TIME = 50

/**
 * The clearing's block first: what it has learned by then is in the later block of every vault and venue. What they in
 * turn have learned of it was final there for as long as it took to reach them.
 */
export async function placesOf(
  { chains, clearing }: Deployment,
  readers: ReadonlyMap<number, PublicClient>,
  blockOf: BlockOf,
  memory?: ReadonlyMap<number, Memory>,
): Promise<Places> {
  const read = async (chain: DeployedChain): Promise<[number, Place]> => {
    const reader = readers.get(chain.chainId)
    if (!reader) throw new Error(`No reader for chain ${chain.chainId}.`)
    return [chain.chainId, { ...(await placeAt(chain, reader, blockOf(chain))), memory: memory?.get(chain.chainId) }]
  }
  const first = await Promise.all(chains.filter(({ chainId }) => chainId === clearing.chainId).map(read))
  const others = await Promise.all(chains.filter(({ chainId }) => chainId !== clearing.chainId).map(read))
  return new Map([...first, ...others])
}

/** Throws ChainSilent, WrongChain or BlockUnusable. */
export async function placeAt(chain: DeployedChain, reader: PublicClient, at: At): Promise<Place> {
  const [found, block] = await asked(chain, () => Promise.all([reader.getChainId(), blockAt(reader, at)]))
  if (found !== chain.chainId) throw new WrongChain(chain, found)
  const first = Math.max(0, ...chain.emitters.map(({ fromBlock }) => fromBlock))
  if (!block || numberOf(block) < first) throw new BlockUnusable(chain, block ? numberOf(block) : at, first)
  return { chain, reader, block }
}

/** Nothing if there is no such block. */
async function blockAt(reader: PublicClient, at: At): Promise<GetBlockReturnType | undefined> {
  try {
    return await (typeof at === 'bigint' ? reader.getBlock({ blockNumber: at }) : reader.getBlock({ blockTag: at }))
  } catch (cause) {
    if (cause instanceof BlockNotFoundError) return undefined
    throw cause
  }
}

export function placeOf(places: Places, chainId: number): Place {
  const place = places.get(chainId)
  if (!place) throw new Error(`The deployment has no chain ${chainId}: add it to "chains".`)
  return place
}

/** An emitter's writes up to the block, whole: they add up to the digest that it holds there. */
export async function writesOf({ chain, reader, block, memory }: Place, address: Address): Promise<readonly Write[]> {
  const emitter = emittersOf(chain).find((candidate) => isSame(candidate.address, address))
  if (!emitter)
    throw new ConfigError(`The deployment has no emitter ${address} on chain ${chain.name}: add it to its "emitters".`)
  const start = { blockNumber: 0n, blockHash: ZERO_DIGEST, digest: ZERO_DIGEST, writes: [] }
  const before = upTo(block, memory?.writes.get(address)) ?? start
  if (before.blockNumber === numberOf(block)) return before.writes
  const next = await asked(chain, () => checkpointAt(reader, emitter, before, numberOf(block), block.hash ?? undefined))
  const writes = [...before.writes, ...next.writes]
  memory?.writes.set(address, { ...next, writes })
  return writes
}

/**
 * All of a contract's events up to the block, in order. Unlike writes they add up to nothing: an endpoint that left one out
 * is believed. Throws ChainSilent.
 */
export async function eventsOf(
  { chain, reader, block, memory }: Place,
  address: Address,
  abi: Abi,
): Promise<readonly DecodedEvent[]> {
  const emitter = chain.emitters.find((candidate) => isSame(candidate.address, address))
  const first = BigInt(emitter?.fromBlock ?? 0)
  const before = upTo(block, memory?.events.get(address)) ?? { blockNumber: first - 1n, events: [] }
  const range = { fromBlock: before.blockNumber + 1n, toBlock: numberOf(block) }
  const news = await asked(chain, () =>
    inParts(
      range,
      (part) => reader.getContractEvents({ address, abi, ...part, strict: true }) as Promise<DecodedEvent[]>,
    ),
  )
  const events = [...before.events, ...news]
  memory?.events.set(address, { blockNumber: numberOf(block), events })
  return events
}

/** Nothing where it is of a later block: another endpoint of the chain may be behind. */
function upTo<One extends { readonly blockNumber: bigint }>(block: GetBlockReturnType, one?: One): One | undefined {
  return one && one.blockNumber <= numberOf(block) ? one : undefined
}

/** Throws ChainSilent for whatever goes wrong but AnswersDisagree. */
export async function asked<Answer>(chain: DeployedChain, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (cause) {
    throw cause instanceof AnswersDisagree ? cause : new ChainSilent(chain, cause)
  }
}

/** Some at a time, the answers in the order of the items. */
export async function inTurns<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let i = 0; i < items.length; i += AT_A_TIME) {
    answers.push(...(await Promise.all(items.slice(i, i + AT_A_TIME).map(ask))))
  }
  return answers
}

export function numberOf({ number }: GetBlockReturnType): bigint {
  return number ?? 0n
}
