/** The margin of a portfolio: spec/margin.md. Twin of contracts/src/clearing/Margin.sol, to the last unit. */
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

/** A position with everything the formula needs; `underlying` counts within the portfolio's list. */
export type Position = {
  readonly size: Size
  readonly quote: Usd
  readonly buyOut: Size
  readonly sellOut: Size
  readonly price: Price
  readonly band: Ratio
  readonly underlying: number
}

export type Underlying = { readonly initialRate: Ratio; readonly maintenanceRate: Ratio; readonly legRate: Ratio }

/** An account and all that is known about it: looked up first, so that the formula is a pure function. */
export type Portfolio = {
  readonly cash: Usd
  readonly cashHaircut: Ratio
  readonly lines: readonly Line[]
  readonly positions: readonly Position[]
  readonly underlyings: readonly Underlying[]
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

type Net = { size: bigint; high: bigint; low: bigint; gross: bigint; price: bigint; reserve: bigint }

/** Balances, requirements, equity and exposure of a portfolio. Never fails: every input is bounded by its type. */
export function computeMargin(portfolio: Portfolio): Margin {
  const collateral = sumLines(portfolio.lines)
  const requirement = sumRequirements(portfolio)
  const pnl = sum(portfolio.positions.map(unrealizedPnl))
  const { cash } = portfolio
  const countedCash = cash > 0n ? mulDown(cash, WAD - portfolio.cashHaircut) : cash
  return {
    equity: cash + pnl + collateral.value,
    initialMarginBalance: collateral.initial + countedCash + (pnl < 0n ? pnl : 0n),
    initialMargin: requirement.initial,
    maintenanceMarginBalance: collateral.maintenance + countedCash + pnl,
    maintenanceMargin: requirement.maintenance,
    exposure: collateral.value + requirement.netNotional,
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
  return mulDown(size, price) + quote
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

function sumRequirements({ positions, underlyings }: Portfolio) {
  const total = { initial: 0n, maintenance: 0n, netNotional: 0n }
  for (const [index, terms] of underlyings.entries()) {
    const net = netOf(positions.filter(({ underlying }) => underlying === index))
    const netNotional = mulUp(max(abs(net.high), abs(net.low)), net.price)
    const fixedPart = mulUp(mulUp(net.gross, net.price), terms.legRate) + net.reserve
    total.netNotional += mulUp(abs(net.size), net.price)
    total.initial += mulUp(netNotional, terms.initialRate - terms.legRate) + fixedPart
    total.maintenance += mulUp(netNotional, terms.maintenanceRate - terms.legRate) + fixedPart
  }
  return total
}

/** Outstanding limits may fill either way, so each position is an interval from its low to its high. */
function netOf(positions: readonly Position[]): Net {
  const net = { size: 0n, high: 0n, low: 0n, gross: 0n, price: 0n, reserve: 0n }
  for (const { size, buyOut, sellOut, price, band } of positions) {
    const high = size + buyOut
    const low = size - sellOut
    net.size += size
    net.high += high
    net.low += low
    net.gross += max(abs(high), abs(low))
    net.price = price
    net.reserve += mulUp(mulUp(buyOut + sellOut, price), band)
  }
  return net
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}
