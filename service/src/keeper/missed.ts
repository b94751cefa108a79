/**
 * Which of Pyth's reports the clearing is to be shown when it refuses a fill for its price: of those that the venue's own
 * index went through, the lowest and the highest, where they are beyond what the clearing saw.
 */
import { mulDown, mulUp, type Price, type Ratio, WAD } from '@omnimargin/core/wad'
import type { Report } from '../hermes.ts'

/** A price that a venue says it was poked with, and when it was published (seconds). */
export type IndexUpdate = { readonly price: Price; readonly publishTime: bigint }

/** Between which prices the clearing would have believed a fill: its extremes since a time (seconds), and the band beyond them. */
export type Doubt = { readonly low: Price; readonly high: Price; readonly band: Ratio; readonly since: bigint }

/** By market: what was tried of late. */
export type MissedState = ReadonlyMap<number, Tries>

type Tries = {
  readonly lastMs: number
  /** The publish times of reports that could not be shown. */
  readonly failed: ReadonlySet<bigint>
  /** How often all had been tried, or there was nothing to try. */
  readonly rounds: number
}

export type MissedEvent =
  | { readonly type: 'refused'; readonly market: number; readonly nowMs: number }
  /** Why each of the market's fills was refused, and what the venue says its index went through. */
  | {
      readonly type: 'read'
      readonly market: number
      readonly doubts: readonly Doubt[]
      readonly updates: readonly IndexUpdate[]
    }
  | { readonly type: 'shown'; readonly market: number }
  | { readonly type: 'failed'; readonly market: number; readonly publishTime: bigint }

export type Showing = { readonly type: 'show'; readonly update: IndexUpdate; readonly doubt: Doubt }

export type MissedEffect =
  | { readonly type: 'read' }
  | Showing
  /** The venue's index went through nothing that the clearing has not seen. */
  | { readonly type: 'unexplained' }

/** Between two tries for one market. It doubles, six times at most, whenever all has been tried. */
const PAUSE_MS = 5_000
const MOST_DOUBLINGS = 6

const NO_TRIES: Tries = { lastMs: Number.NEGATIVE_INFINITY, failed: new Set(), rounds: 0 }

/** A report that failed gives way to the next; once all have failed they are tried again, ever more slowly. */
export function step(state: MissedState, event: MissedEvent): { state: MissedState; effects: MissedEffect[] } {
  const before = state.get(event.market) ?? NO_TRIES
  const after = (change: Partial<Tries>, ...effects: MissedEffect[]) => ({
    state: new Map(state).set(event.market, { ...before, ...change }),
    effects,
  })
  switch (event.type) {
    case 'refused': {
      const isPaused = event.nowMs < before.lastMs + PAUSE_MS * 2 ** Math.min(before.rounds, MOST_DOUBLINGS)
      return isPaused ? { state, effects: [] } : after({ lastMs: event.nowMs }, { type: 'read' })
    }
    case 'read': {
      const { doubts, updates } = event
      const untried = updates.filter(({ publishTime }) => !before.failed.has(publishTime))
      const next = showings(doubts, untried)
      if (next.length > 0) return after({}, ...next)
      const all = showings(doubts, updates)
      const again = { failed: NO_TRIES.failed, rounds: before.rounds + 1 }
      return after(again, ...(all.length > 0 ? all : [{ type: 'unexplained' } as const]))
    }
    case 'shown':
      return after({ failed: NO_TRIES.failed, rounds: 0 })
    case 'failed':
      return after({ failed: new Set(before.failed).add(event.publishTime) })
  }
}

/** Why a report is not the one that the venue speaks of, or of no use. */
export function faultOf(report: Report | undefined, { publishTime }: IndexUpdate, doubt: Doubt): string | undefined {
  if (report?.publishTime !== publishTime) return `Pyth has no report of ${publishTime}, which the venue has`
  const price = priceIn(report)
  const isOutside = price !== undefined && (isBelow(price, doubt) || isAbove(price, doubt))
  return isOutside ? undefined : `Pyth's report of ${publishTime} is within what the clearing has seen`
}

/** Each report once, however many fills it is wanted for. */
function showings(doubts: readonly Doubt[], updates: readonly IndexUpdate[]): Showing[] {
  const wanted = doubts.flatMap((doubt) =>
    extremes(updates, doubt).map((update): Showing => ({ type: 'show', update, doubt })),
  )
  return [...new Map(wanted.map((showing) => [showing.update.publishTime, showing])).values()]
}

/** The lowest that is too low and the highest that is too high. */
function extremes(all: readonly IndexUpdate[], doubt: Doubt): IndexUpdate[] {
  const updates = all.filter(({ publishTime }) => publishTime >= doubt.since)
  const below = updates.filter(({ price }) => isBelow(price, doubt))
  const above = updates.filter(({ price }) => isAbove(price, doubt))
  const lowest = below.reduce<IndexUpdate[]>(([best], one) => [best && best.price <= one.price ? best : one], [])
  const highest = above.reduce<IndexUpdate[]>(([best], one) => [best && best.price >= one.price ? best : one], [])
  return [...lowest, ...highest]
}

/** Whether a fill would be believed at a lower price if the clearing had seen this one; rounded as the clearing does. */
function isBelow(price: Price, { low, band }: Doubt): boolean {
  return mulDown(price, WAD - band) < low
}

function isAbove(price: Price, { high, band }: Doubt): boolean {
  return mulUp(price, WAD + band) > high
}

/** At 1e18, rounded down; nothing for what the clearing would not take either. */
function priceIn({ price, exponent }: Report): Price | undefined {
  return price > 0n && exponent <= 0 && exponent >= -36 ? (price * WAD) / 10n ** BigInt(-exponent) : undefined
}
