/** The margin of a portfolio: spec/margin.md. Twin of contracts/src/clearing/Margin.sol, to the last unit. */
import { positionValue } from './instrument.ts'
import { abs, max, min, mulDown, mulUp, type Price, type Ratio, type Size, type Units, type Usd, WAD } from './wad.ts'

/** A line with everything the formula needs; `unit` is 10^decimals. */
export type Line = {
  readonly units: Units
  readonly counted: Units
  readonly unit: bigint
  readonly price: Price
  readonly initialHaircut: Ratio
  readonly maintenanceHaircut: Ratio
}

/** A position with everything the formula needs; `underlying` and `venue` count within the portfolio's lists. */
export type Position = {
  readonly size: Size
  readonly quote: Usd
  readonly buyOut: Size
  readonly sellOut: Size
  readonly band: Ratio
  /** For new risk: wider than the band as what is known of the limits' fills ages. */
  readonly initialBand: Ratio
  readonly underlying: number
  readonly venue: number
}

/**
 * Rates are shares of notional: `basisRate` of every leg's, the two others what net notional is charged beside its legs'
 * basis. Beyond `depth` of net notional, every further dollar is charged `concentrationRate`.
 */
export type Underlying = {
  readonly initialRate: Ratio
  readonly maintenanceRate: Ratio
  readonly basisRate: Ratio
  readonly depth: Usd
  readonly concentrationRate: Ratio
  /** The index price of a whole unit. */
  readonly price: Price
}

/** The share of the risk of the legs at this venue that is charged beside the net, because they may have to be closed late. */
export type Venue = { readonly initialLegShare: Ratio; readonly maintenanceLegShare: Ratio }

/** The share of two underlyings' rates that is one common risk: opposite positions offset in it, others do not. */
export type Credit = { readonly first: number; readonly second: number; readonly ratio: Ratio }

/** An account and all that is known about it: looked up first, so that the formula is a pure function. */
export type Portfolio = {
  readonly cash: Usd
  readonly cashHaircut: Ratio
  readonly lines: readonly Line[]
  readonly positions: readonly Position[]
  readonly underlyings: readonly Underlying[]
  readonly venues: readonly Venue[]
  readonly credits: readonly Credit[]
  /** The share of what the rest would require, were a venue lost, that is required at least. */
  readonly venueLossShare: Ratio
}

/** USD at 1e18. `equity` is without haircuts; `exposure` is collateral value plus each underlying's net notional, which has to be hedged. */
export type Margin = {
  readonly equity: Usd
  readonly initialMarginBalance: Usd
  readonly initialMargin: Usd
  readonly maintenanceMarginBalance: Usd
  readonly maintenanceMargin: Usd
  readonly exposure: Usd
}

/** The most that one line can be worth: 3.4e20 USD. */
const MAX_LINE_VALUE: Usd = (1n << 128n) - 1n

/** What two rounded risks of opposite sign may differ by from the exact ones, in units. */
const ROUNDING = 2n

/** Outstanding limits may fill either way, so what is held is an interval. */
type Interval = { readonly low: bigint; readonly high: bigint }

/** Which of two rates, leg shares and bands a requirement is for. */
type Grade = {
  readonly rate: (underlying: Underlying) => Ratio
  readonly legShare: (venue: Venue) => Ratio
  readonly band: (position: Position) => Ratio
}

const INITIAL: Grade = {
  rate: (u) => u.initialRate,
  legShare: (v) => v.initialLegShare,
  band: (p) => p.initialBand,
}
const MAINTENANCE: Grade = {
  rate: (u) => u.maintenanceRate,
  legShare: (v) => v.maintenanceLegShare,
  band: (p) => p.band,
}

/** Balances, requirements, equity and exposure of a portfolio. No amount makes it fail; asserts that what positions and credits name is there. */
export function computeMargin(portfolio: Portfolio): Margin {
  const collateral = sumLines(portfolio.lines)
  return {
    ...balancesOf(portfolio, collateral),
    initialMargin: requirement(portfolio, INITIAL),
    maintenanceMargin: computeMaintenanceMargin(portfolio),
    exposure: collateral.value + netNotionalOf(portfolio),
  }
}

type Balances = Pick<Margin, 'equity' | 'initialMarginBalance' | 'maintenanceMarginBalance'>

/** Of the margin, what there is: for who has no use for what is required. */
export function computeBalances(portfolio: Portfolio): Balances {
  return balancesOf(portfolio, sumLines(portfolio.lines))
}

function balancesOf(
  { cash, cashHaircut, positions, underlyings }: Portfolio,
  collateral: ReturnType<typeof sumLines>,
): Balances {
  const pnl = sum(positions.map((position) => unrealizedPnl(position, at(underlyings, position.underlying).price)))
  const countedCash = cash > 0n ? mulDown(cash, WAD - cashHaircut) : cash
  return {
    equity: cash + pnl + collateral.value,
    initialMarginBalance: collateral.initial + countedCash + (pnl < 0n ? pnl : 0n),
    maintenanceMarginBalance: collateral.maintenance + countedCash + pnl,
  }
}

/** Of the margin, what is required to stay. */
export function computeMaintenanceMargin(portfolio: Portfolio): Usd {
  return requirement(portfolio, MAINTENANCE)
}

function netNotionalOf({ positions, underlyings }: Portfolio): Usd {
  const netNotionals = underlyings.map(({ price }, u) =>
    mulUp(abs(sum(positions.filter(({ underlying }) => underlying === u).map(({ size }) => size))), price),
  )
  return sum(netNotionals)
}

