/** What is typed for collateral that goes in or comes out: an amount of an asset on a chain, for an account. */
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { type DeployedToken, deploymentSchema } from '@omnimargin/service/deployment'
import type { Wanted } from '@omnimargin/service/withdrawal/run'
import { accountNamed, decimalOf, tokenNamed } from './names.ts'
import { amount } from './terminal/amounts.ts'

export type TransferOptions = {
  readonly deployment: string
  readonly keyFile?: string | undefined
  readonly account: string
  readonly asset: string
  readonly amount: string
  readonly chain: string
  readonly dryRun: boolean
}

/** Throws ConfigError for what cannot be looked up, and for an amount of nothing with what that would come to. */
export function transferOf(
  { deployment: file, account: id, asset, amount: text, chain }: TransferOptions,
  nothing: string,
): Wanted {
  const deployment = readConfig(file, deploymentSchema)
  const account = accountNamed(id)
  const token = tokenNamed(deployment, `--asset ${asset} --chain ${chain}`, `${asset}@${chain}`)
  const units = decimalOf(`--amount ${text}`, text, token.decimals)
  if (units === 0n) throw new ConfigError(`--amount ${text}: ${nothing}: give more.`)
  return { deployment, account, token, units }
}

/** An amount of a token, to six digits after the point at most. */
export function unitsOf(value: bigint, { decimals }: DeployedToken): string {
  return amount(value, decimals, Math.min(6, decimals))
}
