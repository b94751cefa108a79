/** What the same book costs siloed, with a bridge, and unified: spec/capital.md. */
import { divUp, max, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import type { Series } from './bars.ts'
import { type Book, chainsOf, type Leg } from './book.ts'
import { excursionsOf, exposuresAt, grossOf, type Market, marketOf, needsOf, pathOf } from './path.ts'
import { quantile } from './quantile.ts'
import { moneyAsSafe, moneyOf, type Outcome, type Regime, replay, withMoney } from './regime.ts'
import { type Clearing, known, requirementOf } from './requirement.ts'
import type { Terms } from './terms.ts'

export const REGIMES = ['siloed', 'bridge', 'unified'] as const
export type RegimeName = (typeof REGIMES)[number]

export type RegimeReport = {
  /** Market value of the collateral that is required. */
  readonly capital: Usd
  /** Initial margin at the end, and `capital`, each as a share of what the book posts. */
  readonly capitalUtilization: Ratio
  readonly requiredCapitalUtilization: Ratio
  readonly notionalPerCapital: Ratio
  /** With `capital` posted, and with what unified requires posted. */
  readonly atOwnCapital: Outcome
  readonly atUnifiedCapital: Outcome
  /** Of the worst start at unified's capital: what was missing to maintenance, by gross notional. */
  readonly shortfallPerNotional: Ratio
}

export type Comparison = {
  readonly name: string
  /** At the end: what positions are worth without their signs, and collateral. */
  readonly gross: Usd
  readonly posted: Usd
  readonly regimes: Readonly<Record<RegimeName, RegimeReport>>
  readonly savingToSiloed: Ratio
  readonly savingToBridge: Ratio
  /** Siloed, were it as safe as unified: no chain liquidated from as many starts. */
  readonly siloedAsSafe: Usd
  readonly savingAsSafe: Ratio
  /** New in unified: what is expected to be lost a year by routes that fail, with unified's capital split as the book's collateral. */
  readonly routeLossPerYear: Usd
}

type Scene = {
  readonly book: Book
  readonly markets: ReadonlyMap<string, Market>
  readonly terms: Terms
  /** The window, and the bridge's delay, in bars. */
  readonly width: number
  readonly delay: number
}

/** Replays a book over series of one span, one for each of its underlyings. The terms know its underlyings and chains. */
export function compare(book: Book, series: ReadonlyMap<string, Series>, terms: Terms): Comparison {
  const interval = series.values().next().value?.interval ?? 1
  const width = barsOf(terms.windowSeconds, interval)
  const delay = Math.min(width, barsOf(terms.reactionSeconds + terms.transferSeconds, interval))
  const markets = new Map([...series].map(([name, one]) => [name, marketOf(one)]))
  const scene = { book, markets, terms, width, delay }
  const whole = pathOf(book.legs, markets, terms, 'remote')
  const gross = grossOf(exposuresAt(book.legs, markets, whole.profit.length - 1))
  const posted = [...book.collateral.values()].reduce((total, value) => total + value, 0n)
  const regimes = regimesOf(scene, whole)
  const capitals = mapRegimes((name) => marketValueOf(moneyOf(regimes[name]), haircutOf(name, terms)))
  const siloedAsSafe = marketValueOf(moneyAsSafe(regimes.siloed, terms.confidence), haircutOf('siloed', terms))
  const margins = initialMarginsOf(scene)
  const reports = mapRegimes((name): RegimeReport => {
    const capital = capitals[name]
    const counted = (capitals.unified * (WAD - haircutOf(name, terms))) / WAD
    const atUnifiedCapital = replay(withMoney(regimes[name], counted), whole, width)
    return {
      capital,
      capitalUtilization: ratioUp(margins[name], posted),
      requiredCapitalUtilization: ratioUp(capital, posted),
      notionalPerCapital: ratioDown(gross, capital),
      atOwnCapital: replay(regimes[name], whole, width),
      atUnifiedCapital,
      shortfallPerNotional: ratioUp(atUnifiedCapital.worstShortfall, gross),
    }
  })
  return {
    name: book.name,
    gross,
    posted,
    regimes: reports,
    savingToSiloed: WAD - ratioUp(capitals.unified, capitals.siloed),
    savingToBridge: WAD - ratioUp(capitals.unified, capitals.bridge),
    siloedAsSafe,
    savingAsSafe: WAD - ratioUp(capitals.unified, siloedAsSafe),
    routeLossPerYear: routeLossOf(book, terms, moneyOf(regimes.unified), posted),
  }
}

/** The middle, and what a tenth of the books is at or below, and nine tenths are. */
export function spreadOf(values: readonly bigint[]): { p10: bigint; median: bigint; p90: bigint } {
  return {
    p10: quantile(values, WAD / 10n),
    median: quantile(values, WAD / 2n),
    p90: quantile(values, (9n * WAD) / 10n),
  }
}

/** Bars that cover a time: at least one. */
function barsOf(seconds: number, interval: number): number {
  return Math.max(1, Number(divUp(BigInt(seconds), BigInt(interval))))
}

function regimesOf({ book, markets, terms, width, delay }: Scene, whole: ReturnType<typeof pathOf>) {
  const silos = silosOf(book).map((legs) => pathOf(legs, markets, terms, 'local'))
  const atConfidence = (values: readonly bigint[]) => quantile(values, terms.confidence)
  const regimes: Record<RegimeName, Regime> = {
    siloed: {
      accounts: silos,
      local: silos.map((silo) => atConfidence(needsOf(silo, width))),
      buffer: 0n,
      delay: width,
    },
    bridge: {
      accounts: silos,
      local: silos.map((silo) => atConfidence(needsOf(silo, delay))),
      buffer: atConfidence(excursionsOf(whole, width)),
      delay,
    },
    unified: { accounts: [whole], local: [atConfidence(needsOf(whole, width))], buffer: 0n, delay: width },
  }
  return regimes
}

function silosOf(book: Book): Leg[][] {
  return chainsOf(book).map((chain) => book.legs.filter((leg) => leg.chain === chain))
}

function initialMarginsOf({ book, markets, terms }: Scene): Record<RegimeName, Usd> {
  const last = (markets.values().next().value?.closes.length ?? 1) - 1
  const of = (legs: readonly Leg[], clearing: Clearing) =>
    requirementOf(exposuresAt(legs, markets, last), terms, clearing).initialMargin
  const siloed = silosOf(book).reduce((total, legs) => total + of(legs, 'local'), 0n)
  return { siloed, bridge: siloed, unified: of(book.legs, 'remote') }
}

/** In a silo and after a bridge, collateral counts where it lies: nothing about it is late. */
function haircutOf(name: RegimeName, { haircut, latencyPremium }: Terms): Ratio {
  return name === 'unified' ? haircut + latencyPremium : haircut
}

function marketValueOf(counted: Usd, haircut: Ratio): Usd {
  return divUp(counted * WAD, WAD - haircut)
}

function routeLossOf(book: Book, terms: Terms, recognized: Usd, posted: Usd): Usd {
  return [...book.collateral].reduce((total, [chain, value]) => {
    const { failuresPerYear, lossGivenFailure } = known(terms.chains, chain)
    return total + divUp(recognized * value * failuresPerYear * lossGivenFailure, posted * WAD * WAD)
  }, 0n)
}

function ratioUp(part: bigint, whole: bigint): Ratio {
  return divUp(part * WAD, max(whole, 1n))
}

function ratioDown(part: bigint, whole: bigint): Ratio {
  return (part * WAD) / max(whole, 1n)
}

function mapRegimes<Value>(of: (name: RegimeName) => Value): Record<RegimeName, Value> {
  return { siloed: of('siloed'), bridge: of('bridge'), unified: of('unified') }
}
