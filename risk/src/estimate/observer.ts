/** All estimators over one stream of bars. */
import { historicalQuantile, staticQuantile, weighted } from './baselines.ts'
import type { Candle } from './candle.ts'
import { lossOf } from './candle.ts'
import { conditionalOf } from './conditional.ts'
import type { Defaults } from './defaults.ts'
import { longRun } from './longrun.ts'
import { memoryOf } from './memory.ts'

export const ESTIMATORS = ['static', 'historical', 'EWMA', 'EWMA-FHS', 'HAR', 'QR', 'QR-FHS', 'QR+ACI'] as const
export type EstimatorName = (typeof ESTIMATORS)[number]
/** The one that haircuts are made of. */
export const CHOSEN = 'QR+ACI' satisfies EstimatorName

/** What each expects of the next hour: the share of the price that is lost at most with a chance of 1 - alpha. */
export type Forecasts = Readonly<Record<EstimatorName, number | undefined>> & {
  /** The same quantile over all of the past. */
  readonly longRun: number | undefined
}

const HOUR = 3600

/** `calibration`: the bars that the static quantile is taken of. Told bar by bar, in order; no forecast knows a later bar. */
export function observerOf(defaults: Defaults, calibration: number): (candle: Candle) => Forecasts {
  const [memory, conditional] = [memoryOf(defaults), conditionalOf(defaults)]
  const [fixed, historical] = [staticQuantile(defaults, calibration), historicalQuantile(defaults)]
  const ewma = weighted(defaults)
  const everything = longRun()
  let before: Candle | undefined
  let last: Forecasts | undefined
  return (candle) => {
    const loss = before && candle.time - before.time === HOUR ? lossOf(before.close, candle.close) : undefined
    before = candle
    const seen = memory(candle)
    const known = seen && conditional(seen)
    if (loss === undefined) {
      // After a gap those that live on losses say what they said before it.
      last = { ...(last ?? nothing()), ...known }
      return last
    }
    everything.add(loss)
    const plain = ewma(loss)
    last = {
      static: fixed(loss),
      historical: historical(loss),
      EWMA: plain?.normal,
      'EWMA-FHS': plain?.filtered,
      HAR: known?.HAR ?? plain?.filtered,
      QR: known?.QR ?? plain?.filtered,
      'QR-FHS': known?.['QR-FHS'] ?? plain?.filtered,
      'QR+ACI': known?.['QR+ACI'] ?? plain?.filtered,
      longRun: everything.count() < defaults.estimator.least ? undefined : everything.quantile(1 - defaults.alpha),
    }
    return last
  }
}

function nothing(): Forecasts {
  const none = undefined
  return {
    static: none,
    historical: none,
    EWMA: none,
    'EWMA-FHS': none,
    HAR: none,
    QR: none,
    'QR-FHS': none,
    'QR+ACI': none,
    longRun: none,
  }
}
