/** What a deposit is planned from, at the newest blocks: the ledger, the holder's wallet, and what is granted already. */
import { Clearing, Token, Vault } from '@omnimargin/chains/abi'
import type { Around, Wish } from '@omnimargin/core/deposit'
import type { Ledger } from '@omnimargin/core/ledger'
import { max } from '@omnimargin/core/wad'
import { type Address, isAddressEqual } from 'viem'
import { readerOf } from '../clients.ts'
import { chainOf, type DeployedChain, type DeployedToken, type Deployment } from '../deployment.ts'
import { grantKey, type Line, ledgerKey } from '../line.ts'
import { listingOf, readKnown } from '../reconcile/home.ts'
import { asked, numberOf, type Place, placeAt } from '../reconcile/place.ts'
import type { Purse } from './gas.ts'

export type Situation = {
  readonly ledger: Ledger
  readonly wish: Wish
  readonly around: Around
  readonly purses: { readonly home: Purse; readonly there: Purse }
}

/** The clearing's block first, so that whatever it has learned by then is among what the vault says was granted. */
export async function readSituation(deployment: Deployment, line: Line, units: bigint): Promise<Situation> {
  const { clearing } = deployment
  const { account, holder, token } = line
  const home = await newestOf(chainOf(deployment, clearing.chainId))
  const { ledger } = await readKnown(deployment, home)
  const read = { address: clearing.address, abi: Clearing.abi, blockNumber: numberOf(home.block) } as const
  const args = [ledgerKey(deployment, line)] as const
  const [released, gained, lost] = await asked(home.chain, () =>
    home.reader.readContract({ ...read, functionName: 'writtenOf', args }),
  )
  const there = await newestOf(chainOf(deployment, token.chainId))
  const granted = await grantedAt(deployment, there, line)
  const [wallet, homePurse, therePurse] = await Promise.all([
    readWallet(there, token, holder),
    readPurse(home, holder),
    readPurse(there, holder),
  ])
  return {
    ledger,
    wish: { account, holder, listing: listingOf(ledger, token), units },
    around: { ...wallet, now: home.block.timestamp, owned: max(0n, granted + gained - lost - released) },
    purses: { home: homePurse, there: therePurse },
  }
}

function newestOf(chain: DeployedChain): Promise<Place> {
  return placeAt(chain, readerOf(chain), 'latest')
}

/** All that the holder has ever granted to the account, by the vault's block. */
export async function grantedAt(deployment: Deployment, { chain, reader, block }: Place, line: Line): Promise<bigint> {
  const read = { address: line.token.vault, abi: Vault.abi, blockNumber: numberOf(block) } as const
  const args = [grantKey(deployment, line)] as const
  const [granted] = await asked(chain, () => reader.readContract({ ...read, functionName: 'writtenOf', args }))
  return granted
}

async function readWallet(
  { chain, reader, block }: Place,
  { address, vault }: DeployedToken,
  holder: Address,
): Promise<Pick<Around, 'balance' | 'allowance'>> {
  const blockNumber = numberOf(block)
  return asked(chain, async () => {
    const wrapped = await reader.readContract({ address: vault, abi: Vault.abi, blockNumber, functionName: 'wrapped' })
    if (isAddressEqual(wrapped, address))
      return { balance: await reader.getBalance({ address: holder, blockNumber }), allowance: 'coin' as const }
    const read = { address, abi: Token.abi, blockNumber } as const
    const [balance, allowance] = await Promise.all([
      reader.readContract({ ...read, functionName: 'balanceOf', args: [holder] }),
      reader.readContract({ ...read, functionName: 'allowance', args: [holder, vault] }),
    ])
    return { balance, allowance }
  })
}

async function readPurse({ chain, reader, block }: Place, address: Address): Promise<Purse> {
  const [coin, { maxFeePerGas }] = await asked(chain, () =>
    Promise.all([reader.getBalance({ address, blockNumber: numberOf(block) }), reader.estimateFeesPerGas()]),
  )
  // The sender offers twice the fee of the moment.
  return { chain, coin, gasPrice: 2n * maxFeePerGas }
}
