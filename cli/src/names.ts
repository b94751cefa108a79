/** What a trader types, looked up in a deployment: accounts, markets, assets, chains, feeds and amounts. */
import { type Hex, isSame } from '@omnimargin/core/bytes'
import type { Ledger } from '@omnimargin/core/ledger'
import { ConfigError } from '@omnimargin/service/config'
import type { DeployedChain, DeployedToken, Deployment } from '@omnimargin/service/deployment'
import { listingOf } from '@omnimargin/service/reconcile/home'
import type { At } from '@omnimargin/service/reconcile/place'

/** Throws ConfigError unless it is an account's id. */
export function accountNamed(text: string): Hex {
  if (/^0x[0-9a-f]{64}$/i.test(text)) return text.toLowerCase() as Hex
  const cure = 'give its id, 0x and 64 hexadecimal digits: the owner’s address, then 24 digits of the owner’s number'
  throw new ConfigError(`--account ${text}: ${cure}.`)
}

export function chainNamed({ chains }: Deployment, option: string, name: string): DeployedChain {
  const found = chains.find((chain) => chain.name === name)
  return (
    found ??
    refuse(
      option,
      `there is no chain "${name}"`,
      chains.map((chain) => chain.name),
    )
  )
}

/** `ASSET@CHAIN`. */
export function tokenNamed(deployment: Deployment, option: string, name: string): DeployedToken {
  const tokens = deployment.tokens.map((token) => ({ token, name: `${token.symbol}@${nameOf(deployment, token)}` }))
  const found = tokens.find((one) => one.name === name)
  return (
    found?.token ??
    refuse(
      option,
      `there is no asset "${name}"`,
      tokens.map((one) => one.name),
    )
  )
}

/** The `ASSET@CHAIN` of what is listed; its address where the deployment does not name it. */
export function tokenOf(deployment: Deployment, { chainId, vault, asset }: Ledger['listings'][number]): string {
  const token = deployment.tokens.find(
    (one) => BigInt(one.chainId) === chainId && isSame(one.vault, vault) && isSame(one.address, asset),
  )
  return `${token?.symbol ?? asset}@${nameOf(deployment, { chainId: Number(chainId) })}`
}

/** `MARKET@CHAIN`, as the clearing's number. */
export function marketNamed(deployment: Deployment, option: string, name: string): number {
  const names = deployment.clearing.markets.map((market) => `${market.symbol}@${nameOf(deployment, market)}`)
  const index = names.indexOf(name)
  return index < 0 ? refuse(option, `there is no market "${name}"`, names) : index
}

/** A feed's symbol, as the clearing's number. */
export function feedNamed({ clearing: { feeds } }: Deployment, option: string, name: string): number {
  const names = feeds.map(({ symbol }) => symbol)
  const index = names.indexOf(name)
  return index < 0 ? refuse(option, `there is no price "${name}"`, names) : index
}

/** The clearing's number of what is locked there. Throws ConfigError if it is not listed. */
export function listingNamed(ledger: Ledger, token: DeployedToken): number {
  const index = listingOf(ledger, token)
  if (index >= 0) return index
  throw new ConfigError(
    `${token.symbol} on chain ${token.chainId} is not listed by the clearing: take another asset or deployment.`,
  )
}

/** A decimal number without a sign, in its smallest units. Throws ConfigError if it is none, or has more digits. */
export function decimalOf(option: string, text: string, decimals: number): bigint {
  const [, whole = '', fraction = ''] = /^(\d{1,30})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === '') throw new ConfigError(`${option}: "${text}" is no amount: digits, and a point if need be, as 12.5.`)
  if (fraction.length > decimals)
    throw new ConfigError(
      `${option}: "${text}" has ${fraction.length} digits after the point, ${decimals} are allowed.`,
    )
  return BigInt(whole + fraction.padEnd(decimals, '0'))
}

/** `finalized`, `latest`, or a number on the clearing's chain. */
export function blockAsked(text: string): At {
  if (text === 'finalized' || text === 'latest') return text
  if (/^\d{1,18}$/.test(text)) return BigInt(text)
  throw new ConfigError(`--block ${text}: give finalized, latest, or the number of a block.`)
}

function nameOf({ chains }: Deployment, { chainId }: { chainId: number }): string {
  return chains.find((chain) => chain.chainId === chainId)?.name ?? `${chainId}`
}

function refuse(option: string, what: string, names: readonly string[]): never {
  throw new ConfigError(`${option}: ${what}; it must be one of ${names.join(', ')}.`)
}
