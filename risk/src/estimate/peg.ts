/** The haircut of what promises one dollar: statistics of calm years know nothing of the day it breaks. */
import type { Defaults } from './defaults.ts'
import { halved } from './speeds.ts'

/** Told each price in dollars, or in what the peg is to, and the seconds since the one before. Up at once, down slowly. */
export function pegOf(floor: number, { peg }: Defaults): (price: number, seconds: number) => number {
  let [deviation, velocity, haircut] = [0, 0, floor]
  return (price, seconds) => {
    if (!(price >= 0 && seconds >= 0))
      throw new RangeError(`A price of ${price} after ${seconds} s: give neither below zero.`)
    const before = deviation
    deviation = Math.max(0, 1 - price)
    velocity = halved(velocity, seconds, peg.velocityHalfLife) + Math.max(0, deviation - before)
    const asked = floor + peg.perDeviation * Math.max(0, deviation - peg.dead) + peg.perVelocity * velocity
    const now = Math.max(floor, Math.min(peg.cap, asked))
    haircut = now >= haircut ? now : now + halved(haircut - now, seconds, peg.downHalfLife)
    return haircut
  }
}
