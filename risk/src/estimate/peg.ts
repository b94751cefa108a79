/** The haircut of what promises one dollar: statistics of calm years know nothing of the day it breaks. */
import type { Defaults } from './defaults.ts'
import { halved } from './speeds.ts'

/** h_peg, and what of it is for now: the rest is left of before. */
export type Pegged = { readonly haircut: number; readonly now: number }

/**
 * Told each price in dollars, or in what the peg is to, and the seconds since the one before. Up at once, down slowly. A price holds
 * until the next, so that it does not matter how often the same one is told.
 */
export function pegOf(floor: number, { peg }: Defaults): (price: number, seconds: number) => Pegged {
  const most = Math.max(0, peg.cap - floor)
  let [deviation, usual, beyond] = [0, 0, 0]
  /** Of the price that holds, beyond the floor. */
  const ask = () => {
    const distance = Math.min(most, peg.perDeviation * Math.max(0, deviation - peg.dead))
    // What would be asked beyond the cap is not remembered.
    usual = Math.max(usual, deviation - (most - distance) / peg.perVelocity)
    const asked = distance + peg.perVelocity * Math.max(0, deviation - usual)
    beyond = Math.max(beyond, asked)
    return asked
  }
  return (price, seconds) => {
    if (!(price >= 0 && seconds >= 0))
      throw new RangeError(`A price of ${price} after ${seconds} s: give neither below zero.`)
    // Speed is how far it is from where it was of late. Rises are not added up: a tick to and fro would be many of them.
    usual = deviation + halved(usual - deviation, seconds, peg.velocityHalfLife)
    beyond = halved(beyond, seconds, peg.downHalfLife)
    ask()
    deviation = Math.max(0, 1 - price)
    const now = floor + ask()
    return { haircut: floor + beyond, now }
  }
}
