/** What is asked of a history that may have gaps: what it lacks, how it ends, and what was lost of late. */
import { max, min, type Ratio, WAD } from '@omnimargin/core/wad'
import { type Series, within } from '../bars.ts'

/** Stretches without a gap, in order, all of one interval. */
export type History = readonly Series[]

export function closesOf(history: History): bigint[] {
  return history.flatMap(({ closes }) => closes)
}

/** What each bar lost of the one before; below zero is a gain. Over a gap a gain is a loss too: nobody knows what it came by. */
export function lossesOf(history: History): Ratio[] {
  return history.flatMap(({ closes }, i) => {
    const losses = closes.slice(1).map((close, bar) => lossOf(closes[bar] ?? close, close))
    const [before, after] = [history[i - 1]?.closes.at(-1), closes[0]]
    if (before === undefined || after === undefined) return losses
    return [lossOf(max(before, after), min(before, after)), ...losses]
  })
}

function lossOf(before: bigint, after: bigint): Ratio {
  return WAD - (after * WAD) / before
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

/** Of so many seconds before the end, and the bar before them: what a gap lost is lost where it ends. */
export function lately(history: History, seconds: number): History {
  const end = endOf(history)
  const before = within(history, 0, end - seconds).at(-1)
  return within(history, before ? endOf([before]) - before.interval : 0, end)
}

/** The most that was lost from any close to a later one. */
export function fallOf(history: History): Ratio {
  let [highest, deepest] = [0n, 0n]
  for (const close of closesOf(history)) {
    highest = max(highest, close)
    deepest = max(deepest, lossOf(highest, close))
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
