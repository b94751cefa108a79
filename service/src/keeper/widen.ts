/**
 * Seeing to fills that the clearing refuses for their price: where the venue was poked with one that the clearing never saw,
 * it is shown Pyth's report of that time, out of Hermes' history. A venue that lies costs a question to Hermes and a note.
 */
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { ChainError, RpcFailed } from '@omnimargin/chains/errors'
import { firstBlockSince } from '@omnimargin/chains/events'
import { unpackParameters } from '@omnimargin/core/parameters'
import { max } from '@omnimargin/core/wad'
import { encodeFunctionData, type Hex, isAddressEqual } from 'viem'
import type { DeployedMarket, Deployment } from '../deployment.ts'
import { fetchFirst, type Hermes, HermesFailed } from '../hermes.ts'
import type { Destination } from '../relayer/carry.ts'
import type { Destinations, Relay } from '../relayer/relay.ts'
import { type Bounds, faultOf, type IndexUpdate, type MissedEvent, type MissedState, step } from './missed.ts'
import type { Show } from './show.ts'

export type Widening = {
  readonly deployment: Deployment
  readonly destinations: Destinations
  readonly hermes: Hermes
  readonly show: Show
  readonly signal: AbortSignal
  readonly note: Relay['note']
}

/** The market whose fill the clearing refused, its feed, and by what: since when (seconds) it looked at that. */
type Doubt = {
  readonly deployed: DeployedMarket
  readonly feed: number
  readonly feedId: Hex
  readonly bounds: Bounds
  readonly since: bigint
}

type Refused = { readonly account: Hex; readonly market: number; readonly low: bigint; readonly high: bigint }

/** For whoever carries records, to be told of each that is refused. */
export function widenerOf(parts: Widening): NonNullable<Relay['refused']> {
  let state: MissedState = new Map()
  const post = (event: MissedEvent) => {
    const next = step(state, event)
    state = next.state
    return next.effects
  }
  const see = async (refused: Refused): Promise<void> => {
    const { market } = refused
    const doubt = await readDoubt(parts, refused)
    if (typeof doubt === 'string') return parts.note('not_widened', { market, why: doubt })
    const updates = await readUpdates(parts, doubt)
    for (const effect of post({ type: 'read', market, bounds: doubt.bounds, updates })) {
      if (effect.type === 'unexplained') {
        parts.note('not_widened', { market, why: 'the venue was poked with nothing that would explain it' })
      } else if (effect.type === 'show') {
        const { publishTime } = effect.update
        const why = await showReport(parts, doubt, effect.update)
        parts.note(why === undefined ? 'widened' : 'not_widened', { market, publishTime, why })
        post(why === undefined ? { type: 'shown', market } : { type: 'failed', market, publishTime })
      }
    }
  }
  return async ({ key: { account } }, { name, args }) => {
    if (name !== 'FillOutsideBand') return
    const [number, low, high] = args as readonly [bigint, bigint, bigint]
    const market = Number(number)
    if (post({ type: 'refused', market, nowMs: performance.now() }).length === 0) return
    try {
      await see({ account, market, low, high })
    } catch (failure) {
      if (!(failure instanceof ChainError && failure.retry)) throw failure
      parts.note('not_widened', { market, why: failure.message })
    }
  }
}

/** Or why it cannot be told. Throws RpcFailed. */
async function readDoubt(parts: Widening, { account, market, low, high }: Refused): Promise<Doubt | string> {
  const { clearing } = parts.deployment
  const { reader } = destinationOf(parts, clearing.chainId)
  const contract = { address: clearing.address, abi: Clearing.abi } as const
  const [[, blob], [, { asOf }]] = await Promise.all([
    reader.readContract({ ...contract, functionName: 'parameters' }),
    reader.readContract({ ...contract, functionName: 'positionOf', args: [account, BigInt(market)] }),
  ]).catch((cause) => {
    throw new RpcFailed(`what the clearing knows of market ${market}`, cause)
  })
  const { markets, underlyings, maxPriceAge } = unpackParameters(blob)
  const { band = 0n, underlying = -1 } = markets[market] ?? {}
  const feed = underlyings[underlying]?.feed ?? -1
  const [deployed, feedId] = [clearing.markets[market], clearing.feeds[feed]?.feedId]
  if (!deployed || !feedId) return `the deployment's "clearing" lacks market ${market} or feed ${feed}: add it`
  return { deployed, feed, feedId, bounds: { low, high, band }, since: max(0n, BigInt(asOf) - BigInt(maxPriceAge)) }
}

/** Throws RpcFailed. */
async function readUpdates(parts: Widening, { deployed, since }: Doubt): Promise<IndexUpdate[]> {
  const { chain, reader } = destinationOf(parts, deployed.chainId)
  const { fromBlock = 0 } = chain.emitters.find(({ address }) => isAddressEqual(address, deployed.venue)) ?? {}
  const contract = { address: deployed.venue, abi: Venue.abi, eventName: 'IndexPriceUpdated' } as const
  const range = { fromBlock: await firstBlockSince(reader, since, BigInt(fromBlock)), toBlock: 'latest' } as const
  const filter = { args: { market: BigInt(deployed.item) }, ...range, strict: true } as const
  const events = await reader.getContractEvents({ ...contract, ...filter }).catch((cause) => {
    throw new RpcFailed(`the index of the venue ${deployed.venue}`, cause)
  })
  return events.map(({ args }) => args).filter(({ publishTime }) => publishTime >= since)
}

/** Nothing once the clearing has it, or why not. Throws RpcFailed. */
async function showReport(parts: Widening, doubt: Doubt, wanted: IndexUpdate): Promise<string | undefined> {
  const { hermes, signal, show } = parts
  try {
    const update = await fetchFirst(hermes, doubt.feedId, wanted.publishTime, signal)
    const fault = faultOf(update.reports[0], wanted, doubt.bounds)
    if (fault !== undefined) return fault
    const args = [BigInt(doubt.feed), [...update.data]] as const
    return await show(encodeFunctionData({ abi: Clearing.abi, functionName: 'widenIndex', args }), update)
  } catch (failure) {
    if (failure instanceof HermesFailed) return failure.message
    throw failure
  }
}

function destinationOf({ destinations }: Widening, chainId: number): Destination {
  const found = destinations.get(chainId)
  if (!found) throw new Error(`The deployment has no chain ${chainId}: add it to "chains".`)
  return found
}
