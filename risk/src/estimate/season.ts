/** How wild each hour of New York's week is wont to be, by the day before it: markets sleep and wake, and news has its hours. */
import { newYorkOf } from './newyork.ts'

export type Season = {
  /** What the hour that begins then adds to the logarithm of variance. */
  readonly of: (time: number) => number
  /** What it added, by the mean of the day before. */
  readonly add: (time: number, added: number) => void
}

const HOUR = 3600
const HOURS = 168

/** A mean over all weeks for each of the hours, nothing to begin with, and half believed after as many weeks as the prior. */
export function seasonOf(priorWeeks: number): Season {
  const [sums, counts] = [new Float64Array(HOURS), new Float64Array(HOURS)]
  let [total, count] = [0, 0]
  // A week later, so that it is never before 1970.
  const placeOf = (time: number) => ((newYorkOf(time) / HOUR + HOURS) | 0) % HOURS
  return {
    of: (time) => {
      const place = placeOf(time)
      return sums[place]! / (counts[place]! + priorWeeks)
    },
    add: (time, added) => {
      total += added
      count += 1
      const place = placeOf(time)
      sums[place] = sums[place]! + added - total / count
      counts[place] = counts[place]! + 1
    },
  }
}
