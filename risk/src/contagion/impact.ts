/** How far prices go when what was liquidated is sold and bought: spec/contagion.md. */
import type { Account, Ledger } from '@omnimargin/core/ledger'
import { feedOfMarket } from '@omnimargin/core/parameters'
import {
  divUp,
  MAX_PRICE,
  max,
  min,
  mulDown,
  mulUp,
  type Price,
  type Ratio,
  rootUp,
  type Usd,
  WAD,
} from '@omnimargin/core/wad'
import type { Damage } from './damage.ts'
import type { System } from './system.ts'

/** From the lowest to the highest a price may stand while all this goes on. It begins within. */
export type Span = { readonly low: Price; readonly high: Price }
/** By feed; those without a price are absent. */
export type Spans = ReadonlyMap<number, Span>

/** USD by feed at the prices before. What one sells and another buys is not set off: they need not meet. */
export type Flow = {
  readonly sold: ReadonlyMap<number, Usd>
  readonly bought: ReadonlyMap<number, Usd>
  /** Of what is sold, by listing, what has to be sold on its chain. */
  readonly soldThere: ReadonlyMap<number, Usd>
}

/** The share by which so many dollars, sold or bought in a day, move a price: the square-root law. At most all of it. */
export function impactOf(dollars: Usd, stressed: Usd, dailyVolatility: Ratio, factor: Ratio): Ratio {
  const root = rootUp(divUp(dollars * WAD, max(1n, stressed)) * WAD)
  return min(WAD, mulUp(mulUp(factor, dailyVolatility), root))
}

/** Every price from where the flow and the damage push it down to where the flow pushes it up. */
export function spansOf(system: System, { left }: Damage, { sold, bought }: Flow): Spans {
  const spans = [...system.ledger.prices].map(([feed, { price }]): [number, Span] => {
    const depth = system.depths[feed]
    const impact = (flow: ReadonlyMap<number, Usd>) => {
      const dollars = flow.get(feed) ?? 0n
      if (!depth || dollars === 0n) return 0n
      return impactOf(dollars, depth.stressed, depth.dailyVolatility, system.impactFactor)
    }
    const low = mulDown(mulDown(price, left.get(feed) ?? WAD), WAD - impact(sold))
    return [feed, { low, high: min(MAX_PRICE, mulUp(price, WAD + impact(bought))) }]
  })
  return new Map(spans)
}

/** By listing, the share of the price that is got for it on its chain: what its sale costs there, as a haircut has it. */
export function proceedsOf({ ledger, depths, stressedThere, impactFactor }: System, { soldThere }: Flow): Ratio[] {
  return ledger.listings.map((_, listing) => {
    const depth = depths[ledger.parameters?.listings[listing]?.feed ?? -1]
    const dollars = soldThere.get(listing) ?? 0n
    if (!depth || dollars === 0n) return WAD
    return WAD - impactOf(dollars, stressedThere[listing] ?? 0n, depth.dailyVolatility, impactFactor)
  })
}

/** What has to be sold and bought of each price once this account, brought up to date, is closed. */
export function ordersOf(ledger: Ledger, damage: Damage, account: Account): Flow {
  const [sold, bought, soldThere] = [new Map<number, Usd>(), new Map<number, Usd>(), new Map<number, Usd>()]
  const add = (to: Map<number, Usd>, key: number, size: bigint, price: Price) => {
    if (size > 0n) to.set(key, (to.get(key) ?? 0n) + mulUp(size, price))
  }
  for (const [feed, { most, least, held }] of netsOf(ledger, damage, account)) {
    const price = ledger.prices.get(feed)?.price ?? 0n
    add(sold, feed, most, price)
    add(bought, feed, -least, price)
    // A short may stand against any of its lines: of each as much is sold as there is to sell.
    for (const [listing, size] of held) add(soldThere, listing, min(size, most), price)
  }
  return { sold, bought, soldThere }
}

export function sumOf(flows: readonly Flow[]): Flow {
  const total = (part: keyof Flow) => {
    const sums = new Map<number, Usd>()
    for (const flow of flows) for (const [key, dollars] of flow[part]) sums.set(key, (sums.get(key) ?? 0n) + dollars)
    return sums
  }
  return { sold: total('sold'), bought: total('bought'), soldThere: total('soldThere') }
}

type Net = { most: bigint; least: bigint; readonly held: Map<number, bigint> }

/**
 * What an account holds of each price, collateral and positions against each other. What is lost sets nothing off: it
 * is counted on the side where it makes more to do.
 */
function netsOf({ parameters }: Ledger, { kept, lostMarkets }: Damage, { lines, positions }: Account) {
  const nets = new Map<number, Net>()
  const add = (feed: number, size: bigint, isLost: boolean): Net => {
    const net = nets.get(feed) ?? { most: 0n, least: 0n, held: new Map() }
    net.most += isLost ? max(0n, size) : size
    net.least += isLost ? min(0n, size) : size
    nets.set(feed, net)
    return net
  }
  for (const { listing, units } of lines) {
    const terms = parameters?.listings[listing]
    if (!terms) continue
    const size = divUp(units * WAD, 10n ** BigInt(terms.decimals))
    const { held } = add(terms.feed, size, (kept[listing] ?? WAD) < WAD)
    held.set(listing, (held.get(listing) ?? 0n) + size)
  }
  for (const [market, { size }] of positions) {
    const feed = parameters && feedOfMarket(parameters, market)
    if (feed !== undefined) add(feed, size, lostMarkets.has(market))
  }
  return nets
}