/** May take new risk, or let collateral go. */
export function meetsInitial(margin: Margin): boolean {
  return margin.initialMarginBalance >= margin.initialMargin
}

/** Strictly below maintenance. */
export function isLiquidatable(margin: Margin): boolean {
  return margin.maintenanceMarginBalance < margin.maintenanceMargin
}

/** A position's value at the index price plus the cash flows that opened it; rounds down. */
export function unrealizedPnl({ size, quote }: Pick<Position, 'size' | 'quote'>, price: Price): Usd {
  return positionValue(size, price) + quote
}

function sumLines(lines: readonly Line[]) {
  const total = { value: 0n, initial: 0n, maintenance: 0n }
  for (const line of lines) {
    const countedValue = collateralValue(line.counted, line)
    total.value += collateralValue(line.units, line)
    total.initial += mulDown(countedValue, WAD - line.initialHaircut)
    total.maintenance += mulDown(countedValue, WAD - line.maintenanceHaircut)
  }
  return total
}

/** Rounds down. Capped at what the contract's 256 bits have room for, whatever the token's decimals. */
function collateralValue(units: Units, { price, unit }: Line): Usd {
  return min(MAX_LINE_VALUE, (units * price) / unit)
}

/** max(directional risk, venue loss) + latency + basis + concentration + reserve; every term rounds up. */
function requirement(portfolio: Portfolio, grade: Grade): Usd {
  const { positions, underlyings, venues } = portfolio
  const legs = venues.map((_, venue) =>
    intervalsOf(
      positions.filter((position) => position.venue === venue),
      portfolio,
    ),
  )
  const latency = sum(legs.map((leg, v) => mulUp(riskOf(leg, portfolio, grade), grade.legShare(at(venues, v)))))
  const basis = underlyings.map(({ price, basisRate }, u) =>
    mulUp(sum(legs.map((leg) => mulUp(widest(at(leg, u)), price))), basisRate),
  )
  const venueLoss = mulUp(lossesOfVenues(portfolio, grade).reduce(max, 0n), portfolio.venueLossShare)
  const directional = max(directionalRisk(portfolio, grade), venueLoss)
  return directional + latency + sum(basis) + concentrationOf(portfolio) + reserveOf(portfolio, grade)
}

/** Each underlying's net at its rate, less what opposite positions in correlated ones offset. */
function directionalRisk(portfolio: Portfolio, grade: Grade): Usd {
  const nets = intervalsOf(portfolio.positions, portfolio)
  const risks = nets.map((net, u) => signedRisk(net, at(portfolio.underlyings, u), grade))
  const offsets = portfolio.credits.map(({ first, second, ratio }) => {
    const [a, b] = [at(risks, first), at(risks, second)]
    const together = widest({ low: a.low + b.low, high: a.high + b.high }) + ROUNDING
    return mulDown(max(0n, widest(a) + widest(b) - together), ratio)
  })
  return sum(risks.map(widest)) - sum(offsets)
}

/** For each venue, what the other venues' positions alone would require, without credits. */
function lossesOfVenues(portfolio: Portfolio, grade: Grade): Usd[] {
  const { positions, venues } = portfolio
  return venues.map((_, venue) => {
    const rest = positions.filter((position) => position.venue !== venue)
    return rest.length === positions.length ? 0n : riskOf(intervalsOf(rest, portfolio), portfolio, grade)
  })
}

/** Beyond its depth, an underlying's net notional is charged. */
function concentrationOf(portfolio: Portfolio): Usd {
  const charges = intervalsOf(portfolio.positions, portfolio).map((net, u) => {
    const { price, depth, concentrationRate } = at(portfolio.underlyings, u)
    return mulUp(max(0n, mulUp(widest(net), price) - depth), concentrationRate)
  })
  return sum(charges)
}

/** What outstanding limits may lose to fills at the far end of the band. */
function reserveOf({ positions, underlyings }: Portfolio, grade: Grade): Usd {
  const reserves = positions.map((position) => {
    const { buyOut, sellOut, underlying } = position
    return mulUp(mulUp(buyOut + sellOut, at(underlyings, underlying).price), grade.band(position))
  })
  return sum(reserves)
}

/** By underlying, the positions in it added up. */
function intervalsOf(positions: readonly Position[], { underlyings }: Portfolio): Interval[] {
  return underlyings.map((_, u) => {
    const held = positions.filter(({ underlying }) => underlying === u).map(intervalOf)
    return { low: sum(held.map(({ low }) => low)), high: sum(held.map(({ high }) => high)) }
  })
}

function intervalOf({ size, buyOut, sellOut }: Position): Interval {
  return { low: size - sellOut, high: size + buyOut }
}

/** The widest ends at their underlyings' prices and rates, added up. */
function riskOf(held: readonly Interval[], { underlyings }: Portfolio, grade: Grade): Usd {
  return sum(held.map((interval, u) => widest(signedRisk(interval, at(underlyings, u), grade))))
}

/** Both ends at the underlying's price and rate, rounded away from zero. */
function signedRisk({ low, high }: Interval, underlying: Underlying, grade: Grade): Interval {
  const risk = (size: bigint) => {
    const magnitude = mulUp(mulUp(abs(size), underlying.price), grade.rate(underlying))
    return size < 0n ? -magnitude : magnitude
  }
  return { low: risk(low), high: risk(high) }
}

function widest({ low, high }: Interval): bigint {
  return max(abs(low), abs(high))
}

function at<Entry>(entries: readonly Entry[], index: number): Entry {
  const entry = entries[index]
  if (entry === undefined) throw new Error(`The portfolio has no entry ${index}, though a position uses it.`)
  return entry
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}
