/** What a steward measures of the running system: prices and round trips out of the clearing's events, amounts out of its ledger. */
import { ageOf, countedOf, type Ledger, type LedgerEvent, unitsOfListing } from '@omnimargin/core/ledger'
import type { ListingTerms } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import { max, min, type Units } from '@omnimargin/core/wad'
import {
  computeHaircut,
  type Haircut,
  type HaircutInputs,
  type SlowBefore,
  stressedUsd,
} from '@omnimargin/risk/estimate/haircut'
import { type Route, routeOf } from '@omnimargin/risk/estimate/latency'
import { type Market, marketOf } from '@omnimargin/risk/estimate/market'
import { ratioUp } from '@omnimargin/risk/estimate/ratio'
import { capOf } from '@omnimargin/risk/listing/haircut'
import { type AssetTerms, type Known, keyOf } from './known.ts'

/** An event of the clearing, and its block's time in seconds where that is known: of round trips too old to count it is not asked. */
export type Timed = { readonly event: LedgerEvent; readonly time: number | undefined }

/** Why a listing's haircut is not known now, and the time in seconds of the newest that is known of it, where the chain says that. */
export type Unmeasured = {
  readonly why:
    | 'not_in_configuration'
    | 'feed_not_in_configuration'
    | 'no_route'
    | 'too_few_bars'
    | 'bars_too_old'
    | 'no_peg_floor'
    | 'no_price'
    | 'price_too_old'
  readonly lastKnown?: bigint | undefined
}

/** With how many deliveries and bars it rests on, and when (seconds) the newest bar was over. */
export type Measured = {
  readonly inputs: HaircutInputs
  readonly haircut: Haircut
  /** From what the slow one moved, and for how long. */
  readonly before: SlowBefore
  readonly deliveries: number
  readonly bars: number
  readonly newestBar: number | undefined
  /** Of what is to be worth one dollar: the least of its peg's haircut, how far it is below now, and what of h_peg is for that. */
  readonly pegged: { readonly floor: number; readonly deviation: number; readonly now: number } | undefined
  /** What its depth lets count of it over all accounts; nothing where the parameters give it no price for caps. */
  readonly cap: Units | undefined
}

export type Measurer = {
  /** In the order of the chain; `now` is the newest block's time in seconds. */
  readonly observe: (events: readonly Timed[], now: number) => void
  /** `interval`: the policy's, in seconds: no post is sooner after another. */
  readonly measure: (ledger: Ledger, listing: number, now: bigint, interval: bigint) => Measured | Unmeasured
  /** By the clearing's number of a feed. */
  readonly markets: ReadonlyMap<number, Market>
}

const WAD = 1e18

/** Nothing is kept but what the same events would say again. */
export function measurerOf(known: Known): Measurer {
  const { defaults, feeds, assets } = known
  const markets = new Map(
    [...feeds].map(([feed, { recorded, isMadeUp, pegFloor }]) => [
      feed,
      marketOf(recorded, pegFloor, defaults, isMadeUp),
    ]),
  )
  const deliveries = deliveriesOf(known)
  return {
    markets,
    observe: (events, now) => {
      for (const { event, time } of events) {
        if (event.eventName === 'VaultHeard') {
          deliveries.hear(Number(event.args.vault), Number(event.args.timestamp), time)
        } else if (event.eventName === 'IndexPriceUpdated') {
          const { feed, price, publishTime } = event.args
          markets.get(Number(feed))?.hear(Number(price) / WAD, Number(publishTime))
        }
      }
      for (const market of markets.values()) market.pass(now)
    },
    measure: (ledger, listing, now, interval) => {
      const { parameters } = ledger
      const [place, terms] = [ledger.listings[listing], parameters?.listings[listing]]
      const asset = place && assets.get(keyOf(place))
      if (!place || !parameters || !terms || !asset) return { why: 'not_in_configuration' }
      const market = markets.get(terms.feed)
      if (!market) return { why: 'feed_not_in_configuration' }
      const floor = feeds.get(terms.feed)?.pegFloor
      // Of a dollar no loss is expected, as its peg has a rule: without one nothing would be left of its haircut.
      if (asset.class === 'stable' && floor === undefined) return { why: 'no_peg_floor' }
      const price = ledger.prices.get(terms.feed)
      if (!price) return { why: 'no_price' }
      const lastKnown = price.publishTime
      // The clearing tells no margin by it either.
      if (lastKnown < now - BigInt(parameters.maxPriceAge)) return { why: 'price_too_old', lastKnown }
      // What is pegged needs no history: calm years know nothing of the day it breaks.
      const expected = market.expected() ?? (asset.class === 'stable' ? { quantile: 0, longRun: 0 } : undefined)
      if (!expected) return { why: market.isStale() ? 'bars_too_old' : 'too_few_bars' }
      const route = isRemote(ledger, terms.vault) ? deliveries.routeOf(keyOf(place), terms.vault, asset) : HOME
      if (!route) return { why: 'no_route' }
      // Before the first heartbeat it is as old as the vault's round trip.
      const silent =
        route.heardAt === undefined ? ageOf(ledger, vaultPeer(terms.vault), now) : Number(now) - route.heardAt
      const inputs: HaircutInputs = {
        quantile: expected.quantile,
        longRunQuantile: expected.longRun,
        peg: market.peg().haircut,
        latencyTailSeconds: route.tail,
        heartbeatAgeSeconds: route === HOME ? 0 : Math.max(0, Number(silent)),
        ...amountsOf(ledger, listing, Number(price.price) / WAD / 10 ** terms.decimals),
        oracleAgeSeconds: Math.max(0, Number(now - price.publishTime)),
        ...statedOf(asset),
      }
      // What is in force is where the slow one stands: nothing else is remembered. Nor is since when the risk is another, so that of
      // quiet time no more is made up for than the interval in which nobody could post; and from nothing nothing would ever rise.
      const before = {
        haircut: max(terms.maintenanceHaircut, ratioUp(asset.least)),
        seconds: Number(max(0n, min(now - ledger.setAt, interval))),
      }
      const deviation = Math.max(0, 1 - Number(price.price) / WAD)
      return {
        inputs,
        haircut: computeHaircut(inputs, defaults, before),
        before,
        deliveries: route.count,
        bars: market.bars(),
        newestBar: market.newest(),
        pegged: floor === undefined ? undefined : { floor, deviation, now: market.peg().now },
        cap: capByDepth(terms, asset),
      }
    },
  }
}

