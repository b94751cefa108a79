/** Walks through recorded bars: every estimator says what the next hour may lose before it is told. */
import { type Candle, lossOf } from './candle.ts'
import type { Defaults } from './defaults.ts'
import { CHOSEN, ESTIMATORS, type EstimatorName, observerOf } from './observer.ts'
import { pegOf } from './peg.ts'
import { slowTargetOf, stepSlow } from './speeds.ts'
import { judge, type Trial, type Verdict } from './statistics.ts'

export type WalkOptions = {
  /** Bars that the static quantile is taken of; nobody is judged on them. */
  readonly calibration: number
  /** Of what is pegged to the dollar, the floor of its haircut: it has one row more. */
  readonly pegFloor?: number | undefined
  /** The share of the bars done, from time to time. */
  readonly onProgress?: ((share: number) => void) | undefined
}

/** The estimators, and for what is pegged the rule of the peg on top of the chosen one. */
export type RowName = EstimatorName | 'peg'
/** What is said of the hour alone, what liquidation sees, and the larger of both, which new risk pays. */
export const SPEEDS = ['fast', 'slow', 'initial'] as const
export type Speed = (typeof SPEEDS)[number]

/** Hour by hour; below zero where there was no haircut yet. */
export type Walk = Omit<Trial, 'haircuts'> & {
  readonly names: readonly RowName[]
  /** When the hour that is judged began. */
  readonly times: Float64Array
  readonly haircuts: Readonly<Record<'fast' | 'slow', ReadonlyMap<RowName, Float64Array>>>
}

const HOUR = 3600
const NONE = -1
const PROGRESS_EVERY = 256

/** Bars in order; an hour after a gap is told to the estimators and not judged. */
export function walk(candles: readonly Candle[], defaults: Defaults, options: WalkOptions): Walk {
  const { calibration, pegFloor, onProgress } = options
  const names: RowName[] = [...ESTIMATORS, ...(pegFloor === undefined ? [] : (['peg'] as const))]
  const columns = () => new Map(names.map((name) => [name, new Float64Array(candles.length)] as const))
  const [fast, slow] = [columns(), columns()]
  const [times, losses, lows] = [0, 0, 0].map(() => new Float64Array(candles.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const triggers = new Uint8Array(candles.length)
  const observe = observerOf(defaults, calibration)
  const peg = pegFloor === undefined ? undefined : pegOf(pegFloor, defaults)
  const said = new Map<RowName, { fast: number; slow: number }>()
  let hours = 0
  for (const [i, candle] of candles.entries()) {
    const [before, last] = [candles[i - 2], candles[i - 1]]
    if (last && candle.time - last.time === HOUR && said.size > 0) {
      times[hours] = candle.time
      losses[hours] = lossOf(last.close, candle.close)
      lows[hours] = lossOf(last.close, candle.low)
      const hasFallen = before && last.time - before.time === HOUR
      triggers[hours] = hasFallen && lossOf(before.close, last.close) >= defaults.triggerFall ? 1 : 0
      for (const name of names) {
        const { fast: now, slow: later } = said.get(name) ?? { fast: NONE, slow: NONE }
        fast.get(name)![hours] = now
        slow.get(name)![hours] = later
      }
      hours += 1
    }
    const { longRun, ...forecasts } = observe(candle)
    const pegged = peg?.(candle.close, last ? candle.time - last.time : 0).haircut
    for (const name of names) {
      const now = name === 'peg' ? Math.max(pegged ?? 0, forecasts[CHOSEN] ?? 0) : forecasts[name]
      if (now === undefined || longRun === undefined) continue
      // A peg's rule is in both parts of the blend, as in the composed haircut.
      const long = name === 'peg' ? Math.max(pegged ?? 0, longRun) : longRun
      const target = slowTargetOf(now, long, defaults)
      const slowBefore = said.get(name)?.slow
      said.set(name, {
        fast: now,
        slow: slowBefore === undefined ? target : stepSlow(slowBefore, target, HOUR, defaults),
      })
    }
    if (i % PROGRESS_EVERY === 0) onProgress?.(i / candles.length)
  }
  const cut = (all: Map<RowName, Float64Array>) =>
    new Map([...all].map(([name, values]) => [name, values.slice(0, hours)]))
  return {
    names,
    times: times.slice(0, hours),
    losses: losses.slice(0, hours),
    lows: lows.slice(0, hours),
    triggers: triggers.slice(0, hours),
    haircuts: { fast: cut(fast), slow: cut(slow) },
  }
}

/** The hours of one row that began within [from, to) and had a haircut. */
export function trialOf(walked: Walk, name: RowName, speed: Speed, from: number, to: number): Trial {
  const of = (one: 'fast' | 'slow') => walked.haircuts[one].get(name) ?? new Float64Array()
  const slow = of('slow')
  const said = speed === 'initial' ? of('fast').map((fast, i) => Math.max(fast, slow[i]!)) : of(speed)
  const isIn = (i: number) => walked.times[i]! >= from && walked.times[i]! < to && said[i]! >= 0
  const pick = (values: Float64Array) => values.filter((_, i) => isIn(i))
  return {
    haircuts: pick(said),
    losses: pick(walked.losses),
    lows: pick(walked.lows),
    triggers: walked.triggers.filter((_, i) => isIn(i)),
  }
}

/** Nothing where the row has no hour within the time. */
export function verdictOf(
  walked: Walk,
  name: RowName,
  speed: Speed,
  span: { from: number; to: number },
  alpha: number,
): Verdict | undefined {
  const trial = trialOf(walked, name, speed, span.from, span.to)
  return trial.haircuts.length === 0 ? undefined : judge(trial, alpha)
}
