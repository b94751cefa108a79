/** Contagion the long way, for tests: every account's margin anew, at every price, in every round of every failure. */
import type { Hex } from '@omnimargin/core/bytes'
import { positionValue } from '@omnimargin/core/instrument'
import { type Account, accountIn, isOpen, type Ledger, marginOf, upToDate } from '@omnimargin/core/ledger'
import { isLiquidatable } from '@omnimargin/core/margin'
import { feedOfMarket } from '@omnimargin/core/parameters'
import { type Peer, venuePeer } from '@omnimargin/core/peer'
import { divUp, max, min, mulDown, mulUp, type Price, type Ratio, WAD } from '@omnimargin/core/wad'
import type { Outcome } from '@omnimargin/risk/contagion'
import { type Damage, damageOf } from '@omnimargin/risk/contagion/damage'
import { type Flow, proceedsOf, type Spans, spansOf } from '@omnimargin/risk/contagion/impact'
import type { Node, System } from '@omnimargin/risk/contagion/system'

type Scene = { readonly ledger: Ledger; readonly damage: Damage; readonly now: bigint }

/** All of what a loss comes to but the spans' own figures. */
export function loseStraight(system: System, lost: readonly Node[]): Omit<Outcome, 'deepestFall'> {
  const damage = damageOf(system, lost)
  const { ledger, now } = system
  const after: Scene = { ledger: withShares(silenced(ledger, damage), damage.kept), damage, now }
  const ids = [...ledger.accounts.keys()]
  const nothing = damageOf(system, [])
  const before: Scene = { ledger: withShares(ledger, nothing.kept), damage: nothing, now }
  const calmSpans = spansOf(system, nothing, flowOf(ledger, nothing, []))
  const failed = lost.flatMap((node) => (node.kind === 'account' ? [node.id] : []))
  const closed = new Set(failed)
  let spans = spansOf(system, damage, flowOf(ledger, damage, []))
  const goneOf = (id: Hex) =>
    max(0n, healthOf(id, before, calmSpans).balance) - max(0n, healthOf(id, after, spans).balance)
  const marginGone = ids.reduce((total, id) => total + goneOf(id), 0n)
  const fall = () => {
    const wave = ids.filter((id) => !closed.has(id) && healthOf(id, after, spans).isBelow)
    for (const id of wave) closed.add(id)
    spans = spansOf(system, damage, flowOf(ledger, damage, closed))
    return wave
  }
  const atOnce = fall()
  const waves: Hex[][] = []
  for (let wave = fall(); wave.length > 0; wave = fall()) waves.push(wave)
  const flow = flowOf(ledger, damage, closed)
  const sold = { ...after, ledger: withShares(after.ledger, proceedsOf(system, flow)) }
  const badDebt = [...closed].reduce((total, id) => total + healthOf(id, sold, spans).shortfall, 0n)
  const uncovered = max(0n, badDebt - system.insurance)
  const below = [...atOnce, ...waves.flat()]
  return { lost, marginGone, atOnce, below, rounds: waves.length, badDebt, uncovered, spans }
}

export function isBelowStraight({ ledger, now }: System, damage: Damage, spans: Spans): (id: Hex) => boolean {
  const scene = { ledger: withShares(silenced(ledger, damage), damage.kept), damage, now }
  return (id) => healthOf(id, scene, spans).isBelow
}

function silenced(ledger: Ledger, { silentVenues }: Damage): Ledger {
  const silent = [...silentVenues].map((venue): [Peer, bigint] => [venuePeer(venue), 0n])
  return { ...ledger, heard: new Map([...ledger.heard, ...silent]) }
}

function withShares(ledger: Ledger, shares: readonly Ratio[]): Ledger {
  const accounts = [...ledger.accounts.keys()].map((id): [Hex, Account] => {
    const account = upToDate(ledger, id)
    const lines = account.lines.map((line) => {
      const share = shares[line.listing] ?? WAD
      return { ...line, units: mulDown(line.units, share), counted: mulDown(line.counted, share) }
    })
    return [id, { ...account, lines }]
  })
  return { ...ledger, accounts: new Map(accounts) }
}

