/** A transaction that is tried as a call first: somebody else may have been faster, or a price may have moved. */
import { RpcFailed } from '@omnimargin/chains/errors'
import { type Rehearsal, refusalOf } from '@omnimargin/chains/rehearse'
import type { Abi } from 'viem'
import type { Destination } from './destination.ts'

/** Nothing once it is in a block, or why not: the error's name, that it reverted after all, or that the chain did not answer. */
export async function attempt(
  { reader, sender }: Pick<Destination, 'reader' | 'sender'>,
  call: Rehearsal & { readonly gas: bigint },
  abi: Abi,
): Promise<string | undefined> {
  const { to, data, gas, value = 0n } = call
  try {
    const refusal = await refusalOf(reader, call, abi)
    if (refusal !== undefined) return refusal
    const { status } = await sender.send({ to, data, value, gas })
    return status === 'success' ? undefined : 'reverted when mined'
  } catch (failure) {
    if (failure instanceof RpcFailed) return failure.message
    throw failure
  }
}
