/** A book over recorded prices: profit and requirement, bar by bar. The same closes for every chain and every regime. */
import { abs, mulDown, type Price, type Usd, WAD } from '@omnimargin/core/wad'
import type { Series } from './bars.ts'
import type { Leg } from './book.ts'
import { type Clearing, type Exposure, known, requirementOf } from './requirement.ts'
import type { Terms } from './terms.ts'
import { slidingMax } from './window.ts'

/** Profit since the first bar, maintenance margin, and the one less the other, at each bar's close. */
export type Path = {
  readonly profit: readonly Usd[]
  readonly maintenance: readonly Usd[]
  readonly spare: readonly Usd[]
}

/** The series of each underlying, all of one span, and the sum of its simple returns up to each bar. */
export type Market = { readonly closes: readonly Price[]; readonly returns: readonly bigint[] }

/** The returns of a series round toward zero, bar by bar. */
export function marketOf({ closes }: Pick<Series, 'closes'>): Market {
  let total = 0n
  let before = closes[0] ?? 0n
  const returns = closes.map((close) => {
    total += (close * WAD) / before - WAD
    before = close
    return total
  })
  return { closes, returns }
}

/** The path of some legs of a book held as one account. */
export function pathOf(
  legs: readonly Leg[],
  markets: ReadonlyMap<string, Market>,
  terms: Terms,
  clearing: Clearing,
): Path {
  const bars = markets.values().next().value?.closes.length ?? 0
  const profit = new Array<Usd>(bars).fill(0n)
  for (const [underlying, held] of netOf(legs)) {
    const { closes, returns } = known(markets, underlying)
    const first = closes[0] ?? 0n
    for (let bar = 0; bar < bars; bar++) {
      const moved = mulDown(held.units, (closes[bar] ?? 0n) - first) + mulDown(held.dollars, returns[bar] ?? 0n)
      profit[bar] = (profit[bar] ?? 0n) + moved
    }
  }
  const atBar = (bar: number) => requirementOf(exposuresAt(legs, markets, bar), terms, clearing).maintenanceMargin
  const isConstant = legs.every(({ measure }) => measure === 'dollars')
  const maintenance = isConstant ? new Array<Usd>(bars).fill(atBar(0)) : profit.map((_, bar) => atBar(bar))
  return { profit, maintenance, spare: profit.map((made, bar) => made - (maintenance[bar] ?? 0n)) }
}

/** What each leg is worth at a bar's close. */
export function exposuresAt(legs: readonly Leg[], markets: ReadonlyMap<string, Market>, bar: number): Exposure[] {
  return legs.map((leg) => {
    const price = known(markets, leg.underlying).closes[bar] ?? 0n
    return { leg, signed: leg.measure === 'units' ? mulDown(leg.signed, price) : leg.signed }
  })
}

/** The sum of the legs' values without their signs. */
export function grossOf(exposures: readonly Exposure[]): Usd {
  return exposures.reduce((total, { signed }) => total + abs(signed), 0n)
}

/** For each start that has `width` bars after it: what must be there at first to hold maintenance at each of them. */
export function needsOf({ profit, spare }: Path, width: number): Usd[] {
  const deepest = slidingMax(
    spare.map((left) => -left),
    width,
  )
  return deepest.map((depth, start) => (profit[start] ?? 0n) + depth)
}

/** The same for the loss alone: the greatest adverse excursion. */
export function excursionsOf({ profit }: Path, width: number): Usd[] {
  const losses = slidingMax(
    profit.map((made) => -made),
    width,
  )
  return losses.map((loss, start) => (profit[start] ?? 0n) + loss)
}

function netOf(legs: readonly Leg[]): Map<string, Record<Leg['measure'], bigint>> {
  const net = new Map<string, Record<Leg['measure'], bigint>>()
  for (const { underlying, measure, signed } of legs) {
    const held = net.get(underlying) ?? { units: 0n, dollars: 0n }
    net.set(underlying, { ...held, [measure]: held[measure] + signed })
  }
  return net
}
