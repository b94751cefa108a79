/** How far a pegged token was below what it is to be worth. */
import { max, type Ratio, WAD } from '@omnimargin/core/wad'
import { between, commonSpan, type Series } from '../bars.ts'
import { slidingMax } from '../window.ts'
import type { Facts } from './facts.ts'
import { PEG_BROKEN, PEG_BROKEN_SECONDS, PEG_GONE } from './rules.ts'

export type Off = { readonly shares: readonly Ratio[]; readonly interval: number }

/** By bar, the share it was below; zero at or above. Against a reference only the time that both cover. Throws InputError if they share none. */
export function offPeg(history: Series, reference: Series | undefined): Off {
  if (!reference) return { shares: history.closes.map((close) => max(0n, WAD - close)), interval: history.interval }
  const { from, to, interval } = commonSpan([history, reference])
  const worth = between(reference, from, to).closes
  const shares = between(history, from, to).closes.map((close, i) => {
    return max(0n, WAD - (close * WAD) / (worth[i] ?? close))
  })
  return { shares, interval }
}

/** Far off for long, or half gone at any close. */
export function isBroken({ shares, interval }: Off): boolean {
  if (shares.some((share) => share > PEG_GONE)) return true
  const bars = Math.max(1, (PEG_BROKEN_SECONDS - (PEG_BROKEN_SECONDS % interval)) / interval)
  // The least of a stretch is the greatest of its negatives.
  const least = slidingMax(
    shares.map((share) => -share),
    bars - 1,
  )
  return least.some((negative) => -negative > PEG_BROKEN)
}

/** The worst of the last day. */
export function offLately({ shares, interval }: Off): Ratio {
  const bars = Math.max(1, (86_400 - (86_400 % interval)) / interval)
  return shares.slice(-bars).reduce(max, 0n)
}

export function pegOf({ history, peg }: Facts): Off | undefined {
  return peg ? offPeg(history, peg.reference) : undefined
}
