/** Telling the clearing something, and showing it what Pyth signed in the past. */
import { Clearing } from '@omnimargin/chains/abi'
import type { Hex } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { attempt } from '../attempt.ts'
import type { Deployment } from '../deployment.ts'
import type { Destination } from '../destination.ts'
import type { Update } from '../hermes.ts'
import { updateFee } from '../pyth.ts'

/** Calls the clearing; nothing once that is in a block, or why not. */
export type Send = (data: Hex, value?: bigint) => Promise<string | undefined>

/** The same with Pyth's fee for the reports that are in the call. */
export type Show = (data: Hex, update: Update) => Promise<string | undefined>

type Caller = { readonly deployment: Deployment; readonly account: PrivateKeyAccount }

/** Next to all that one transaction may have (EIP-7825): hostile vaults and venues burn theirs. */
export const GAS_LIMIT = 16_000_000n

export function senderTo({ deployment, account }: Caller, home: Destination): Send {
  const call = { from: account.address, to: deployment.clearing.address, gas: GAS_LIMIT }
  return (data, value = 0n) => attempt(home, { ...call, data, value }, Clearing.abi)
}

/** What it returns throws RpcFailed where the fee cannot be read. */
export function showerTo({ chain, reader }: Destination, send: Send): Show {
  return async (data, update) => {
    if (!chain.pyth) return `the deployment names no "pyth" for chain ${chain.name}`
    return send(data, await updateFee(reader, chain.pyth, update.data))
  }
}
