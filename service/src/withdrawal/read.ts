/** What a withdrawal is planned from, at the newest blocks: the ledger, and what the vault and the records say. */
import { Clearing, Vault } from '@omnimargin/chains/abi'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import { accountIn, type Ledger } from '@omnimargin/core/ledger'
import { type Key, KIND, keyHash, peerKey } from '@omnimargin/core/record'
import { max } from '@omnimargin/core/wad'
import type { Around, Wish } from '@omnimargin/core/withdrawal'
import { type Address, type PublicClient, padHex } from 'viem'
import { chainOf, type DeployedToken, type Deployment } from '../deployment.ts'
import { ledgerKey } from '../line.ts'
import { comesFrom, type Learned, listingOf, readKnown } from '../reconcile/home.ts'
import { asked, numberOf, type Place, placeAt } from '../reconcile/place.ts'

export type Situation = { readonly ledger: Ledger; readonly wish: Wish; readonly around: Around }

/** The clearing's block first, so that whatever it has released by then is at the vault or under way. */
export async function readSituation(
  deployment: Deployment,
  readers: { readonly home: PublicClient; readonly there: PublicClient },
  { account, holder, token, units }: { account: Hex; holder: Address; token: DeployedToken; units: bigint },
): Promise<Situation> {
  const { clearing } = deployment
  const home = await placeAt(chainOf(deployment, clearing.chainId), readers.home, 'latest')
  const { ledger, learned } = await readKnown(deployment, home)
  const key = ledgerKey(deployment, { account, holder, token })
  const [released, gained, lost] = await asked(home.chain, () =>
    readers.home.readContract({
      address: clearing.address,
      abi: Clearing.abi,
      functionName: 'writtenOf',
      args: [key],
      blockNumber: numberOf(home.block),
    }),
  )
  const there = await placeAt(chainOf(deployment, token.chainId), readers.there, 'latest')
  const { free, pool, honored } = await readVault(deployment, there, token, holder, key)
  const listing = listingOf(ledger, token)
  const now = home.block.timestamp
  return {
    ledger,
    wish: { account, holder, listing, units },
    around: {
      now,
      free,
      pool,
      underWay: max(0n, released - honored),
      unopened: max(0n, grantedTo(learned, token, account, holder) + gained - lost - released),
      isYoung: token.chainId === clearing.chainId || isYoung(ledger, learned, token, now),
      isProven: isProven(ledger, learned, account, clearing.chainId, now),
    },
  }
}

async function readVault(
  { clearing }: Deployment,
  { chain, reader, block }: Place,
  { vault, address: asset }: DeployedToken,
  holder: Address,
  key: Key,
): Promise<{ free: bigint; pool: bigint; honored: bigint }> {
  const read = { address: vault, abi: Vault.abi, blockNumber: numberOf(block) } as const
  const peer = peerKey(BigInt(clearing.chainId), clearing.address)
  const [free, pool, honored] = await asked(chain, () =>
    Promise.all([
      reader.readContract({ ...read, functionName: 'free', args: [holder, asset] }),
      reader.readContract({ ...read, functionName: 'pool', args: [peer, asset] }),
      reader.readContract({ ...read, functionName: 'honored', args: [keyHash(key)] }),
    ]),
  )
  return { free, pool, honored }
}

/** What the clearing has learned of the holder's grants to the account; the plan asks only while no line is open. */
function grantedTo(learned: readonly Learned[], token: DeployedToken, account: Hex, holder: Address): bigint {
  const grants = learned.filter(
    (one) =>
      one.kind === KIND.GRANT &&
      comesFrom(one, token.chainId, token.vault) &&
      isSame(one.account, account) &&
      isSame(one.holder, holder) &&
      isSame(one.item, padHex(token.address, { size: 32 })),
  )
  return grants.reduce((most, { fields: [granted] }) => max(most, granted), 0n)
}

/** By the newest time of the clearing that the vault is known to have heard. */
function isYoung({ parameters }: Ledger, learned: readonly Learned[], token: DeployedToken, now: bigint): boolean {
  const heard = learned
    .filter((one) => one.kind === KIND.HEARD && comesFrom(one, token.chainId, token.vault))
    .reduce((newest, { fields: [time] }) => max(newest, time), 0n)
  return heard + BigInt(parameters?.maxMoveAge ?? 0) >= now
}

/** Where no limit is outstanding nothing can have been filled that is not known. */
function isProven(ledger: Ledger, learned: readonly Learned[], account: Hex, home: number, now: bigint): boolean {
  const maxAge = BigInt(ledger.parameters?.maxRecordAge ?? 0)
  return [...accountIn(ledger, account).positions].every(([number, { buyOut, sellOut }]) => {
    const market = ledger.markets[number]
    if (!market || buyOut + sellOut === 0n || Number(market.chainId) === home) return true
    const fills = learned.filter(
      (one) =>
        one.kind === KIND.FILLS &&
        comesFrom(one, Number(market.chainId), market.venue) &&
        isSame(one.account, account) &&
        one.item === market.item,
    )
    const asOf = fills.reduce((newest, { asOf }) => max(newest, asOf), 0n)
    return asOf + maxAge >= now
  })
}
