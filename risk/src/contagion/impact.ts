/** How far prices go when what was liquidated is sold and bought: spec/contagion.md. */
import type { Hex } from '@omnimargin/core/bytes'
import { accountIn, type Ledger } from '@omnimargin/core/ledger'
import { abs, divUp, max, min, mulDown, mulUp, type Price, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { rootUp } from '../root.ts'
import type { Damage } from './damage.ts'
import type { MarketDepth, System } from './system.ts'

/** From the lowest to the highest a price may stand while all this goes on. It begins within. */
export type Span = { readonly low: Price; readonly high: Price }
/** By feed; those without a price are absent. */
export type Spans = ReadonlyMap<number, Span>

/** USD by feed at the prices before. What one sells and another buys is not set off: they need not meet. */
export type Flow = { readonly sold: ReadonlyMap<number, Usd>; readonly bought: ReadonlyMap<number, Usd> }

/** As on chain: a price fits 96 bits. */
const MAX_PRICE: Price = (1n << 96n) - 1n

/** The share by which so many dollars, sold or bought in a day, move a price: the square-root law. At most all of it. */
export function impactOf(
  dollars: Usd,
  { dailyVolume, dailyVolatility }: MarketDepth,
  { stressDepth, impactFactor }: Pick<System, 'stressDepth' | 'impactFactor'>,
): Ratio {
  const volume = max(1n, mulDown(dailyVolume, stressDepth))
  const root = rootUp(divUp(dollars * WAD, volume) * WAD)
  return min(WAD, mulUp(mulUp(impactFactor, dailyVolatility), root))
}

/** Every price from where the flow and the damage push it down to where the flow pushes it up. */
export function spansOf(system: System, { left }: Damage, { sold, bought }: Flow): Spans {
  const spans = [...system.ledger.prices].map(([feed, { price }]): [number, Span] => {
    const depth = system.depths[feed]
    const impact = (flow: ReadonlyMap<number, Usd>) => {
      const dollars = flow.get(feed) ?? 0n
      return depth && dollars > 0n ? impactOf(dollars, depth, system) : 0n
    }
    const low = mulDown(mulDown(price, left.get(feed) ?? WAD), WAD - impact(sold))
    return [feed, { low, high: min(MAX_PRICE, mulUp(price, WAD + impact(bought))) }]
  })
  return new Map(spans)
}

/** What has to be sold and bought of each price once these accounts are closed. */
export function flowOf({ ledger }: System, damage: Damage, closed: Iterable<Hex>): Flow {
  const [sold, bought] = [new Map<number, Usd>(), new Map<number, Usd>()]
  for (const id of closed) {
    for (const [feed, { most, least }] of netsOf(ledger, damage, id)) {
      const price = ledger.prices.get(feed)?.price ?? 0n
      if (most > 0n) sold.set(feed, (sold.get(feed) ?? 0n) + mulUp(most, price))
      if (least < 0n) bought.set(feed, (bought.get(feed) ?? 0n) + mulUp(abs(least), price))
    }
  }
  return { sold, bought }
}

type Net = { most: bigint; least: bigint }

/**
 * What an account holds of each price, collateral and positions against each other. What is lost sets nothing off: it
 * is counted on the side where it makes more to do.
 */
function netsOf(ledger: Ledger, { lostListings, lostMarkets }: Damage, id: Hex): Map<number, Net> {
  const nets = new Map<number, Net>()
  const { lines, positions } = accountIn(ledger, id)
  const { listings = [], markets = [], underlyings = [] } = ledger.parameters ?? {}
  const add = (feed: number, size: bigint, isLost: boolean) => {
    const net = nets.get(feed) ?? { most: 0n, least: 0n }
    net.most += isLost ? max(0n, size) : size
    net.least += isLost ? min(0n, size) : size
    nets.set(feed, net)
  }
  for (const { listing, units } of lines) {
    const terms = listings[listing]
    if (terms) add(terms.feed, divUp(units * WAD, 10n ** BigInt(terms.decimals)), lostListings.has(listing))
  }
  for (const [market, { size }] of positions) {
    const feed = underlyings[markets[market]?.underlying ?? -1]?.feed
    if (feed !== undefined) add(feed, size, lostMarkets.has(market))
  }
  return nets
}
