/** One batched transaction: the root, every record that the destination does not know yet, and who is to hear of it. */
import { Batch, Clearing, CommitteeRoots, RecordBook } from '@omnimargin/chains/abi'
import type { Write } from '@omnimargin/chains/emitter'
import { type Refusal, refusalOf, rehearse } from '@omnimargin/chains/rehearse'
import { KIND } from '@omnimargin/core/record'
import {
  type Address,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
  zeroHash,
} from 'viem'
import type { Destination } from '../destination.ts'
import type { Claim, Heard, Quorum } from './step.ts'

const RING = 32n
const ROOT_GAS = 300_000n
const RECORD_GAS = 250_000n
const HEAR_GAS = 150_000n
/** For a root, a record, and one who hears. */
export const CARRY_GAS = ROOT_GAS + RECORD_GAS + HEAR_GAS
const PROOF = ['uint8', 'uint64', 'uint64', 'bytes32', 'bytes32[]'].map((type) => ({ type }))
/** Refusals that no later attempt can change: the reader does not know this writer, or has given it up. */
export const FINAL_REFUSALS = ['UnknownPeer', 'PeerEnded', 'UnusedField', 'PeerIsLocal']

export type Load = { readonly quorum: Quorum; readonly claims: readonly Claim[]; readonly hears: readonly Address[] }

export type Refused = { readonly write: Write; readonly refusal: Refusal }

export type Outcome = {
  /** Learned, known already, or refused for good. The others are worth another try. */
  readonly settled: readonly Write[]
  readonly refused: readonly Refused[]
  readonly accepted: boolean
}

/**
 * Sends the batch, and tries what was not taken once more as calls. It is not accepted where the destination has a newer root, or
 * the transaction reverted. Throws RpcFailed, or what viem throws where the roots cannot be read.
 */
export async function carryTo(
  destination: Destination,
  signers: readonly Hex[],
  { quorum, claims, hears }: Load,
  sent: (hash: Hex) => void,
): Promise<Outcome> {
  const { chain, reader, sender } = destination
  const { statement } = quorum
  const place = [statement.chainId, statement.emitter] as const
  const contract = { address: chain.roots, abi: CommitteeRoots.abi } as const
  const [next, [newest]] = await Promise.all([
    reader.readContract({ ...contract, functionName: 'nextPosition', args: place }),
    reader.readContract({ ...contract, functionName: 'newest', args: place }),
  ])
  if (newest > statement.blockNumber) return { settled: [], refused: [], accepted: false }
  const isThere = newest === statement.blockNumber
  const hearing = await hearCalls(destination, quorum, hears, isThere)
  if (isThere && claims.length + hearing.length === 0) return { settled: [], refused: [], accepted: true }
  const position = isThere ? (next + RING - 1n) % RING : next
  const root = encodeFunctionData({
    abi: CommitteeRoots.abi,
    functionName: 'submit',
    args: [statement, signers, concat([...quorum.signatures])],
  })
  const calls = [
    { target: chain.roots, allowFailure: false, callData: root },
    ...claims.map((claim) => ({
      target: claim.write.key.reader,
      allowFailure: true,
      callData: learnCall(claim, quorum, position),
    })),
    ...hearing,
  ]
  const data = encodeFunctionData({ abi: Batch.abi, functionName: 'aggregate3', args: [calls] })
  const gas = ROOT_GAS + RECORD_GAS * BigInt(claims.length) + HEAR_GAS * BigInt(hearing.length)
  const receipt = await sender.send({ to: chain.batch, data, gas }, sent)
  if (receipt.status !== 'success') return { settled: [], refused: [], accepted: false }
  const learned = learnedIn(receipt, claims)
  const others = claims.filter(({ write }) => !learned.includes(write))
  const { known, refused } = await tryAgain(destination, others, quorum, position)
  const final = refused.filter(({ refusal }) => FINAL_REFUSALS.includes(refusal.name)).map(({ write }) => write)
  return { settled: [...learned, ...known, ...final], refused, accepted: true }
}

