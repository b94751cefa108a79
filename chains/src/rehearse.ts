/** Trying a transaction as a call before it is sent, so that what would be refused costs nothing. */
import {
  type Abi,
  type Address,
  BaseError,
  decodeErrorResult,
  ExecutionRevertedError,
  type Hex,
  type PublicClient,
} from 'viem'
import { RpcFailed } from './errors.ts'

export type Rehearsal = {
  readonly from: Address
  readonly to: Address
  readonly data: Hex
  readonly value?: bigint
  /** As much as will be sent; without it, as much as the node gives. */
  readonly gas?: bigint
  /** On the state after this block; without it, the newest. */
  readonly blockNumber?: bigint
}

/** The error a contract refuses with; for one that the ABI does not have, its name says what it reverted with. */
export type Refusal = { readonly name: string; readonly args: readonly unknown[] }

/** The name of the error the contract would refuse with at the newest block, or nothing if it would do it. Throws RpcFailed. */
export async function refusalOf(client: PublicClient, call: Rehearsal, abi: Abi): Promise<string | undefined> {
  return (await rehearse(client, call, abi))?.name
}

/** The whole error, for who can tell from it what is missing. Throws RpcFailed. */
export async function rehearse(
  client: PublicClient,
  { from, ...call }: Rehearsal,
  abi: Abi,
): Promise<Refusal | undefined> {
  try {
    await client.call({ account: from, ...call })
    return undefined
  } catch (cause) {
    const reason = revertData(cause)
    if (reason === undefined) throw new RpcFailed(`what ${call.to} would answer`, cause)
    return refusalIn(abi, reason)
  }
}

/** What the contract reverted with, 0x if with nothing; undefined if it was not the contract that failed. */
function revertData(cause: unknown): Hex | undefined {
  if (!(cause instanceof BaseError)) return undefined
  const innermost = cause.walk()
  if ('data' in innermost && typeof innermost.data === 'string') return innermost.data as Hex
  return cause.walk((one) => one instanceof ExecutionRevertedError) ? '0x' : undefined
}

function refusalIn(abi: Abi, data: Hex): Refusal {
  try {
    const { errorName: name, args = [] } = decodeErrorResult({ abi, data })
    return { name, args }
  } catch {
    return { name: data === '0x' ? 'reverted without a reason' : `reverted with ${data}`, args: [] }
  }
}
