/** What a role lives on, said when it starts and when it fails: coin on every chain that it pays on, and Hermes' prices. */
import { type Address, formatEther } from 'viem'
import { readerOf } from './clients.ts'
import type { DeployedChain, Deployment } from './deployment.ts'
import { fetchUpdate, type Hermes, HermesFailed } from './hermes.ts'
import { logOf, pause, type RoleContext } from './role.ts'

export type Means = {
  readonly role: string
  readonly deployment: Deployment
  /** Nothing for a role without a key. */
  readonly address?: Address
  /** The chains that it sends transactions on, and the most gas that one of them is sent with. */
  readonly pays?: { readonly chains: readonly DeployedChain[]; readonly gas: bigint }
  readonly hermes?: Hermes
  /** What it looks at, in words. */
  readonly watches: readonly string[]
}

type Note = ReturnType<typeof logOf>
type Details = Record<string, unknown>

const LOOK_MS = 30_000
/** What lasts is said again after this. */
const AGAIN_MS = 600_000

/**
 * Says `started`, and from then on, until the signal, `wallet_empty` while a wallet could not pay for a transaction, and
 * `prices_gone` while Hermes does not answer: when it begins, rarely while it lasts, and when it is over.
 */
export async function tellMeans(means: Means, { signal, log }: RoleContext, lookMs = LOOK_MS): Promise<void> {
  const { role, address, watches, hermes } = means
  const note = logOf(role, log)
  const wallets = await Promise.all(walletsOf(means).map(async (wallet) => ({ ...wallet, now: await wallet.look() })))
  const pays = wallets.map(({ chain, now }) => ({ chain: chain.name, coin: coinIn(now?.balance) }))
  note('started', { address, pays, hermes: hermes?.url, watches })
  const looks = [...wallets.map((wallet) => walletTold(wallet, note)), ...pricesTold(means, note, signal)]
  while (!signal.aborted) {
    await Promise.all(looks.map((look) => look()))
    await pause(lookMs, signal)
  }
}

type Wallet = ReturnType<typeof walletsOf>[number]

function walletsOf({ address, pays }: Means) {
  if (address === undefined) return []
  return (pays?.chains ?? []).map((chain) => {
    const reader = readerOf(chain)
    /** Nothing where the chain does not answer: that is said by whoever asks it something that matters. */
    const look = async () => {
      try {
        const [balance, { maxFeePerGas }] = await Promise.all([
          reader.getBalance({ address }),
          reader.estimateFeesPerGas(),
        ])
        // The sender offers twice the fee of the moment.
        return { balance, needed: (pays?.gas ?? 0n) * 2n * maxFeePerGas }
      } catch {
        return undefined
      }
    }
    return { chain, address, look }
  })
}

function walletTold({ chain, address, look }: Wallet, note: Note): () => Promise<void> {
  const place = { chain: chain.name, address }
  const tell = trouble(
    (details) => note('wallet_empty', details),
    () => note('wallet_filled', place),
  )
  return async () => {
    const found = await look()
    if (!found) return
    const { balance, needed } = found
    const why = `It holds ${coinIn(balance)} and may need ${coinIn(needed)} for one transaction: send it coin on ${chain.name}.`
    tell(balance < needed ? { ...place, why } : undefined)
  }
}

function pricesTold({ deployment, hermes }: Means, note: Note, signal: AbortSignal): (() => Promise<void>)[] {
  if (hermes === undefined) return []
  const place = { hermes: hermes.url }
  const tell = trouble(
    (details) => note('prices_gone', details),
    () => note('prices_back', place),
  )
  const feedIds = deployment.clearing.feeds.map(({ feedId }) => feedId)
  const look = async () => {
    const why = await fetchUpdate(hermes, feedIds, signal).then(() => undefined, whyOf)
    if (!signal.aborted) tell(why === undefined ? undefined : { ...place, why })
  }
  return [look]
}

function whyOf(failure: unknown): string {
  if (failure instanceof HermesFailed) return failure.message
  throw failure
}

/** Is told what is amiss, or nothing: says so when it begins, every ten minutes while it lasts, and once when it is over. */
export function trouble(
  begin: (details: Details) => void,
  end: () => void,
  clock: () => number = () => performance.now(),
): (details: Details | undefined) => void {
  let saidAt: number | undefined
  return (details) => {
    if (details === undefined) {
      if (saidAt !== undefined) end()
      saidAt = undefined
      return
    }
    const now = clock()
    if (saidAt !== undefined && now < saidAt + AGAIN_MS) return
    saidAt = now
    begin(details)
  }
}

function coinIn(balance: bigint | undefined): string {
  return balance === undefined ? 'no answer' : formatEther(balance)
}
