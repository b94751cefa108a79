/** Hourly bars out of prices as they come, for estimators. Nothing is said of an hour that is not over. */
import type { Candle } from './candle.ts'

const HOUR = 3600

export type Hours = {
  /** The bar of an hour that is over by a price of that time, if there is one. A price of an hour that is over already is too late. */
  readonly add: (price: number, time: number) => Candle | undefined
  /** The same for the time alone. */
  readonly pass: (time: number) => Candle | undefined
}

/** Nothing before `from` counts. */
export function hoursOf(from: number): Hours {
  let over = from
  let open: Candle | undefined
  const pass = (time: number): Candle | undefined => {
    if (open === undefined || time < open.time + HOUR) return undefined
    const closed = open
    over = closed.time + HOUR
    open = undefined
    return closed
  }
  return {
    add: (price, time) => {
      if (!(price > 0)) throw new RangeError(`A price of ${price}: give one above zero.`)
      const closed = pass(time)
      if (time < over) return closed
      const begun = time - (time % HOUR)
      // How an hour after a gap began nobody saw: where it ended is all that is known of it.
      const at = begun === over && open ? open : { time: begun, open: price, high: price, low: price, close: price }
      open = { ...at, high: Math.max(at.high, price), low: Math.min(at.low, price), close: price }
      return closed
    },
    pass,
  }
}
