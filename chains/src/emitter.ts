/** Following one emitter from finalized checkpoint to finalized checkpoint, believing nothing twice. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Fields, isKind, type Key, keyHash, stepDigest } from '@omnimargin/core/record'
import { type Address, BlockNotFoundError, type GetLogsReturnType, type PublicClient } from 'viem'
import { Vault } from './abi.ts'
import { AnswersDisagree, FinalityBroken, RpcFailed } from './errors.ts'
import { inParts } from './logs.ts'

export type Emitter = {
  readonly chainId: number
  readonly address: Address
  /** Roots exist at every block that is a multiple of this. */
  readonly checkpointInterval: bigint
  readonly fromBlock: bigint
}

/** Where a reader stands: the last checkpoint it has taken in, and the emitter's digest there. */
export type Cursor = { readonly blockNumber: bigint; readonly blockHash: Hex; readonly digest: Hex }

/** A block that is final. */
export type Final = { readonly number: bigint; readonly hash: Hex }

/** One write of an emitter. */
export type Write = { readonly key: Key; readonly hash: Hex; readonly fields: Fields }

export type Checkpoint = {
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly timestamp: bigint
  readonly digest: Hex
  /** All writes since the cursor, in order. */
  readonly writes: readonly Write[]
}

type Log = GetLogsReturnType<typeof RECORDED, [typeof RECORDED], true>[number]

const RECORDED = Vault.abi.find((entry) => entry.type === 'event' && entry.name === 'Recorded') as Extract<
  (typeof Vault.abi)[number],
  { type: 'event'; name: 'Recorded' }
>

/** The newest finalized block. Throws RpcFailed. */
export async function newestFinal(client: PublicClient): Promise<Final> {
  return asked('the finalized block', () => client.getBlock({ blockTag: 'finalized' }))
}

/** The newest checkpoint there must be now, if it is beyond the cursor; its hash where that is known already. */
export function checkpointDue(
  { checkpointInterval, fromBlock }: Emitter,
  cursor: Cursor,
  { number, hash }: Final,
): { readonly blockNumber: bigint; readonly blockHash: Hex | undefined } | undefined {
  const blockNumber = number - (number % checkpointInterval)
  if (blockNumber <= cursor.blockNumber || blockNumber < fromBlock) return undefined
  return { blockNumber, blockHash: blockNumber === number ? hash : undefined }
}

/**
 * The checkpoint at one block beyond the cursor with all that was written since, whose hash must be `expected` where that
 * is known; whether it is final is not asked. Throws FinalityBroken if the cursor's own block is gone, AnswersDisagree if
 * the logs do not add up to the digest that the emitter holds at that block, RpcFailed if the endpoint fails.
 */
export async function checkpointAt(
  client: PublicClient,
  emitter: Emitter,
  cursor: Cursor,
  blockNumber: bigint,
  expected?: Hex,
): Promise<Checkpoint> {
  const [block, logs, held] = await Promise.all([
    blockAt(client, `checkpoint ${blockNumber}`, blockNumber),
    logsBetween(client, emitter, cursor, blockNumber),
    digestAt(client, emitter, blockNumber),
    requireCursorStands(client, emitter, cursor),
  ])
  // All were asked at once: that they are of one block is known once it is still there afterwards.
  const now = await blockAt(client, `checkpoint ${blockNumber} again`, blockNumber)
  const other = [expected, now.hash].find((hash) => hash !== undefined && hash !== block.hash)
  if (other) throw new AnswersDisagree(`Block ${blockNumber} was ${block.hash}, and at another time ${other}.`)
  const stray = logs.find((log) => log.blockNumber === blockNumber && log.blockHash !== block.hash)
  if (stray) throw new AnswersDisagree(`Block ${blockNumber} was ${block.hash}, its logs are of ${stray.blockHash}.`)
  const writes = logs.map((log) => writeOf(emitter, log))
  const digest = writes.reduce<Hex>((known, { hash, fields }) => stepDigest(known, hash, fields), cursor.digest)
  if (held !== digest) {
    const what = `The logs of ${emitter.address} add up to ${digest} at block ${blockNumber}, but it holds ${held}.`
    throw new AnswersDisagree(what)
  }
  return { blockNumber, blockHash: block.hash, timestamp: block.timestamp, digest, writes }
}

async function requireCursorStands(client: PublicClient, emitter: Emitter, cursor: Cursor): Promise<void> {
  if (cursor.blockNumber === 0n) return
  const block = await blockAt(client, `the cursor's block ${cursor.blockNumber}`, cursor.blockNumber)
  if (block.hash !== cursor.blockHash) {
    throw new FinalityBroken(emitter.chainId, cursor.blockNumber, cursor.blockHash, block.hash)
  }
}

async function logsBetween(client: PublicClient, emitter: Emitter, cursor: Cursor, toBlock: bigint): Promise<Log[]> {
  const fromBlock = cursor.blockNumber + 1n > emitter.fromBlock ? cursor.blockNumber + 1n : emitter.fromBlock
  return asked(`logs of ${emitter.address}`, () =>
    inParts({ fromBlock, toBlock }, (part) =>
      client.getLogs({ address: emitter.address, event: RECORDED, ...part, strict: true }),
    ),
  )
}

/** The emitter's own digest at a block authenticates the logs: one dropped, added or changed shows by it. */
async function digestAt(client: PublicClient, { address }: Emitter, blockNumber: bigint): Promise<Hex> {
  return asked(`the digest of ${address} at block ${blockNumber}`, () =>
    client.readContract({ address, abi: Vault.abi, functionName: 'digest', blockNumber }),
  )
}

function writeOf(emitter: Emitter, { args }: Log): Write {
  if (!isKind(args.kind)) throw new AnswersDisagree(`${emitter.address} wrote a record of unknown kind ${args.kind}.`)
  const key: Key = {
    kind: args.kind,
    writerChain: BigInt(emitter.chainId),
    writer: emitter.address,
    readerChain: args.readerChain,
    reader: args.reader,
    account: args.account,
    item: args.item,
    holder: args.holder,
  }
  return { key, hash: keyHash(key), fields: args.fields }
}

async function blockAt(client: PublicClient, what: string, blockNumber: bigint) {
  return asked(what, () => client.getBlock({ blockNumber }))
}

async function asked<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (cause) {
    if (cause instanceof BlockNotFoundError) throw new AnswersDisagree(`The endpoint has no ${what} any more.`)
    throw new RpcFailed(what, cause)
  }
}
