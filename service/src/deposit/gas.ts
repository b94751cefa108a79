/** Whether a wallet can pay for what a deposit sends, on each chain. */
import type { Step } from '@omnimargin/core/deposit'
import type { DeployedChain } from '../deployment.ts'

/** The most gas of one of its transactions: a first deposit through a vault on the clearing's chain took 275,000 on the devnet. */
export const GAS_LIMIT = 1_000_000n

/** What the holder has of a chain's own coin, and what a unit of gas may cost there, as it is sent. */
export type Purse = { readonly chain: DeployedChain; readonly coin: bigint; readonly gasPrice: bigint }

export type Lack = { readonly chain: DeployedChain; readonly coin: bigint; readonly needed: bigint }

/** The first chain that lacks coin, of the clearing's and the vault's, which may be the same. */
export function lackOf(
  steps: readonly Step[],
  { home, there }: { readonly home: Purse; readonly there: Purse },
  isCoin: boolean,
): Lack | undefined {
  const needed = new Map<number, bigint>()
  for (const step of steps) {
    const { chain, gasPrice } = step.kind === 'open_line' ? home : there
    const sent = isCoin && step.kind === 'deposit' ? step.units : 0n
    needed.set(chain.chainId, (needed.get(chain.chainId) ?? 0n) + GAS_LIMIT * gasPrice + sent)
  }
  return [home, there]
    .map(({ chain, coin }) => ({ chain, coin, needed: needed.get(chain.chainId) ?? 0n }))
    .find(({ coin, needed: all }) => coin < all)
}
