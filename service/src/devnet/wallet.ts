/** What the devnet's trader has to deposit: coin on every chain, and some of every token that is not a chain's own coin. */
import { Token } from '@omnimargin/chains/abi'
import type { Address } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import type { DeployedToken } from '../deployment.ts'
import type { LocalChain } from './chains.ts'
import { TOKENS } from './parameters.ts'

const TOKENS_EACH = 100_000n

/** Anybody may mint there; `minter` pays for it. Before the chains mine by themselves, so that each is in a block at once. */
export async function fillWallet(
  chains: readonly LocalChain[],
  tokens: readonly DeployedToken[],
  minter: PrivateKeyAccount,
  owner: Address,
): Promise<void> {
  await Promise.all(
    chains.map(async (chain) => {
      await chain.fund(owner)
      const minted = TOKENS.filter((token) => token.chain === chain.plan.name && !token.isWrappedCoin)
      const here = tokens.filter(
        ({ chainId, symbol }) => chainId === chain.plan.chainId && minted.some((one) => one.symbol === symbol),
      )
      for (const { address, decimals } of here) {
        const args = [owner, TOKENS_EACH * 10n ** BigInt(decimals)] as const
        const mint = { address, abi: Token.abi, functionName: 'mint', args } as const
        await chain.reader.waitForTransactionReceipt({ hash: await chain.walletOf(minter).writeContract(mint) })
      }
    }),
  )
}
