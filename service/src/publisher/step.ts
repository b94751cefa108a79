/** When a publisher pokes: a price has moved far enough, or the last poke is getting old; and when venues accrue. */
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
  /** When a feed's markets last accrued, in seconds of publish time, as far as this publisher knows. */
  readonly accrued: ReadonlyMap<number, bigint>
  /** Markets accrue at least this often, in seconds: the clearing lets nothing loosen on funding that is older than it allows. */
  readonly accrueEvery: bigint
}

export type PublisherEvent =
  | { readonly type: 'reported'; readonly reports: readonly Report[] }
  | { readonly type: 'poked'; readonly reports: readonly Report[]; readonly feeds: readonly number[] }

export type PublisherEffect = { readonly type: 'poke' | 'accrue'; readonly feeds: readonly number[] }

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
  const accruing = state.feeds.filter((feed) => {
    const [last, report] = [state.accrued.get(feed), event.reports[feed]]
    return last !== undefined && report && report.publishTime >= last + state.accrueEvery
  })
  const accrued = new Map(state.accrued)
  for (const feed of state.feeds) {
    const report = event.reports[feed]
    // What is seen for the first time, after a start, waits for its turn.
    if (report && (accruing.includes(feed) || !accrued.has(feed))) accrued.set(feed, report.publishTime)
  }
  const effects: PublisherEffect[] = [
    { type: 'poke', feeds: due },
    { type: 'accrue', feeds: accruing },
  ]
  return { state: { ...state, accrued }, effects: effects.filter(({ feeds }) => feeds.length > 0) }
}

function isDue({ deviation, heartbeat }: PublisherState, last: Report | undefined, next: Report): boolean {
  if (next.price <= 0n) return false
  if (!last) return true
  if (next.publishTime <= last.publishTime) return false
  const hasMoved = abs(next.price - last.price) * WAD >= last.price * deviation || next.exponent !== last.exponent
  return hasMoved || next.publishTime >= last.publishTime + heartbeat
}
