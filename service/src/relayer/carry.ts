/** One batched transaction: the root, and every record that the destination does not know yet. */
import { Batch, CommitteeRoots, RecordBook } from '@omnimargin/chains/abi'
import type { Write } from '@omnimargin/chains/emitter'
import {
  BaseError,
  concat,
  decodeErrorResult,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  parseEventLogs,
  RawContractError,
  type TransactionReceipt,
} from 'viem'
import type { DeployedChain } from '../deployment.ts'
import type { Sender } from '../sender.ts'
import type { Claim, Quorum } from './step.ts'

export type Destination = { readonly chain: DeployedChain; readonly reader: PublicClient; readonly sender: Sender }

const RING = 32n
const ROOT_GAS = 300_000n
const RECORD_GAS = 250_000n
const PROOF = ['uint8', 'uint64', 'uint64', 'bytes32', 'bytes32[]'].map((type) => ({ type }))
/** Refusals that no later attempt can change: the reader does not know this writer, or has given it up. */
const FINAL_REFUSALS = ['UnknownPeer', 'PeerEnded', 'UnusedField', 'PeerIsLocal']

/** The writes that are settled: learned, known already, or refused for good. The others are worth another try. */
export async function carryTo(
  { chain, reader, sender }: Destination,
  signers: readonly Hex[],
  quorum: Quorum,
  claims: readonly Claim[],
  sent: (hash: Hex) => void,
): Promise<{ settled: Write[]; accepted: boolean }> {
  const { statement } = quorum
  const place = [statement.chainId, statement.emitter] as const
  const contract = { address: chain.roots, abi: CommitteeRoots.abi } as const
  const [next, [newest]] = await Promise.all([
    reader.readContract({ ...contract, functionName: 'nextPosition', args: place }),
    reader.readContract({ ...contract, functionName: 'newest', args: place }),
  ])
  if (newest > statement.blockNumber) return { settled: [], accepted: false }
  const isThere = newest === statement.blockNumber
  if (isThere && claims.length === 0) return { settled: [], accepted: true }
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
  ]
  const data = encodeFunctionData({ abi: Batch.abi, functionName: 'aggregate3', args: [calls] })
  const gas = ROOT_GAS + RECORD_GAS * BigInt(claims.length)
  const receipt = await sender.send({ to: chain.batch, data, gas }, sent)
  if (receipt.status !== 'success') return { settled: [], accepted: false }
  const learned = learnedIn(receipt, claims)
  const others = claims.filter(({ write }) => !learned.includes(write))
  const refused = others.length > 0 ? await refusedOf(reader, others, quorum, position) : []
  return { settled: [...learned, ...refused], accepted: true }
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

/** Of writes that were not taken: those the reader knows something newer of, and those it refuses for good. */
async function refusedOf(
  reader: PublicClient,
  claims: readonly Claim[],
  quorum: Quorum,
  position: bigint,
): Promise<Write[]> {
  const answers = claims.map(async (claim) => {
    const call = { to: claim.write.key.reader, data: learnCall(claim, quorum, position) }
    const refusal = await reader.call(call).then(() => undefined, refusalData)
    if (refusal === undefined) return [claim.write]
    return FINAL_REFUSALS.includes(refusalOf(refusal)) ? [claim.write] : []
  })
  return (await Promise.all(answers)).flat()
}

function learnCall({ write, siblings }: Claim, { statement }: Quorum, position: bigint): Hex {
  const { kind, writerChain, writer, account, item, holder } = write.key
  const record = { kind, writerChain, writer, account, item, holder, fields: write.fields }
  const { blockNumber, timestamp, root } = statement
  const proof = encodeAbiParameters(PROOF, [Number(position), blockNumber, timestamp, root, siblings])
  return encodeFunctionData({ abi: RecordBook.abi, functionName: 'learn', args: [[record], [proof]] })
}

/** The revert data that a failed call carries; none if it failed otherwise. */
function refusalData(cause: unknown): Hex {
  const carrier = cause instanceof BaseError ? cause.walk((inner) => inner instanceof RawContractError) : undefined
  const data = carrier instanceof RawContractError ? carrier.data : undefined
  return (typeof data === 'object' ? data.data : data) ?? '0x'
}

function refusalOf(data: Hex): string {
  try {
    return decodeErrorResult({ abi: RecordBook.abi, data }).errorName
  } catch {
    return 'unknown'
  }
}
