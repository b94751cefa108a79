/** Sending transactions on one chain, one after the other, from one key. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RpcFailed } from '@omnimargin/chains/errors'
import type { Address, Hex, PublicClient, TransactionReceipt } from 'viem'
import type { Wallet } from './clients.ts'

export type Call = { readonly to: Address; readonly data: Hex; readonly gas: bigint; readonly value?: bigint }

export type Sender = {
  /** Sends and waits until it is in a block. Calls queue; `sent` is called when it has left. Throws RpcFailed. */
  readonly send: (call: Call, sent?: (hash: Hex) => void) => Promise<TransactionReceipt>
}

const RECEIPT_LIMIT_MS = 60_000
const RECEIPT_POLL_MS = 50
const FEES_FRESH_MS = 10_000

/**
 * A queue of transactions. The nonce is asked of the chain each time, counting what still waits in its pool, so a restart
 * or another process with the same key needs no care; what a crash in between sends twice must be harmless, as
 * learning a record twice is.
 */
export function senderOf(reader: PublicClient, wallet: Wallet): Sender {
  let last: Promise<unknown> = Promise.resolve()
  const fees = feesOf(reader)
  const { account, chain } = wallet
  const { signTransaction } = account
  if (!signTransaction) throw new Error('The key of a role signs by itself.')
  const sendNow = async (call: Call, sent?: (hash: Hex) => void) => {
    try {
      const [nonce, fee] = await Promise.all([
        reader.getTransactionCount({ address: account.address, blockTag: 'pending' }),
        fees(),
      ])
      const raw = await signTransaction({ ...call, ...fee, nonce, type: 'eip1559', chainId: chain.id })
      const hash = await wallet.sendRawTransaction({ serializedTransaction: raw })
      sent?.(hash)
      return await receiptOf(reader, hash)
    } catch (cause) {
      throw new RpcFailed(`the outcome of a transaction on chain ${chain.id}`, cause)
    }
  }
  return {
    send: (call, sent) => {
      const result = last.then(() => sendNow(call, sent))
      last = result.catch(() => undefined)
      return result
    },
  }
}

function feesOf(reader: PublicClient): () => Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }> {
  let known: Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }> | undefined
  let since = 0
  return () => {
    const now = performance.now()
    if (known && now - since < FEES_FRESH_MS) return known
    since = now
    known = reader.estimateFeesPerGas().then(({ maxFeePerGas, maxPriorityFeePerGas }) => ({
      maxFeePerGas: 2n * maxFeePerGas,
      maxPriorityFeePerGas,
    }))
    known.catch(() => {
      known = undefined
    })
    return known
  }
}

async function receiptOf(reader: PublicClient, hash: Hex): Promise<TransactionReceipt> {
  const deadline = performance.now() + RECEIPT_LIMIT_MS
  while (performance.now() < deadline) {
    const receipt = await reader.getTransactionReceipt({ hash }).catch(() => undefined)
    if (receipt) return receipt
    await sleep(RECEIPT_POLL_MS)
  }
  throw new Error(`Transaction ${hash} was not mined within ${RECEIPT_LIMIT_MS} ms.`)
}
