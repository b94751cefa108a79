/** The publisher's process: brings prices from Hermes to the clearing and its venue. Trusted for nothing beyond Pyth. */
import { Clearing, Venue } from '@omnimargin/chains/abi'
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
  readonly pollMs: number
  readonly deviation: Ratio
  readonly heartbeatSeconds: number
}

const PYTH = parseAbi(['function getUpdateFee(bytes[] updateData) view returns (uint256)'])
const POKE_GAS = 1_500_000n

/** Runs until the signal. */
export async function runPublisher(config: PublisherConfig, { signal, log }: RoleContext): Promise<void> {
  const note = logOf('publisher', log)
  const { clearing } = config.deployment
  const chain = chainOf(config.deployment, clearing.chainId)
  const reader = readerOf(chain)
  const sender = senderOf(reader, walletOf(chain, config.account))
  const feedIds = clearing.feeds.map(({ feedId }) => feedId)
  let state: PublisherState = {
    poked: new Map(),
    deviation: config.deviation,
    heartbeat: BigInt(config.heartbeatSeconds),
  }
  const poke = async ({ data }: Update, feeds: readonly number[]) => {
    const updates = [...data]
    const fee = await reader.readContract({
      address: clearing.pyth,
      abi: PYTH,
      functionName: 'getUpdateFee',
      args: [updates],
    })
    const markets = clearing.markets.flatMap(({ feed }, market) => (feeds.includes(feed) ? [BigInt(market)] : []))
    const feedArgs = [feeds.map(BigInt), updates] as const
    const toClearing = encodeFunctionData({ abi: Clearing.abi, functionName: 'poke', args: feedArgs })
    const toVenue = encodeFunctionData({ abi: Venue.abi, functionName: 'poke', args: [markets, [] as Hex[]] })
    const [first] = await Promise.all([
      sender.send({ to: clearing.address, data: toClearing, gas: POKE_GAS, value: fee }),
      sender.send({ to: clearing.venue, data: toVenue, gas: POKE_GAS }),
    ])
    return first.status === 'success'
  }
  const work = async () => {
    const update = await fetchUpdate(config.hermes, feedIds, signal)
    const next = step(state, { type: 'reported', reports: update.reports })
    state = next.state
    for (const { feeds } of next.effects) {
      const isTaken = await poke(update, feeds)
      note(isTaken ? 'poked' : 'poke_refused', { feeds, prices: feeds.map((feed) => update.reports[feed]?.price) })
      if (isTaken) state = step(state, { type: 'poked', reports: update.reports, feeds }).state
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}
