/**
 * What prices did before, hour by hour, in units of what was expected of each, and how often that would have brought an account below
 * maintenance: spec/warnings.md.
 */
import type { Candle } from './candle.ts'
import type { Defaults } from './defaults.ts'

/** The last hours of one price. An hour has the same place in every price's rows, and one that was not seen has none. */
export type Past = {
  /** The bar, the one before it, and the loss quantile that was expected of it. */
  readonly add: (before: Candle, candle: Candle, quantile: number) => void
  /** The number of its newest hour since 1970; below zero before there is one. */
  readonly newest: () => number
  readonly rows: Rows
}
type Rows = {
  /** Which hour it is, and how many there are without a gap up to it. */
  readonly hour: Float64Array
  readonly run: Float64Array
  readonly low: Float64Array
  readonly high: Float64Array
  readonly close: Float64Array
  /** Quantiles in all of the price that it began at, and in a dollar of it. */
  readonly inAll: Float64Array
  readonly inDollar: Float64Array
}

/** Of a leg: its share of what all take, and what a dollar of its price adds from the hour on that is looked at. */
type Part = { readonly rows: Rows; readonly part: number; factor: number }

/** A price that an account depends on, and what it takes of its margin by going its way: below zero where that is up. */
export type Leg = { readonly past: Past; readonly taken: number }

const HOUR = 3600
/** No account is looked at further ahead. */
const MOST_HOURS = 24
/** Before anything is seen, and beyond all that was: Student's law with four degrees of freedom, 1 % beyond one quantile. As much as so many hours. */
const PRIOR_HOURS = 100
const STUDENT_99 = 3.746947387979197
/** Within a time a price goes at least as far as it ends up, about twice as often were it a random walk. */
const REFLECTED = 2

export function pastOf({ replay: size }: Pick<Defaults, 'replay'>): Past {
  const row = () => new Float64Array(size)
  const rows = {
    hour: row().fill(-1),
    run: row(),
    low: row(),
    high: row(),
    close: row(),
    inAll: row(),
    inDollar: row(),
  }
  let newest = -1
  return {
    rows,
    newest: () => newest,
    add: (before, candle, quantile) => {
      if (!(quantile > 0) || candle.time - before.time !== HOUR) return
      const hour = (candle.time - (candle.time % HOUR)) / HOUR
      const place = hour % size
      rows.run[place] = hour === newest + 1 ? rows.run[newest % size]! + 1 : 1
      rows.hour[place] = hour
      rows.low[place] = candle.low
      rows.high[place] = candle.high
      rows.close[place] = candle.close
      rows.inAll[place] = 1 / quantile
      rows.inDollar[place] = 1 / quantile / before.close
      newest = hour
    },
  }
}

/** The chance that at some time within so many seconds the legs take what they would if each went so many quantiles against the account. */
export function chanceOf(legs: readonly Leg[], quantiles: number, seconds: number): number {
  if (quantiles === 0) return 1
  const { hours, crossed } = legs.length === 0 ? { hours: 0, crossed: 0 } : replay(legs, quantiles, seconds)
  // Of what was never seen together nothing is known but that two prices are not one.
  const square = legs.reduce((total, { taken }) => total + taken * taken, 0)
  const share = legs.length === 0 ? 1 : Math.sqrt(square) / sumOf(legs)
  const prior = REFLECTED * studentTail((quantiles * STUDENT_99) / share / Math.sqrt(seconds / HOUR))
  return (crossed + PRIOR_HOURS * Math.min(1, prior)) / (hours + PRIOR_HOURS)
}

/**
 * How many hours there were to begin in, and from how many of them the account would have crossed. It is looked at when all prices
 * were at their lows, at their highs and at their closes, of each hour of the time: of one price that is all there is to know.
 */
export function replay(legs: readonly Leg[], quantiles: number, seconds: number): { hours: number; crossed: number } {
  const rest = seconds % HOUR
  const span = Math.min(MOST_HOURS, (seconds - rest) / HOUR + Number(rest > 0))
  // Of a part of an hour only the root of time is known.
  const reach = Math.sqrt(Math.min(1, seconds / HOUR - (span - 1)))
  const whole = sumOf(legs)
  const parts = legs.map(({ past: { rows }, taken }): Part => ({ rows, part: taken / whole, factor: 0 }))
  const { past: main } = legs.reduce((most, one) => (abs(one.taken) > abs(most.taken) ? one : most))
  const [size, newest] = [main.rows.hour.length, main.newest()]
  const ends = new Float64Array(span)
  let [hours, crossed] = [0, 0]
  for (let first = Math.max(0, newest - size + 1); first + span - 1 <= newest; first++) {
    if (!wasThere(main.rows, first, span)) continue
    hours += 1
    let [before, bearable] = [0, 0]
    for (const one of parts) {
      // A price that was not there is taken to have gone as those that were.
      const isThere = one.rows === main.rows || wasThere(one.rows, first, span)
      one.factor = isThere ? one.part * one.rows.inDollar[first % size]! : 0
      if (!isThere) continue
      before += one.part * one.rows.inAll[first % size]!
      bearable += abs(one.part) * quantiles
    }
    const limit = before - bearable
    let isCrossed = false
    for (let hour = 0; hour < span; hour++) {
      const place = (first + hour) % size
      let [low, high, close] = [0, 0, 0]
      for (let i = 0; i < parts.length; i++) {
        const { rows, factor } = parts[i]!
        if (factor === 0) continue
        low += factor * rows.low[place]!
        high += factor * rows.high[place]!
        close += factor * rows.close[place]!
      }
      if (hour === span - 1) {
        low = before + reach * (low - before)
        high = before + reach * (high - before)
        close = before + reach * (close - before)
      }
      // An end within an hour counts in the first alone, so that more time never makes fewer of them.
      if (close <= limit && (hour === 0 || hour < span - 1 || reach === 1)) ends[hour]! += 1
      isCrossed ||= low <= limit || high <= limit || close <= limit
      before = close
    }
    if (isCrossed) crossed += 1
  }
  // Two that offset are not at their worst together: twice as often as it would have ended beyond is nearer to the truth.
  const offset = legs.some(({ taken }) => taken > 0) && legs.some(({ taken }) => taken < 0)
  const beyond = offset ? REFLECTED * Math.max(...ends) : 0
  return { hours, crossed: Math.min(hours, Math.max(crossed, beyond)) }
}

/** Whether so many hours were seen from that one on. */
function wasThere({ hour, run }: Rows, first: number, span: number): boolean {
  const last = first + span - 1
  const place = last % hour.length
  return hour[place] === last && run[place]! >= span
}

function abs(value: number): number {
  return Math.max(value, -value)
}

function sumOf(legs: readonly Leg[]): number {
  return legs.reduce((total, { taken }) => total + abs(taken), 0)
}

/** How likely a draw of Student's law with four degrees of freedom is above `t`; of `t` above zero. */
export function studentTail(t: number): number {
  const square = 1 / (1 + (t * t) / 4)
  // 1/2 - F(t), written without a difference of what is nearly the same: (1 - c)^2 (2 + c) / 4 with c = t / sqrt(4 + t^2).
  const cosine = Math.sqrt(1 - square)
  const rest = square / (1 + cosine)
  return (rest * rest * (2 + cosine)) / 4
}
