/** The scale of the next hour: least squares of the logarithm of variance on its own past (Corsi's HAR), and the hour of the week. */
import type { Defaults } from './defaults.ts'
import { exp, ln } from './elementary.ts'
import type { Memory } from './memory.ts'
import { solve } from './solve.ts'

/** Keeps the sums of squares small: the logarithm of the variance of an hour whose deviation is 0.7 %. */
const CENTER = 10

/** A row whose hours to come are not over yet. */
type Open = { readonly row: Float64Array; sum: number; hours: number }

/** Told bar by bar; returns the deviation of an hour. Until it is fitted, that of the last day. */
export function harOf({ estimator }: Defaults): (memory: Memory) => number {
  const { ahead, refit, least } = estimator
  const width = 1 + estimator.spans.length
  const squares = new Float64Array(width * width)
  const products = new Float64Array(width)
  let weights: Float64Array | undefined
  let open: Open[] = []
  let [rows, fitted] = [0, 0]

  const take = ({ row, sum }: Open) => {
    const target = ln(sum / ahead) + CENTER
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++) squares[i * width + j] = squares[i * width + j]! + row[i]! * row[j]!
      products[i] = products[i]! + row[i]! * target
    }
    rows += 1
  }

  return (memory) => {
    for (const one of open) {
      one.sum += memory.variance
      one.hours += 1
      if (one.hours === ahead) take(one)
    }
    open = open.filter(({ hours }) => hours < ahead)
    const row = Float64Array.from([1, ...memory.logs.map((log) => log + CENTER)])
    open.push({ row, sum: 0, hours: 0 })
    if (rows >= least && (weights === undefined || rows - fitted >= refit)) {
      weights = solve(mirrored(squares, width), products)
      fitted = rows
    }
    if (weights === undefined) return exp((memory.logs[3]! + memory.season) / 2)
    let log = -CENTER
    for (let i = 0; i < width; i++) log += weights[i]! * row[i]!
    // Never far outside of what was seen, however few the rows were.
    const [calmest, wildest] = [
      memory.logs.reduce((a, b) => Math.min(a, b)),
      memory.logs.reduce((a, b) => Math.max(a, b)),
    ]
    return exp((Math.min(wildest + 2, Math.max(calmest - 2, log)) + memory.season) / 2)
  }
}

/** The lower half that was summed, on both sides. */
function mirrored(lower: Float64Array, width: number): Float64Array {
  const whole = Float64Array.from(lower)
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) whole[j * width + i] = whole[i * width + j]!
  return whole
}
