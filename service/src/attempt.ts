/** A transaction that is tried as a call first: somebody else may have been faster, or a price may have moved. */
import { RpcFailed } from '@omnimargin/chains/errors'
import { type Rehearsal, refusalOf } from '@omnimargin/chains/rehearse'
import type { Abi, TransactionReceipt } from 'viem'
import type { Destination } from './destination.ts'

type End = Pick<Destination, 'reader' | 'sender'>
type Attempt = Rehearsal & { readonly gas: bigint }

/** Nothing once it is in a block, or why not: the error's name, that it reverted after all, or that the chain did not answer. */
export async function attempt(end: End, call: Attempt, abi: Abi): Promise<string | undefined> {
  try {
    const done = await sendTried(end, call, abi)
    return 'why' in done ? done.why : undefined
  } catch (failure) {
    if (failure instanceof RpcFailed) return failure.message
    throw failure
  }
}

/** The receipt once it is in a block, or what it was refused for; `sending` is called before it leaves. Throws RpcFailed. */
export async function sendTried(
  { reader, sender }: End,
  call: Attempt,
  abi: Abi,
  sending: () => void = () => undefined,
): Promise<{ readonly receipt: TransactionReceipt } | { readonly why: string }> {
  const why = await refusalOf(reader, call, abi)
  if (why !== undefined) return { why }
  const { to, data, gas, value = 0n } = call
  sending()
  const receipt = await sender.send({ to, data, value, gas })
  return receipt.status === 'success' ? { receipt } : { why: 'reverted when mined' }
}
