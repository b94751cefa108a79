/** What units are sold for, when an account's debt is settled against them. Twin of contracts/src/clearing/Settlement.sol. */
import { divUp, min, mulUp, type Price, type Ratio, type Units, type Usd, WAD } from './wad.ts'

/** A listing with what its units are sold by; `unit` is 10^decimals, `discount` the smaller of two: `saleDiscountOf`. */
export type Sale = { readonly unit: bigint; readonly price: Price; readonly discount: Ratio }

/** Never more than the maintenance haircut, so that no sale lowers the seller's maintenance margin. */
export function saleDiscountOf(saleDiscount: Ratio, maintenanceHaircut: Ratio): Ratio {
  return min(saleDiscount, maintenanceHaircut)
}

/** The index price of the units less the discount; rounds up twice. */
export function salePriceOf(units: Units, { unit, price, discount }: Sale): Usd {
  return mulUp(divUp(units * price, unit), WAD - discount)
}

/** The most units that cash of at least zero pays for; nothing limits them if they cost nothing. */
export function unitsFor(cash: Usd, { unit, price, discount }: Sale): Units | 'any' {
  if (discount === WAD || price === 0n) return 'any'
  // Both roundings are up, so each is undone exactly by one down.
  return (((cash * WAD) / (WAD - discount)) * unit) / price
}
