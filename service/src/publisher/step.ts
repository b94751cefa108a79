/** When a publisher pokes: a price has moved far enough, or the last poke is getting old. */
import { abs, type Ratio, WAD } from '@omnimargin/core/wad'
import type { Report } from '../hermes.ts'

/** On one chain. */
export type PublisherState = {
  /** The feeds that anybody there reads. */
  readonly feeds: readonly number[]
  /** The report last poked, by feed index. */
  readonly poked: ReadonlyMap<number, Report>
  /** A move of at least this share is poked at once. */
  readonly deviation: Ratio
  /** A feed is poked at least this often, in seconds of publish time. */
  readonly heartbeat: bigint
}

export type PublisherEvent =
  | { readonly type: 'reported'; readonly reports: readonly Report[] }
  | { readonly type: 'poked'; readonly reports: readonly Report[]; readonly feeds: readonly number[] }

export type PublisherEffect = { readonly type: 'poke'; readonly feeds: readonly number[] }

/** Reports come in the order of the feeds. What was poked is only remembered once the chain took it. */
export function step(
  state: PublisherState,
  event: PublisherEvent,
): { state: PublisherState; effects: PublisherEffect[] } {
  if (event.type === 'poked') {
    const poked = new Map(state.poked)
    for (const feed of event.feeds) {
      const report = event.reports[feed]
      if (report) poked.set(feed, report)
    }
    return { state: { ...state, poked }, effects: [] }
  }
  const due = state.feeds.filter((feed) => {
    const report = event.reports[feed]
    return report && isDue(state, state.poked.get(feed), report)
  })
  return { state, effects: due.length > 0 ? [{ type: 'poke', feeds: due }] : [] }
}

function isDue({ deviation, heartbeat }: PublisherState, last: Report | undefined, next: Report): boolean {
  if (next.price <= 0n) return false
  if (!last) return true
  if (next.publishTime <= last.publishTime) return false
  const hasMoved = abs(next.price - last.price) * WAD >= last.price * deviation || next.exponent !== last.exponent
  return hasMoved || next.publishTime >= last.publishTime + heartbeat
}
