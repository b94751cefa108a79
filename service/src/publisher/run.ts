/** The publisher's process: brings prices from Hermes to the clearing and its venue. Trusted for nothing beyond Pyth. */
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import type { Ratio } from '@omnimargin/core/wad'
import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf, walletOf } from '../clients.ts'
import { chainOf, type Deployment } from '../deployment.ts'
import { fetchUpdate, type Update } from '../hermes.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { senderOf } from '../sender.ts'
import { type PublisherState, step } from './step.ts'

export type PublisherConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly hermes: string
  readonly hermesKey?: string | undefined
  readonly pollMs: number
  readonly deviation: Ratio
  readonly heartbeatSeconds: number
}

const PYTH = parseAbi(['function getUpdateFee(bytes[] updateData) view returns (uint256)'])
const POKE_GAS = 1_500_000n

/** Runs until the signal. Keeps nothing on disk: what was poked before a restart is poked once more. */
export async function runPublisher(config: PublisherConfig, { signal, log }: RoleContext): Promise<void> {
  const note = logOf('publisher', log)
  const poke = pokerOf(config, note)
  const hermes = { url: config.hermes, key: config.hermesKey }
  const feedIds = config.deployment.clearing.feeds.map(({ feedId }) => feedId)
  let state: PublisherState = {
    poked: new Map(),
    deviation: config.deviation,
    heartbeat: BigInt(config.heartbeatSeconds),
  }
  const work = async () => {
    const update = await fetchUpdate(hermes, feedIds, signal)
    const next = step(state, { type: 'reported', reports: update.reports })
    state = next.state
    for (const { feeds } of next.effects) {
      const taken = await poke(update, feeds)
      state = step(state, { type: 'poked', reports: update.reports, feeds: taken }).state
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

/** Pokes what the clearing would take, at it and then at its venue, and returns the feeds that were taken. */
function pokerOf({ deployment, account }: PublisherConfig, note: ReturnType<typeof logOf>) {
  const { clearing } = deployment
  const chain = chainOf(deployment, clearing.chainId)
  const reader = readerOf(chain)
  const sender = senderOf(reader, walletOf(chain, account))
  const feeOf = (updates: Hex[]) =>
    reader.readContract({ address: clearing.pyth, abi: PYTH, functionName: 'getUpdateFee', args: [updates] })

  return async ({ data, reports }: Update, feeds: readonly number[]): Promise<readonly number[]> => {
    const updates = [...data]
    const value = await feeOf(updates)
    const call = (some: readonly number[]) => ({ to: clearing.address, data: pokeClearing(some, updates), value })
    const isTakeable = async (some: readonly number[]): Promise<boolean> => {
      const why = await refusalOf(reader, { from: account.address, ...call(some) }, Clearing.abi)
      if (why !== undefined) note('poke_refused', { feeds: some, why })
      return why === undefined
    }
    const taken = await takeable(feeds, isTakeable)
    if (taken.length === 0) return []
    const { status } = await sender.send({ ...call(taken), gas: POKE_GAS })
    if (status !== 'success') return []
    note('poked', { feeds: taken, prices: taken.map((feed) => reports[feed]?.price) })
    const markets = clearing.markets.flatMap(({ feed }, market) => (taken.includes(feed) ? [BigInt(market)] : []))
    if (markets.length === 0) return taken
    const atVenue = await sender.send({ to: clearing.venue, data: pokeVenue(markets), gas: POKE_GAS })
    return atVenue.status === 'success' ? taken : []
  }
}

/** All of them if they can go together; otherwise those that can go alone, so that one bad feed holds up no other. */
async function takeable(
  feeds: readonly number[],
  isTakeable: (feeds: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  if (await isTakeable(feeds)) return feeds
  if (feeds.length === 1) return []
  const verdicts = await Promise.all(feeds.map((feed) => isTakeable([feed])))
  return feeds.filter((_, i) => verdicts[i])
}

function pokeClearing(feeds: readonly number[], updates: readonly Hex[]): Hex {
  const args = [feeds.map(BigInt), [...updates]] as const
  return encodeFunctionData({ abi: Clearing.abi, functionName: 'poke', args })
}

/** Without updates: Pyth has them by now. */
function pokeVenue(markets: readonly bigint[]): Hex {
  return encodeFunctionData({ abi: Venue.abi, functionName: 'poke', args: [markets, []] })
}
