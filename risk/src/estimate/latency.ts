/** How long a message of a route may take, and whether the route stands still. */
import type { Defaults } from './defaults.ts'
import { exp, ln, lognormalTail, normalQuantileOfTail } from './elementary.ts'

/** What is known of a route before it is used: quartiles of delivery times, in seconds. */
export type Prior = { readonly first: number; readonly median: number; readonly third: number }

export type Route = {
  /** A delivery that took so many seconds. */
  readonly observe: (seconds: number) => void
  /** The tail quantile of deliveries seen, newer ones counting more, and of the prior. */
  readonly tail: () => number
}

/** Of a normal draw, from the first quartile to the third. */
const QUARTILES = 1.349
const YEAR = 31_536_000
/** Of a second, in which a heartbeat's age is looked at. */
const GRAINS = 1_048_576

export function routeOf({ first, median, third }: Prior, { latency }: Defaults): Route {
  if (!(first > 0 && first <= median && median <= third)) {
    throw new RangeError(`Quartiles ${first}, ${median}, ${third} s: give them above zero and in order.`)
  }
  const { ring, halfLife, priorWeight, quantile } = latency
  const sigma = Math.max(1e-6, ln(third / first) / QUARTILES)
  const priorAt = (chance: number) => (chance >= 1 ? 0 : median * exp(sigma * normalQuantileOfTail(chance)))
  const weights = Float64Array.from({ length: ring }, (_, age) => exp((-age / halfLife) * ln(2)))
  // In order of size, each with its number, so that a weight is looked up by age.
  const [sizes, numbers] = [new Float64Array(ring + 1), new Float64Array(ring + 1)]
  let [count, last, total] = [0, 0, 0]
  const drop = (place: number) => {
    sizes.copyWithin(place, place + 1, count)
    numbers.copyWithin(place, place + 1, count)
    count -= 1
  }
  return {
    observe: (seconds) => {
      if (!(seconds >= 0)) throw new RangeError(`A delivery in ${seconds} s: give a time of zero or more.`)
      if (count === ring) drop(numbers.indexOf(last - ring + 1))
      else total += weights[count]!
      let place = 0
      while (place < count && sizes[place]! < seconds) place += 1
      sizes.copyWithin(place + 1, place, count)
      numbers.copyWithin(place + 1, place, count)
      last += 1
      sizes[place] = seconds
      numbers[place] = last
      count += 1
    },
    tail: () => {
      const allowed = (1 - quantile) * (total + priorWeight)
      let [above, candidate] = [0, priorAt(allowed / priorWeight)]
      for (let place = count - 1; place >= 0; place--) {
        const seconds = sizes[place]!
        if (candidate >= seconds) break
        above += weights[last - numbers[place]!]!
        const left = allowed - above
        candidate = left > 0 ? priorAt(left / priorWeight) : seconds
        if (candidate >= seconds) return seconds
      }
      return candidate
    },
  }
}

/** How likely a route stands still whose newest heartbeat is `age` seconds old: Bayes, between a late heartbeat and a stall. */
export function stallChance(age: number, { latency }: Defaults): number {
  const { heartbeat, healthySigma, stallsPerYear, stallMedian, stallSigma } = latency
  // Before a heartbeat is due its absence says nothing. Ages a grain apart differ by more than the tails are rounded: it never falls.
  const late = grainUp(Math.max(age, heartbeat))
  const before = (stallsPerYear * heartbeat) / YEAR
  const healthy = (1 - before) * lognormalTail(late, heartbeat, healthySigma)
  if (healthy === 0) return 1
  return 1 / (1 + healthy / (before * lognormalTail(late, stallMedian, stallSigma)))
}

/** The next millionth of a second or so; beyond 2^33 s it is the same. */
function grainUp(seconds: number): number {
  const rest = (seconds * GRAINS) % 1
  return rest > 0 ? seconds + (1 - rest) / GRAINS : seconds
}

/** What a message may take now: the tail while the route is healthy, and what is left of a stall in so far as it is not. */
export function messageSeconds(tail: number, age: number, defaults: Defaults): { seconds: number; stalled: number } {
  const stalled = stallChance(age, defaults)
  const healthy = Math.max(tail, age)
  // Half of all stalls last the median; one that has lasted longer lasts as long again.
  const waiting = Math.max(healthy, defaults.latency.stallMedian, 2 * age)
  // healthy + stalled * (waiting - healthy), so written that it does not fall by a rounding where the tail rises.
  return { seconds: Math.max(healthy, waiting - (1 - stalled) * (waiting - healthy)), stalled }
}
