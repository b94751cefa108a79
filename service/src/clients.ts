/** viem clients for a deployed chain. */
import {
  type Account,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  fallback,
  http,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem'
import type { DeployedChain } from './deployment.ts'

export type Wallet = WalletClient<Transport, Chain, Account>

const TIMEOUT_MS = 5_000

/** Reads from the chain's endpoints, the next one when one fails; every answer is new. */
export function readerOf({ chainId, name, rpc }: Pick<DeployedChain, 'chainId' | 'name' | 'rpc'>): PublicClient {
  return createPublicClient({
    chain: viemChain(chainId, name, rpc),
    transport: transportOf(rpc),
    cacheTime: 0,
    pollingInterval: 50,
  })
}

/** Sends to the chain as the account. */
export function walletOf(
  { chainId, name, rpc }: Pick<DeployedChain, 'chainId' | 'name' | 'rpc'>,
  account: Account,
): Wallet {
  return createWalletClient({
    account,
    chain: viemChain(chainId, name, rpc),
    transport: transportOf(rpc),
    pollingInterval: 50,
  })
}

function transportOf(rpc: readonly string[]) {
  return fallback(rpc.map((url) => http(url, { retryCount: 0, timeout: TIMEOUT_MS })))
}

function viemChain(id: number, name: string, rpc: readonly string[]): Chain {
  const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
  return defineChain({ id, name, nativeCurrency, rpcUrls: { default: { http: rpc } } })
}
