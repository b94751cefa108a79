/** A line between a vault and the clearing: how it is opened, and the records of it that each of the two writes. */
import { Clearing } from '@omnimargin/chains/abi'
import type { Hex } from '@omnimargin/core/bytes'
import { type Key, KIND } from '@omnimargin/core/record'
import { type Address, encodeFunctionData, padHex } from 'viem'
import type { DeployedToken, Deployment } from './deployment.ts'

/** Of an account, and of who holds it on the token's chain. */
export type Line = { readonly account: Hex; readonly holder: Address; readonly token: DeployedToken }

/** A call of a contract. */
export type Call = { readonly to: Address; readonly data: Hex; readonly value?: bigint }

/** Made by the account's owner, at the clearing. */
export function openLineCall({ clearing }: Deployment, { account, holder, token }: Line): Call {
  const listing = { chainId: BigInt(token.chainId), vault: token.vault, asset: token.address }
  const args = [account, listing, holder] as const
  return { to: clearing.address, data: encodeFunctionData({ abi: Clearing.abi, functionName: 'openLine', args }) }
}

/** The record in which the vault tells the clearing what the holder granted to the account. */
export function grantKey({ clearing }: Deployment, { account, holder, token }: Line): Key {
  return {
    kind: KIND.GRANT,
    writerChain: BigInt(token.chainId),
    writer: token.vault,
    readerChain: BigInt(clearing.chainId),
    reader: clearing.address,
    account,
    item: padHex(token.address, { size: 32 }),
    holder,
  }
}

/** The record in which the clearing tells the vault what it released on the line. */
export function ledgerKey({ clearing }: Deployment, { account, holder, token }: Line): Key {
  return {
    kind: KIND.LEDGER,
    writerChain: BigInt(clearing.chainId),
    writer: clearing.address,
    readerChain: BigInt(token.chainId),
    reader: token.vault,
    account,
    item: padHex(token.address, { size: 32 }),
    holder,
  }
}
