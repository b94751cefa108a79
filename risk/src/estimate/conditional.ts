/** One-hour loss quantiles that know the market's state: HAR, quantile regression on top of it, and two corrections of its level. */
import type { Defaults } from './defaults.ts'
import { exp, ln } from './elementary.ts'
import { harOf } from './har.ts'
import type { Memory } from './memory.ts'
import { fitQuantile } from './regression.ts'
import { sortedWindow } from './rolling.ts'

export type Conditional = {
  /** HAR's deviation times the empirical quantile of losses in deviations. */
  readonly HAR: number
  /** That deviation, and weights for the market's state. */
  readonly QR: number
  /** And the empirical quantile of what these leave. */
  readonly 'QR-FHS': number
  /** The same at a rate that follows the misses (adaptive conformal inference). */
  readonly 'QR+ACI': number
}

/** Below this loss in deviations the regression does not look. */
const SMALLEST = 0.05
/** The features: six variances by what is usual, and two falls. */
const FEATURES = 8

/** Told bar by bar; nothing until there are scores enough. */
export function conditionalOf(defaults: Defaults): (memory: Memory) => Conditional | undefined {
  const { alpha, estimator } = defaults
  const { adaptive } = estimator
  const sigmaOf = harOf(defaults)
  const regression = regressionOf(defaults)
  // Logarithms of losses in deviations, and what is left of them after the regression.
  const [scores, rests] = [sortedWindow(estimator.scores), sortedWindow(estimator.scores)]
  let rate = alpha
  let last: { sigma: number; row: Float64Array; tilt: number; adaptive: number } | undefined
  return (memory) => {
    if (last !== undefined && memory.loss !== undefined) {
      const score = ln(Math.max(memory.loss / last.sigma, SMALLEST))
      scores.add(score)
      rests.add(score - last.tilt)
      regression.add(last.row, score)
      if (last.adaptive > 0) {
        const missed = memory.loss > last.adaptive ? 1 : 0
        rate = Math.min(adaptive.most, Math.max(adaptive.least, rate + adaptive.step * (alpha - missed)))
      }
    }
    const sigma = sigmaOf(memory)
    const row = featuresOf(memory, defaults)
    const { tilt, level } = regression.tiltOf(row)
    last = { sigma, row, tilt, adaptive: 0 }
    if (scores.count() < estimator.least) return undefined
    const usual = scores.quantile(1 - alpha)
    const share = (log: number) => Math.min(1, sigma * exp(log))
    last.adaptive = share(tilt + rests.quantile(1 - rate))
    return {
      HAR: share(usual),
      QR: share(tilt + (level ?? usual)),
      'QR-FHS': share(tilt + rests.quantile(1 - alpha)),
      'QR+ACI': last.adaptive,
    }
  }
}

function featuresOf({ logs, usual, falls }: Memory, { estimator }: Defaults): Float64Array {
  const { clip } = estimator.regression
  const all = [...logs.map((log) => log - usual), ...falls]
  return Float64Array.from([1, ...all.map((value) => Math.min(clip, Math.max(-clip, value)))])
}

/** Keeps the rows and fits them from time to time. A tilt is what the state adds to the usual level, before it is fitted none. */
function regressionOf({ alpha, estimator }: Defaults) {
  const { refit, least, most, ridge, smoothing, lowest, highest } = estimator.regression
  const width = 1 + FEATURES
  let [x, y] = [new Float64Array(width * least), new Float64Array(least)]
  let [count, added, fitted] = [0, 0, 0]
  let weights: Float64Array | undefined
  let center = 0

  const learn = () => {
    const rows = { x, y, count, width }
    const sorted = y.slice(0, count).sort()
    center = sorted[Math.min(count - 1, (count * (1 - alpha)) | 0)]!
    weights = fitQuantile(rows, { level: 1 - alpha, smoothing, ridge }, weights ?? startAt(center, width))
    fitted = added
  }

  return {
    add: (row: Float64Array, score: number) => {
      if (count === y.length && count < most) {
        const size = Math.min(most, 2 * count)
        const [before, scoresBefore] = [x, y]
        x = new Float64Array(width * size)
        y = new Float64Array(size)
        x.set(before)
        y.set(scoresBefore)
      }
      const place = added % most
      x.set(row, place * width)
      y[place] = score
      added += 1
      count = Math.min(most, added)
      if (added >= least && (weights === undefined || added - fitted >= refit)) learn()
    },
    tiltOf: (row: Float64Array): { tilt: number; level: number | undefined } => {
      if (weights === undefined) return { tilt: 0, level: undefined }
      let log = -center
      for (let i = 0; i < width; i++) log += weights[i]! * row[i]!
      return { tilt: Math.min(highest - center, Math.max(lowest - center, log)), level: center }
    },
  }
}

function startAt(level: number, width: number): Float64Array {
  const weights = new Float64Array(width)
  weights[0] = level
  return weights
}
