/** What is asked of a history that may have gaps: what it lacks, how it ends, and what was lost of late. */
import { max, type Ratio, WAD } from '@omnimargin/core/wad'
import { type Series, within } from '../bars.ts'

/** Stretches without a gap, in order, all of one interval. */
export type History = readonly Series[]

/** One after the other: where prices differ across a gap, that is a move of one bar. */
export function closesOf(history: History): bigint[] {
  return history.flatMap(({ closes }) => closes)
}

/** What each bar lost of the one before; below zero is a gain. */
export function lossesOf(closes: readonly bigint[]): Ratio[] {
  return closes.slice(1).map((close, i) => WAD - (close * WAD) / (closes[i] ?? 1n))
}

/** When the last bar was over. */
export function endOf(history: History): number {
  const last = history.at(-1)
  return last === undefined ? 0 : last.start + last.closes.length * last.interval
}

/** The share of the bars from the first to the last that is not there. */
export function missingOf(history: History): Ratio {
  const [first] = history
  if (first === undefined) return WAD
  return WAD - (BigInt(closesOf(history).length * first.interval) * WAD) / BigInt(endOf(history) - first.start)
}

/** Of so many seconds before the end, and the one before them: what a gap lost is lost where it ends. */
export function closesLately(history: History, seconds: number): bigint[] {
  const end = endOf(history)
  const bars = closesOf(within(history, end - seconds, end)).length
  return closesOf(history).slice(-(bars + 1))
}

/** The most that was lost from any close to a later one. */
export function fallOf(closes: readonly bigint[]): Ratio {
  let [highest, deepest] = [0n, 0n]
  for (const close of closes) {
    highest = max(highest, close)
    deepest = max(deepest, WAD - (close * WAD) / highest)
  }
  return deepest
}

/** Of so many seconds before the end, the share in which nothing was traded: no bar, no volume, or one price unless it may be `still`. */
export function idleOf(history: History, seconds: number, still: boolean): Ratio {
  const [first] = history
  if (first === undefined) return WAD
  const end = endOf(history)
  const from = Math.max(first.start, end - seconds)
  const alive = within(history, from, end).flatMap(({ volumes, highs, lows }) =>
    volumes.filter((volume, i) => volume > 0n && (still || highs[i] !== lows[i])),
  )
  return WAD - (BigInt(alive.length * first.interval) * WAD) / BigInt(end - from)
}
