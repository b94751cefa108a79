/** One batched transaction: the root, and every record that the destination does not know yet. */
import { Batch, CommitteeRoots, RecordBook } from '@omnimargin/chains/abi'
import type { Write } from '@omnimargin/chains/emitter'
import {
  concat,
  decodeErrorResult,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  type PublicClient,
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
  // What each call answered is only told by a call; the transaction's own receipt tells whether it was mined.
  const outcome = await reader.call({ to: chain.batch, data, gas }).catch(() => undefined)
  const receipt = await sender.send({ to: chain.batch, data, gas }, sent)
  if (receipt.status !== 'success') return { settled: [], accepted: false }
  return { settled: settledOf(claims, outcome?.data), accepted: true }
}

function learnCall({ write, siblings }: Claim, { statement }: Quorum, position: bigint): Hex {
  const { kind, writerChain, writer, account, item, holder } = write.key
  const record = { kind, writerChain, writer, account, item, holder, fields: write.fields }
  const { blockNumber, timestamp, root } = statement
  const proof = encodeAbiParameters(PROOF, [Number(position), blockNumber, timestamp, root, siblings])
  return encodeFunctionData({ abi: RecordBook.abi, functionName: 'learn', args: [[record], [proof]] })
}

function settledOf(claims: readonly Claim[], answer: Hex | undefined): Write[] {
  if (!answer) return []
  const results = decodeFunctionResult({ abi: Batch.abi, functionName: 'aggregate3', data: answer })
  return claims.flatMap(({ write }, i) => {
    const result = results[i + 1]
    return result && (result.success || FINAL_REFUSALS.includes(refusalOf(result.returnData))) ? [write] : []
  })
}

function refusalOf(data: Hex): string {
  try {
    return decodeErrorResult({ abi: RecordBook.abi, data }).errorName
  } catch {
    return 'unknown'
  }
}
