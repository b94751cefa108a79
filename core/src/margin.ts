/** The margin of a portfolio: spec/margin.md. Twin of contracts/src/clearing/Margin.sol, to the last unit. */
import { valueOf } from './instrument.ts'
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
  readonly price: Price
  readonly band: Ratio
  readonly underlying: number
  readonly venue: number
}

/** Rates are shares of notional. Beyond `depth` of net notional, every further dollar is charged `concentrationRate`. */
export type Underlying = {
  readonly initialRate: Ratio
  readonly maintenanceRate: Ratio
  readonly basisRate: Ratio
  readonly depth: Usd
  readonly concentrationRate: Ratio
}

/** The share of an underlying's rate that a leg at this venue is charged, because it may have to be closed late. */
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
export const MAX_LINE_VALUE: Usd = (1n << 128n) - 1n

/** What two rounded risks of opposite sign may differ by from the exact ones, in units. */
const ROUNDING = 2n

/** Outstanding limits may fill either way, so what is held is an interval. */
type Interval = { readonly low: bigint; readonly high: bigint }
type Net = Interval & { readonly size: bigint; readonly price: bigint }

/** Which of two rates, and of two leg shares, a requirement is for. */
type Grade = {
  readonly rate: (underlying: Underlying) => Ratio
  readonly legShare: (venue: Venue) => Ratio
}

const INITIAL: Grade = { rate: (u) => u.initialRate, legShare: (v) => v.initialLegShare }
const MAINTENANCE: Grade = { rate: (u) => u.maintenanceRate, legShare: (v) => v.maintenanceLegShare }

/** Balances, requirements, equity and exposure of a portfolio. Never fails: every input is bounded by its type. */
export function computeMargin(portfolio: Portfolio): Margin {
  const collateral = sumLines(portfolio.lines)
  const pnl = sum(portfolio.positions.map(unrealizedPnl))
  const { cash } = portfolio
  const countedCash = cash > 0n ? mulDown(cash, WAD - portfolio.cashHaircut) : cash
  const nets = netsOf(portfolio.positions, portfolio)
  return {
    equity: cash + pnl + collateral.value,
    initialMarginBalance: collateral.initial + countedCash + (pnl < 0n ? pnl : 0n),
    initialMargin: requirement(portfolio, nets, INITIAL),
    maintenanceMarginBalance: collateral.maintenance + countedCash + pnl,
    maintenanceMargin: requirement(portfolio, nets, MAINTENANCE),
    exposure: collateral.value + sum(nets.map(({ size, price }) => mulUp(abs(size), price))),
  }
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
export function unrealizedPnl({ size, price, quote }: Pick<Position, 'size' | 'price' | 'quote'>): Usd {
  return valueOf(size, price) + quote
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

/** max(directional risk, venue loss) + legs + reserve + concentration; every term rounds up. */
function requirement(portfolio: Portfolio, nets: readonly Net[], grade: Grade): Usd {
  const { positions, underlyings } = portfolio
  const directional = directionalRisk(portfolio, nets, grade)
  const venueLoss = mulUp(lossesOfVenues(portfolio, nets, grade).reduce(max, 0n), portfolio.venueLossShare)
  const legs = sum(positions.map((position) => legCharge(portfolio, position, grade)))
  const reserve = sum(positions.map(reserveOf))
  const concentration = sum(nets.map((net, u) => concentrationCharge(net, at(underlyings, u))))
  return max(directional, venueLoss) + legs + reserve + concentration
}

/** Each underlying's net at its rate, less what opposite positions in correlated ones offset. */
function directionalRisk({ underlyings, credits }: Portfolio, nets: readonly Net[], grade: Grade): Usd {
  const risks = nets.map((net, u) => riskOf(net, net.price, grade.rate(at(underlyings, u))))
  const offsets = credits.map(({ first, second, ratio }) => {
    const [a, b] = [at(risks, first), at(risks, second)]
    const both = widest({ low: a.low + b.low, high: a.high + b.high }) + ROUNDING
    return mulDown(max(0n, widest(a) + widest(b) - both), ratio)
  })
  return sum(risks.map(widest)) - sum(offsets)
}

/** For each venue, what the other venues' positions alone would require, without credits. */
function lossesOfVenues({ positions, venues, underlyings }: Portfolio, nets: readonly Net[], grade: Grade): Usd[] {
  return venues.map((_, venue) => {
    const rests = netsOf(
      positions.filter((position) => position.venue !== venue),
      { underlyings },
    )
    const isThere = positions.some((position) => position.venue === venue)
    if (!isThere) return 0n
    return sum(rests.map((rest, u) => widest(riskOf(rest, at(nets, u).price, grade.rate(at(underlyings, u))))))
  })
}

/** What a leg costs to close beside its price: the venue's basis, and the underlying's move while its chain is late. */
function legCharge({ underlyings, venues }: Portfolio, position: Position, grade: Grade): Usd {
  const underlying = at(underlyings, position.underlying)
  const latency = mulUp(grade.rate(underlying), grade.legShare(at(venues, position.venue)))
  return mulUp(mulUp(widest(intervalOf(position)), position.price), underlying.basisRate + latency)
}

/** What outstanding limits may lose to fills at the far end of the band. */
function reserveOf({ buyOut, sellOut, price, band }: Position): Usd {
  return mulUp(mulUp(buyOut + sellOut, price), band)
}

function concentrationCharge(net: Net, { depth, concentrationRate }: Underlying): Usd {
  return mulUp(max(0n, mulUp(widest(net), net.price) - depth), concentrationRate)
}

function netsOf(positions: readonly Position[], { underlyings }: Pick<Portfolio, 'underlyings'>): Net[] {
  const nets = underlyings.map(() => ({ size: 0n, high: 0n, low: 0n, price: 0n }))
  for (const position of positions) {
    const net = at(nets, position.underlying)
    const { low, high } = intervalOf(position)
    net.size += position.size
    net.high += high
    net.low += low
    net.price = position.price
  }
  return nets
}

function intervalOf({ size, buyOut, sellOut }: Position): Interval {
  return { low: size - sellOut, high: size + buyOut }
}

/** Both ends at a price and a rate, rounded away from zero. */
function riskOf({ low, high }: Interval, price: Price, rate: Ratio): Interval {
  const risk = (size: bigint) => {
    const magnitude = mulUp(mulUp(abs(size), price), rate)
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
