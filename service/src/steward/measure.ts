/** What a steward measures of the running system: prices and round trips out of the clearing's events, amounts out of its ledger. */
import { ageOf, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import type { ListingTerms } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import type { Units } from '@omnimargin/core/wad'
import { computeHaircut, type Haircut, type HaircutInputs } from '@omnimargin/risk/estimate/haircut'
import { type Route, routeOf } from '@omnimargin/risk/estimate/latency'
import { type Market, marketOf } from '@omnimargin/risk/estimate/market'
import { capOf } from '@omnimargin/risk/listing/haircut'
import { type AssetTerms, type Known, keyOf } from './measures.ts'

/** An event of the clearing, and its block's time in seconds where that is known: of round trips too old to count it is not asked. */
export type Timed = { readonly event: LedgerEvent; readonly time: number | undefined }

/** Why a listing's haircut is not known now. */
export type Unmeasured = 'not_in_configuration' | 'feed_not_in_configuration' | 'no_route' | 'too_few_bars' | 'no_price'

/** With how many deliveries and bars it rests on. */
export type Measured = {
  readonly inputs: HaircutInputs
  readonly haircut: Haircut
  readonly deliveries: number
  readonly bars: number
  /** Of what is to be worth one dollar: the least of its peg's haircut, and how far it is below now. */
  readonly pegged: { readonly floor: number; readonly deviation: number } | undefined
  /** What its depth lets count of it over all accounts; nothing where the parameters give it no price for caps. */
  readonly cap: Units | undefined
}

export type Measurer = {
  /** In the order of the chain; `now` is the newest block's time in seconds. */
  readonly observe: (events: readonly Timed[], now: number) => void
  readonly measure: (ledger: Ledger, listing: number, now: bigint) => Measured | Unmeasured
  /** By the clearing's number of a feed. */
  readonly markets: ReadonlyMap<number, Market>
}

const WAD = 1e18

/** Nothing is kept but what the same events would say again. */
export function measurerOf(known: Known): Measurer {
  const { defaults, feeds, assets } = known
  const markets = new Map(
    [...feeds].map(([feed, { recorded, pegFloor }]) => [feed, marketOf(recorded, pegFloor, defaults)]),
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
    measure: (ledger, listing, now) => {
      const [place, terms] = [ledger.listings[listing], ledger.parameters?.listings[listing]]
      const asset = place && assets.get(keyOf(place))
      if (!place || !terms || !asset) return 'not_in_configuration'
      const market = markets.get(terms.feed)
      if (!market) return 'feed_not_in_configuration'
      const price = ledger.prices.get(terms.feed)
      if (!price) return 'no_price'
      // What is pegged needs no history: calm years know nothing of the day it breaks.
      const expected = market.expected() ?? (asset.class === 'stable' ? { quantile: 0, longRun: 0 } : undefined)
      if (!expected) return 'too_few_bars'
      const route = isRemote(ledger, terms.vault) ? deliveries.routeOf(keyOf(place), terms.vault, asset) : HOME
      if (!route) return 'no_route'
      // Before the first heartbeat it is as old as the vault's round trip.
      const silent =
        route.heardAt === undefined ? ageOf(ledger, vaultPeer(terms.vault), now) : Number(now) - route.heardAt
      const inputs: HaircutInputs = {
        ...{ quantile: expected.quantile, longRunQuantile: expected.longRun, peg: market.peg() },
        latencyTailSeconds: route.tail,
        heartbeatAgeSeconds: route === HOME ? 0 : Math.max(0, Number(silent)),
        ...amountsOf(ledger, listing, Number(price.price) / WAD / 10 ** terms.decimals),
        oracleAgeSeconds: Math.max(0, Number(now - price.publishTime)),
        ...statedOf(asset),
      }
      // What is in force is where the slow one stands: nothing else is remembered.
      const before = { haircut: terms.maintenanceHaircut, seconds: Math.max(0, Number(now - ledger.setAt)) }
      const floor = feeds.get(terms.feed)?.pegFloor
      return {
        ...{ inputs, haircut: computeHaircut(inputs, defaults, before), deliveries: route.count, bars: market.bars() },
        pegged: floor === undefined ? undefined : { floor, deviation: Math.max(0, 1 - Number(price.price) / WAD) },
        cap: capByDepth(terms, asset),
      }
    },
  }
}

/** The cap that spec/listing.md gives this depth, at the fixed price of caps: one at the index would be cut by every high, for good. */
function capByDepth({ capPrice, decimals }: ListingTerms, { depthPerDay }: AssetTerms): Units | undefined {
  if (capPrice === 0n) return undefined
  const capUsd = capOf({ dailyVolume: BigInt(Math.round(depthPerDay)) * 10n ** 18n })
  return (capUsd * 10n ** BigInt(decimals)) / capPrice
}

function isRemote({ parameters }: Ledger, vault: number): boolean {
  return parameters?.vaults[vault]?.isRemote ?? true
}

function statedOf(asset: AssetTerms) {
  const { gap, finalitySeconds, depthPerDay, depthLeft, spread } = asset
  const { oracleConfidence, failuresPerYear, lossGivenFailure, least } = asset
  return {
    ...{ gap, finalitySeconds, depthPerDay, depthLeft, spread },
    ...{ oracleConfidence, failuresPerYear, lossGivenFailure, least },
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

/** Q, what the account with the most of it would have sold, and V, what all hold, in dollars. */
function amountsOf(ledger: Ledger, listing: number, dollarsPerUnit: number): { amount: number; held: number } {
  const each = [...ledger.accounts.values()].map(({ lines }) => {
    const units = lines.reduce((total, line) => total + (line.listing === listing ? line.units : 0n), 0n)
    return Number(units) * dollarsPerUnit
  })
  return { amount: each.reduce((most, one) => Math.max(most, one), 0), held: each.reduce((sum, one) => sum + one, 0) }
}
