/** What a position is worth: the one place that knows which kind of instrument it is. Twin of contracts/src/clearing/Instruments.sol. */
import { mulDown, type Price, type Size, type Usd } from './wad.ts'

/** The kinds there are. A perpetual's value is its size times the index price; its delta is its size. */
export const INSTRUMENT = { PERPETUAL: 0 } as const

/** A perpetual of `size` base units at the index price, USD at 1e18; rounds down. */
export function positionValue(size: Size, price: Price): Usd {
  return mulDown(size, price)
}