function healthOf(id: Hex, scene: Scene, spans: Spans) {
  const { parameters } = scene.ledger
  const { positions } = accountIn(scene.ledger, id)
  const open = [...positions].flatMap(([market, position]) =>
    parameters && isOpen(position) ? (feedOfMarket(parameters, market) ?? []) : [],
  )
  const feeds = [...new Set(open)]
  const corners = Array.from({ length: 2 ** feeds.length }, (_, corner) =>
    healthAt(id, scene, (feed) => {
      const [span, place] = [spans.get(feed), feeds.indexOf(feed)]
      return (place >= 0 && ((corner >> place) & 1) === 1 ? span?.high : span?.low) ?? 0n
    }),
  )
  return corners.reduce((worst, corner) => ({
    isBelow: worst.isBelow || corner.isBelow,
    balance: min(worst.balance, corner.balance),
    shortfall: max(worst.shortfall, corner.shortfall),
  }))
}

function healthAt(id: Hex, { ledger, damage, now }: Scene, priceOf: (feed: number) => Price) {
  const { parameters } = ledger
  const account = upToDate(ledger, id)
  const positions = [...account.positions].map(([market, position]): [number, typeof position] => {
    if (!damage.lostMarkets.has(market)) return [market, position]
    const worth = positionValue(position.size, priceOf((parameters && feedOfMarket(parameters, market)) ?? -1))
    return [market, worth + position.quote > 0n ? { ...position, quote: -worth } : position]
  })
  const accounts = new Map([[id, { ...account, positions: new Map(positions) }]])
  const prices = new Map([...ledger.prices].map(([feed, cached]) => [feed, { ...cached, price: priceOf(feed) }]))
  const margin = marginOf({ ...ledger, prices, accounts }, id, now)
  if (typeof margin === 'string') throw new Error(margin)
  return {
    isBelow: isLiquidatable(margin),
    balance: margin.maintenanceMarginBalance,
    shortfall: max(0n, -margin.equity),
  }
}

/** Collateral and positions in a price against each other; what is lost sets nothing off. */
export function flowOf(ledger: Ledger, { kept, lostMarkets }: Damage, closed: Iterable<Hex>): Flow {
  const [sold, bought, soldThere] = [new Map<number, bigint>(), new Map<number, bigint>(), new Map<number, bigint>()]
  const add = (to: Map<number, bigint>, key: number, size: bigint, price: Price) => {
    if (size > 0n) to.set(key, (to.get(key) ?? 0n) + mulUp(size, price))
  }
  const { parameters } = ledger
  for (const id of closed) {
    const { lines, positions } = upToDate(ledger, id)
    for (const [feed, { price }] of ledger.prices) {
      const held = lines.flatMap(({ listing, units }) => {
        const terms = parameters?.listings[listing]
        const size = divUp(units * WAD, 10n ** BigInt(terms?.decimals ?? 0))
        return terms?.feed === feed ? [{ listing, size, isLost: (kept[listing] ?? WAD) < WAD }] : []
      })
      const traded = [...positions].flatMap(([market, { size }]) =>
        parameters && feedOfMarket(parameters, market) === feed ? [{ size, isLost: lostMarkets.has(market) }] : [],
      )
      const most = [...held, ...traded].reduce((t, { size, isLost }) => t + (isLost ? max(0n, size) : size), 0n)
      const least = [...held, ...traded].reduce((t, { size, isLost }) => t + (isLost ? min(0n, size) : size), 0n)
      add(sold, feed, most, price)
      add(bought, feed, -least, price)
      for (const listing of new Set(held.map(({ listing }) => listing))) {
        const size = held.reduce((t, one) => (one.listing === listing ? t + one.size : t), 0n)
        add(soldThere, listing, min(size, most), price)
      }
    }
  }
  return { sold, bought, soldThere }
}