/** Tried as calls first. That nothing new is heard is no refusal while the root that is new comes in the same batch. */
async function hearCalls(
  { chain, reader }: Destination,
  { statement }: Quorum,
  hears: readonly Address[],
  isThere: boolean,
) {
  const args = [statement.chainId, statement.emitter] as const
  const callData = encodeFunctionData({ abi: RecordBook.abi, functionName: 'hear', args })
  const calls = hears.map(async (target) => {
    const refusal = await refusalOf(reader, { from: chain.batch, to: target, data: callData }, RecordBook.abi)
    const isWelcome = refusal === undefined || (refusal === 'NothingNewHeard' && !isThere)
    return isWelcome ? [{ target, allowFailure: true, callData }] : []
  })
  return (await Promise.all(calls)).flat()
}

/** What the hearers have written down of an emitter by now, whoever made them; those that do not answer are left out. */
export async function heardBy(
  { chain, reader }: Destination,
  emitter: { readonly chainId: number; readonly address: Address },
  hearers: readonly Address[],
): Promise<Heard[]> {
  const answers = hearers.map(async (address): Promise<Heard[]> => {
    const nobody = { account: zeroHash, item: zeroHash, holder: zeroAddress }
    const writer = { writerChain: BigInt(chain.chainId), writer: address }
    const key = {
      kind: KIND.HEARD,
      ...writer,
      readerChain: BigInt(emitter.chainId),
      reader: emitter.address,
      ...nobody,
    }
    const written = reader.readContract({ address, abi: RecordBook.abi, functionName: 'writtenOf', args: [key] })
    return written.then(
      ([timestamp]) => [{ address, timestamp }],
      () => [],
    )
  })
  return (await Promise.all(answers)).flat()
}

/** The writes that the transaction's own log says were taken. */
function learnedIn({ logs }: TransactionReceipt, claims: readonly Claim[]): Write[] {
  const taken = parseEventLogs({ abi: RecordBook.abi, logs, eventName: 'RecordLearned' }).map(({ address, args }) =>
    [address, args.kind, args.account, args.item, args.holder].join().toLowerCase(),
  )
  const places = new Set(taken)
  return claims.flatMap(({ write }) => {
    const { reader, kind, account, item, holder } = write.key
    return places.has([reader, kind, account, item, holder].join().toLowerCase()) ? [write] : []
  })
}

/** Of writes that were not taken: those the reader knows something newer of, and those it refuses. No answer is neither. */
async function tryAgain(
  { chain, reader }: Destination,
  claims: readonly Claim[],
  quorum: Quorum,
  position: bigint,
): Promise<{ known: Write[]; refused: Refused[] }> {
  const answers = claims.map(async (claim) => {
    const { write } = claim
    const call = { from: chain.batch, to: write.key.reader, data: learnCall(claim, quorum, position) }
    // The clearing's ABI has the errors of its libraries, and all that a vault or venue refuses a record with.
    return rehearse(reader, call, Clearing.abi).then(
      (refusal) => [{ write, refusal }],
      () => [],
    )
  })
  const answered = (await Promise.all(answers)).flat()
  return {
    known: answered.flatMap(({ write, refusal }) => (refusal ? [] : [write])),
    refused: answered.flatMap(({ write, refusal }) => (refusal ? [{ write, refusal }] : [])),
  }
}

function learnCall({ write, siblings }: Claim, { statement }: Quorum, position: bigint): Hex {
  const { kind, writerChain, writer, account, item, holder } = write.key
  const record = { kind, writerChain, writer, account, item, holder, fields: write.fields }
  const { blockNumber, timestamp, root } = statement
  const proof = encodeAbiParameters(PROOF, [Number(position), blockNumber, timestamp, root, siblings])
  return encodeFunctionData({ abi: RecordBook.abi, functionName: 'learn', args: [[record], [proof]] })
}
