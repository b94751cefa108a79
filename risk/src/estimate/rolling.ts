/** The last values of a stream: their mean, or any of their quantiles. */

/** Mean over the last `span` values, or all there are. */
export type RollingMean = { readonly add: (value: number) => void; readonly mean: () => number }

export function rollingMean(span: number): RollingMean {
  const ring = new Float64Array(span)
  let [count, next, sum] = [0, 0, 0]
  return {
    add: (value) => {
      sum += value - ring[next]!
      ring[next] = value
      next = next + 1 === span ? 0 : next + 1
      if (count < span) count += 1
    },
    mean: () => (count === 0 ? 0 : sum / count),
  }
}

/** The last `size` values in order of size. */
export type SortedWindow = {
  readonly add: (value: number) => void
  readonly count: () => number
  /** The value at rank (count + 1) * p, rounded up: what the next one stays at or below with a chance of p. Of at least one value. */
  readonly quantile: (p: number) => number
  /** How many are not below the value. */
  readonly countFrom: (value: number) => number
}

export function sortedWindow(size: number): SortedWindow {
  const ring = new Float64Array(size)
  const sorted = new Float64Array(size + 1)
  let [count, next] = [0, 0]
  /** The first place whose value is not below. */
  const placeOf = (value: number) => {
    let [low, high] = [0, count]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle]! < value) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    add: (value) => {
      if (count === size) {
        const place = placeOf(ring[next]!)
        sorted.copyWithin(place, place + 1, count)
        count -= 1
      }
      ring[next] = value
      next = next + 1 === size ? 0 : next + 1
      const place = placeOf(value)
      sorted.copyWithin(place + 1, place, count)
      sorted[place] = value
      count += 1
    },
    count: () => count,
    countFrom: (value) => count - placeOf(value),
    quantile: (p) => {
      if (count === 0) throw new RangeError('A quantile of nothing: add a value first.')
      const exact = (count + 1) * p
      const whole = exact | 0
      const rank = Math.min(count, Math.max(1, whole < exact ? whole + 1 : whole))
      return sorted[rank - 1]!
    },
  }
}
