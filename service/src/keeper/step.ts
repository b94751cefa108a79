/**
 * What a keeper does about the clearing's events: find who is below maintenance, make ready to take them over, bring dead
 * venues to their end, and have counted what by now there is room for.
 */
import { ownerOf } from '@omnimargin/core/account'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import { admit } from '@omnimargin/core/counting'
import {
  accountIn,
  applyEvents,
  countedOf,
  isOpen,
  type Ledger,
  type LedgerEvent,
  marginOf,
  upToDate,
  withAccount,
} from '@omnimargin/core/ledger'
import { isLiquidatable, type Margin } from '@omnimargin/core/margin'
import { feedOfMarket } from '@omnimargin/core/parameters'
import { venuePeer } from '@omnimargin/core/peer'
import { max, type Units } from '@omnimargin/core/wad'
import { type NewLine, type Takeover, takeovers } from './takeover.ts'

export type KeeperState = {
  readonly ledger: Ledger
  /** Whose accounts take over. */
  readonly owner: Hex
}

/** The clearing's events of some blocks, in order, and the time of the last block in seconds. */
export type KeeperEvent = { readonly type: 'block'; readonly events: readonly LedgerEvent[]; readonly now: bigint }

export type KeeperEffect =
  | ({ readonly type: 'open_line' } & NewLine)
  | ({ readonly type: 'liquidate'; readonly margin: Margin } & Takeover)
  | { readonly type: 'close_venue'; readonly venue: number }
  | { readonly type: 'price_closed'; readonly market: number; readonly feedId: Hex; readonly until: bigint }
  | { readonly type: 'settle_closed'; readonly account: Hex; readonly market: number }
  | { readonly type: 'count'; readonly account: Hex; readonly line: number; readonly admitted: Units }

/** How long after the grace, and after an outage, the clearing waits for the first price of that time, in seconds: `Closings.PRICE_WAIT`. */
const PRICE_WAIT = 3_600n
/** Less than all that a line lacks is counted from this part of the listing's burst on, so that it is not asked for every second. */
const PART_OF_BURST = 10n

/**
 * Nothing is remembered of what was tried: an account that is still below maintenance after a block is tried again.
 * Lines that a liquidation needs are opened first, in the same list of effects.
 */
export function step(state: KeeperState, event: KeeperEvent): { state: KeeperState; effects: KeeperEffect[] } {
  const ledger = applyEvents(state.ledger, event.events)
  const due = liquidatable(ledger, state.owner, event.now)
  const { lines, attempts } = takeovers(ledger, state.owner, [...due.keys()])
  const effects: KeeperEffect[] = [
    // What a closed market is worth is shown before anybody is taken over at the index.
    ...atTheEnd(ledger, event.now),
    ...lines.map((line): KeeperEffect => ({ type: 'open_line', ...line })),
    ...attempts.flatMap((attempt): KeeperEffect[] => {
      const margin = due.get(attempt.account)
      return margin ? [{ type: 'liquidate', ...attempt, margin }] : []
    }),
    ...closable(ledger, event.now).map((venue): KeeperEffect => ({ type: 'close_venue', venue })),
    ...countable(ledger, event.now),
  ]
  return { state: { ...state, ledger }, effects }
}

/** With the funding that a liquidation settles first. */
function liquidatable(ledger: Ledger, owner: Hex, now: bigint): Map<Hex, Margin> {
  const others = [...ledger.accounts.keys()].filter((account) => !isSame(ownerOf(account), owner))
  const due = others.flatMap((account): [Hex, Margin][] => {
    const margin = marginOf(withAccount(ledger, account, upToDate(ledger, account)), account, now)
    return typeof margin !== 'string' && isLiquidatable(margin) ? [[account, margin]] : []
  })
  return new Map(due)
}

/** Venues that contradicted themselves, and remote ones that have not been heard of for so long since the last outage: anyone may close them. */
function closable({ parameters, heard, over, closed, resumedAt }: Ledger, now: bigint): number[] {
  const inGrace = resumedAt > 0n && now < resumedAt + BigInt(parameters?.outageGrace ?? 0)
  return [...(parameters?.venues.entries() ?? [])].flatMap(([venue, { isRemote, deadAge }]) => {
    const last = heard.get(venuePeer(venue))
    const isSilent = isRemote && !inGrace && last !== undefined && now - max(last, resumedAt) >= BigInt(deadAge)
    return (isSilent || over.has(venuePeer(venue))) && !closed.has(venue) ? [venue] : []
  })
}

/**
 * What is open at closed venues whose last records have had their time: each market is priced, and then each position settled. A price
 * that nobody has shown for so long is taken from the clearing's cache by the first settlement.
 */
function atTheEnd(ledger: Ledger, now: bigint): KeeperEffect[] {
  const { parameters, closed, accounts, priced, feeds, resumedAt } = ledger
  if (!parameters || closed.size === 0) return []
  const open = [...accounts].flatMap(([account, { positions }]) =>
    [...positions].flatMap(([market, position]) => {
      const until = closed.get(parameters.markets[market]?.venue ?? -1)
      const feedId = feeds[feedOfMarket(parameters, market) ?? -1]
      const isOver = until !== undefined && now > until && isOpen(position)
      return isOver && feedId !== undefined ? [{ account, market, feedId, until }] : []
    }),
  )
  const unpriced = new Map(open.filter(({ market }) => !priced.has(market)).map((one) => [one.market, one]))
  return [
    ...[...unpriced.values()].map(
      ({ market, feedId, until }): KeeperEffect => ({ type: 'price_closed', market, feedId, until }),
    ),
    ...open
      .filter(({ market, until }) => priced.has(market) || now > max(until, resumedAt) + PRICE_WAIT)
      .map(({ account, market }): KeeperEffect => ({ type: 'settle_closed', account, market })),
  ]
}

/** Lines of which more would count by now, each with what the ones before it leave room for. */
function countable(before: Ledger, now: bigint): KeeperEffect[] {
  let ledger = before
  const full = new Set<number>()
  const effects: KeeperEffect[] = []
  for (const [account, { lines }] of before.accounts) {
    for (const [line, { listing, units, counted }] of lines.entries()) {
      const terms = before.parameters?.listings[listing]
      const own = countedOf(accountIn(ledger, account), listing)
      if (!terms || units <= counted || own >= terms.accountCap || full.has(listing)) continue
      const { admitted, ledger: after } = admit(ledger, listing, units - counted, own, now)
      if (admitted === 0n) full.add(listing)
      const isAll = admitted === units - counted
      if (admitted === 0n || !(isAll || admitted * PART_OF_BURST >= terms.burst)) continue
      ledger = withCounted(after, account, line, counted + admitted)
      effects.push({ type: 'count', account, line, admitted })
    }
  }
  return effects
}

function withCounted(ledger: Ledger, id: Hex, line: number, counted: Units): Ledger {
  const account = accountIn(ledger, id)
  const lines = account.lines.map((each, i) => (i === line ? { ...each, counted } : each))
  return withAccount(ledger, id, { ...account, lines })
}
