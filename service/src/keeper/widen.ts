/**
 * Seeing to fills that the clearing refuses for their price: where the venue was poked with one that the clearing never saw,
 * it is shown Pyth's report of that time, out of Hermes' history. A venue that lies costs here a question to Hermes and a note.
 */
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { ChainError, RpcFailed } from '@omnimargin/chains/errors'
import { firstBlockSince } from '@omnimargin/chains/events'
import { inParts } from '@omnimargin/chains/logs'
import { feedOfMarket, unpackParameters } from '@omnimargin/core/parameters'
import { max, min } from '@omnimargin/core/wad'
import { encodeFunctionData, type Hex, isAddressEqual } from 'viem'
import type { DeployedMarket, Deployment } from '../deployment.ts'
import { type Destinations, destinationOn, homeOf } from '../destination.ts'
import { fetchFirst, type Hermes, ReportGone } from '../hermes.ts'
import type { Refused } from '../relayer/carry.ts'
import type { Relay } from '../relayer/relay.ts'
import {
  type Doubt,
  faultOf,
  type IndexUpdate,
  type MissedEvent,
  type MissedState,
  type Showing,
  step,
} from './missed.ts'
import type { Show } from './show.ts'

export type Widening = {
  readonly deployment: Deployment
  readonly destinations: Destinations
  readonly hermes: Hermes
  readonly show: Show
  readonly signal: AbortSignal
  readonly note: Relay['note']
}

/** The fills of a market that are refused: whose, and between which prices they would be believed. */
type Fills = readonly { readonly account: Hex; readonly low: bigint; readonly high: bigint }[]

/** A market as deployed, its feed at the clearing, and why each of its fills was refused. */
type Case = {
  readonly deployed: DeployedMarket
  readonly feed: number
  readonly feedId: Hex
  readonly doubts: readonly Doubt[]
}

/** For whoever carries records, to be told of those that are refused. */
export function widenerOf(parts: Widening): NonNullable<Relay['refused']> {
  let state: MissedState = new Map()
  const post = (event: MissedEvent) => {
    const next = step(state, event)
    state = next.state
    return next.effects
  }
  const see = async (market: number, fills: Fills): Promise<void> => {
    const found = await readCase(parts, market, fills)
    if (typeof found === 'string') return parts.note('not_widened', { market, why: found })
    const updates = await readUpdates(parts, found)
    for (const effect of post({ type: 'read', market, doubts: found.doubts, updates })) {
      if (effect.type === 'unexplained') {
        parts.note('not_widened', { market, why: 'the venue was poked with nothing that would explain it' })
      } else if (effect.type === 'show') {
        const { publishTime } = effect.update
        const why = await showReport(parts, found, effect)
        parts.note(why === undefined ? 'widened' : 'not_widened', { market, publishTime, why })
        post(why === undefined ? { type: 'shown', market } : { type: 'failed', market, publishTime })
      }
    }
  }
  return async (records) => {
    for (const [market, fills] of outsideBand(records)) {
      if (post({ type: 'refused', market, nowMs: performance.now() }).length === 0) continue
      try {
        await see(market, fills)
      } catch (failure) {
        if (!(failure instanceof ChainError && failure.retry)) throw failure
        parts.note('not_widened', { market, why: failure.message })
      }
    }
  }
}

/** By market, those that were refused for their price. */
function outsideBand(records: readonly Refused[]): Map<number, Fills> {
  const byMarket = new Map<number, Fills>()
  for (const { write, refusal } of records) {
    if (refusal.name !== 'FillOutsideBand') continue
    const [market, low, high] = refusal.args as readonly [bigint, bigint, bigint]
    const before = byMarket.get(Number(market)) ?? []
    byMarket.set(Number(market), [...before, { account: write.key.account, low, high }])
  }
  return byMarket
}

/** Or why it cannot be told. Throws RpcFailed. */
async function readCase(parts: Widening, market: number, fills: Fills): Promise<Case | string> {
  const { clearing } = parts.deployment
  const { reader } = homeOf(parts.deployment, parts.destinations)
  const contract = { address: clearing.address, abi: Clearing.abi } as const
  const limits = fills.map(async ({ account }) => {
    const [, { asOf }] = await reader.readContract({
      ...contract,
      functionName: 'positionOf',
      args: [account, BigInt(market)],
    })
    return BigInt(asOf)
  })
  const packed = reader.readContract({ ...contract, functionName: 'parameters' })
  const [[, blob], ...asOf] = await Promise.all([packed, ...limits]).catch((cause) => {
    throw new RpcFailed(`what the clearing knows of market ${market}`, cause)
  })
  const parameters = unpackParameters(blob)
  const { band = 0n } = parameters.markets[market] ?? {}
  const feed = feedOfMarket(parameters, market) ?? -1
  const [deployed, feedId] = [clearing.markets[market], clearing.feeds[feed]?.feedId]
  if (!deployed || !feedId) return `the deployment's "clearing" lacks market ${market} or feed ${feed}: add it`
  const doubts = fills.map(({ low, high }, i): Doubt => {
    return { low, high, band, since: max(0n, (asOf[i] ?? 0n) - BigInt(parameters.maxPriceAge)) }
  })
  return { deployed, feed, feedId, doubts }
}

/** Since the earliest time that matters to one of the fills. Throws RpcFailed. */
async function readUpdates(parts: Widening, { deployed, doubts }: Case): Promise<IndexUpdate[]> {
  const { chain, reader } = destinationOn(parts.destinations, deployed.chainId)
  const { fromBlock: start = 0 } = chain.emitters.find(({ address }) => isAddressEqual(address, deployed.venue)) ?? {}
  const since = doubts.map((doubt) => doubt.since).reduce(min)
  const contract = { address: deployed.venue, abi: Venue.abi, eventName: 'IndexPriceUpdated' } as const
  const filter = { args: { market: BigInt(deployed.item) }, strict: true } as const
  const fromBlock = await firstBlockSince(reader, since, BigInt(start))
  try {
    const range = { fromBlock, toBlock: await reader.getBlockNumber() }
    const events = await inParts(range, (part) => reader.getContractEvents({ ...contract, ...filter, ...part }))
    return events.map(({ args }) => args)
  } catch (cause) {
    throw new RpcFailed(`the index of the venue ${deployed.venue}`, cause)
  }
}

/** Nothing once the clearing has it, or what is wrong with it. Throws HermesFailed or RpcFailed. */
async function showReport(parts: Widening, { feed, feedId }: Case, wanted: Showing): Promise<string | undefined> {
  const { hermes, signal, show } = parts
  try {
    const update = await fetchFirst(hermes, feedId, wanted.update.publishTime, signal)
    const fault = faultOf(update.reports[0], wanted.update, wanted.doubt)
    if (fault !== undefined) return fault
    const args = [BigInt(feed), [...update.data]] as const
    return await show(encodeFunctionData({ abi: Clearing.abi, functionName: 'widenIndex', args }), update)
  } catch (failure) {
    if (failure instanceof ReportGone) return failure.message
    throw failure
  }
}