/** The cap that spec/listing.md gives this depth, at the fixed price of caps: one at the index would be cut by every high, for good. */
function capByDepth({ capPrice, decimals }: ListingTerms, asset: AssetTerms): Units | undefined {
  if (capPrice === 0n) return undefined
  return (capOf(stressedUsd(asset)) * 10n ** BigInt(decimals)) / capPrice
}

function isRemote({ parameters }: Ledger, vault: number): boolean {
  return parameters?.vaults[vault]?.isRemote ?? true
}

function statedOf(asset: AssetTerms) {
  const { gap, finalitySeconds, depthPerDay, depthLeft, spread } = asset
  const { oracleConfidence, failuresPerYear, lossGivenFailure, least } = asset
  return {
    gap,
    finalitySeconds,
    depthPerDay,
    depthLeft,
    spread,
    oracleConfidence,
    failuresPerYear,
    lossGivenFailure,
    least,
  }
}

/** Of a vault on the clearing's own chain nothing has to be delivered. */
const HOME: RouteSeen = { tail: 0, heardAt: 0, count: 0 }
type RouteSeen = { readonly tail: number; readonly heardAt: number | undefined; readonly count: number }
type Vault = { readonly trips: number[]; heardAt: number | undefined }

/** Round trips by vault, as the clearing hears of them, and what they make of each asset's own prior. */
function deliveriesOf({ defaults }: Known) {
  const vaults = new Map<number, Vault>()
  const routes = new Map<string, { route: Route; told: number }>()
  return {
    hear: (number: number, timestamp: number, time: number | undefined) => {
      const vault = vaults.get(number)
      // The first is when the vault was added: nothing was delivered.
      if (!vault) vaults.set(number, { trips: [], heardAt: time })
      else if (time !== undefined) {
        vault.trips.push(Math.max(0, time - timestamp))
        vault.heardAt = time
      }
    },
    routeOf: (key: string, number: number, { route: prior }: AssetTerms): RouteSeen | undefined => {
      if (!prior) return undefined
      const { trips, heardAt } = vaults.get(number) ?? { trips: [], heardAt: undefined }
      const one = routes.get(key) ?? { route: routeOf(prior, defaults), told: 0 }
      routes.set(key, one)
      for (const trip of trips.slice(one.told)) one.route.observe(trip)
      one.told = trips.length
      return { tail: one.route.tail(), heardAt, count: trips.length }
    },
  }
}

/** Q, what the account with the most of it would have sold, and V, what all hold, in dollars. Only what counts: anybody may lock more, without end. */
function amountsOf(ledger: Ledger, listing: number, dollarsPerUnit: number): { amount: number; held: number } {
  const most = [...ledger.accounts.values()].reduce((most, one) => max(most, countedOf(one, listing)), 0n)
  const { counted } = unitsOfListing(ledger, listing)
  return { amount: Number(most) * dollarsPerUnit, held: Number(counted) * dollarsPerUnit }
}
