/** What locks collateral for a line, as calls of the contracts. */
import { Token, Vault } from '@omnimargin/chains/abi'
import { encodeFunctionData } from 'viem'
import type { DeployedToken, Deployment } from '../deployment.ts'
import type { Call, Line } from '../line.ts'

/** Sets what the vault may take of the holder's. */
export function approveCall({ address, vault }: DeployedToken, units: bigint): Call {
  const args = [vault, units] as const
  return { to: address, data: encodeFunctionData({ abi: Token.abi, functionName: 'approve', args }) }
}

/** Made by the holder: deposits and grants, at the vault. The chain's own coin is sent along, and kept as the token. */
export function depositCall(
  { clearing }: Deployment,
  { account, token }: Omit<Line, 'holder'>,
  units: bigint,
  isCoin: boolean,
): Call {
  const { abi } = Vault
  const place = [BigInt(clearing.chainId), clearing.address, account] as const
  if (isCoin) {
    const data = encodeFunctionData({ abi, functionName: 'depositNativeAndGrant', args: place })
    return { to: token.vault, data, value: units }
  }
  const args = [token.address, units, ...place] as const
  return { to: token.vault, data: encodeFunctionData({ abi, functionName: 'depositAndGrant', args }) }
}
