/**
 * Linear quantile regression: the weights w that minimize  sum of rho(y - w.x) + ridge / 2 |w|²,  where rho is the pinball loss with
 * its kink smoothed over +-h (He, Pan, Tan and Zhou 2021). It is convex and made of parabolas, so that Newton's steps end after a few.
 */
import { solve } from './solve.ts'

export type Rows = {
  /** `count` rows of `width` numbers, the first of each a one, whose weight bears no ridge. */
  readonly x: Float64Array
  readonly y: Float64Array
  readonly count: number
  readonly width: number
}

export type Fit = { readonly level: number; readonly smoothing: number; readonly ridge: number }

const STEPS = 40
const ENOUGH = 1e-6

/** Starts from `before` and returns the weights found. */
export function fitQuantile(rows: Rows, fit: Fit, before: Float64Array): Float64Array {
  let weights = before
  let at = slopesOf(rows, fit, weights)
  for (let step = 0; step < STEPS; step++) {
    const direction = solve(at.curvature, at.slope)
    const reach = direction.reduce((most, part) => Math.max(most, part < 0 ? -part : part), 0)
    if (reach < ENOUGH) break
    // No step moves a weight by more than one; one that does not pay is halved.
    let share = Math.min(1, 1 / reach)
    let [next, found] = [weights, at]
    for (let halving = 0; halving < 20; halving++, share /= 2) {
      next = weights.map((weight, i) => weight - share * direction[i]!)
      found = slopesOf(rows, fit, next)
      if (found.cost <= at.cost) break
    }
    if (!(found.cost < at.cost)) break
    weights = next
    at = found
  }
  return weights
}

function slopesOf({ x, y, count, width }: Rows, { level, smoothing: h, ridge }: Fit, weights: Float64Array) {
  const slope = new Float64Array(width)
  const curvature = new Float64Array(width * width)
  let cost = 0
  for (let i = 0; i < count; i++) {
    const from = i * width
    let rest = y[i]!
    for (let k = 0; k < width; k++) rest -= weights[k]! * x[from + k]!
    const isNear = rest < h && rest > -h
    const pull = isNear ? level - 0.5 + rest / (2 * h) : rest > 0 ? level : level - 1
    cost += isNear ? (level - 0.5) * rest + (rest * rest + h * h) / (4 * h) : pull * rest
    for (let k = 0; k < width; k++) slope[k] = slope[k]! - pull * x[from + k]!
    if (!isNear) continue
    for (let k = 0; k < width; k++) {
      const weight = x[from + k]! / (2 * h)
      for (let l = 0; l < width; l++) curvature[k * width + l] = curvature[k * width + l]! + weight * x[from + l]!
    }
  }
  curvature[0] = curvature[0]! + 1e-3
  for (let k = 1; k < width; k++) {
    cost += (ridge / 2) * weights[k]! * weights[k]!
    slope[k] = slope[k]! + ridge * weights[k]!
    curvature[k * width + k] = curvature[k * width + k]! + ridge
  }
  return { cost, slope, curvature }
}
