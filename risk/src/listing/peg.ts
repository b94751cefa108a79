/** How far a pegged token was below what it is to be worth. */
import { max, type Ratio, WAD } from '@omnimargin/core/wad'
import { barsIn } from '../bars.ts'
import { InputError } from '../errors.ts'
import { slidingMax } from '../window.ts'
import type { Facts } from './facts.ts'
import { closesOf, endOf, type History } from './history.ts'
import { PEG_BROKEN, PEG_BROKEN_SECONDS, PEG_GONE } from './rules.ts'

export type Off = {
  readonly shares: readonly Ratio[]
  readonly interval: number
  /** When the last of these bars was over. */
  readonly end: number
}

/** By bar, the share it was below; zero at or above. Against a reference only bars that both have. Throws InputError if they share none. */
export function offPeg(history: History, reference: History | undefined): Off {
  const interval = history[0]?.interval ?? 1
  if (!reference)
    return { shares: closesOf(history).map((close) => max(0n, WAD - close)), interval, end: endOf(history) }
  const worths = new Map(timed(reference))
  const shared = timed(history).flatMap(([time, close]) => {
    const worth = worths.get(time)
    return worth === undefined ? [] : [{ time, share: max(0n, WAD - (close * WAD) / worth) }]
  })
  const last = shared.at(-1)
  if (last === undefined || reference[0]?.interval !== interval) {
    const symbol = history[0]?.symbol ?? 'It'
    throw new InputError(
      `${symbol} and what it is pegged to share no bars of ${interval} s: give both alike, and so that they overlap.`,
    )
  }
  return { shares: shared.map(({ share }) => share), interval, end: last.time + interval }
}

function timed(history: History): [time: number, close: bigint][] {
  return history.flatMap(({ start, interval, closes }) =>
    closes.map((close, i): [number, bigint] => [start + i * interval, close]),
  )
}

/** Far off for long, or half gone at any close. */
export function isBroken({ shares, interval }: Off): boolean {
  if (shares.some((share) => share > PEG_GONE)) return true
  // The least of a stretch is the greatest of its negatives.
  const least = slidingMax(
    shares.map((share) => -share),
    barsIn(PEG_BROKEN_SECONDS, interval) - 1,
  )
  return least.some((negative) => -negative > PEG_BROKEN)
}

/** The worst of so many seconds before the end. */
export function offLately({ shares, interval }: Off, seconds: number): Ratio {
  return shares.slice(-barsIn(seconds, interval)).reduce(max, 0n)
}

export function pegOf({ history, peg }: Facts): Off | undefined {
  return peg ? offPeg(history, peg.reference) : undefined
}
