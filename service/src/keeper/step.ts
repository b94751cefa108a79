/** What a keeper does about the clearing's events: find who is below maintenance, and make ready to take them over. */
import type { Hex } from '@omnimargin/core/bytes'
import { applyEvent, type Ledger, type LedgerEvent, type Listing, portfolioOf } from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable, type Margin } from '@omnimargin/core/margin'

export type KeeperState = {
  readonly ledger: Ledger
  /** The keeper's own account. */
  readonly account: Hex
}

/** The clearing's events of some blocks, in order, and the time of the last block in seconds. */
export type KeeperEvent = { readonly type: 'block'; readonly events: readonly LedgerEvent[]; readonly now: bigint }

export type KeeperEffect =
  | { readonly type: 'open_line'; readonly listing: Listing }
  | { readonly type: 'liquidate'; readonly account: Hex; readonly margin: Margin }

/**
 * Nothing is remembered of what was tried: an account that is still below maintenance after a block is tried again.
 * Lines that a liquidation needs are opened first, in the same list of effects.
 */
export function step(state: KeeperState, event: KeeperEvent): { state: KeeperState; effects: KeeperEffect[] } {
  const ledger = event.events.reduce(applyEvent, state.ledger)
  const due = liquidatable(ledger, state.account, event.now)
  const lines = missingLines(
    ledger,
    state.account,
    due.map(({ account }) => account),
  )
  const effects: KeeperEffect[] = [
    ...lines.map((listing): KeeperEffect => ({ type: 'open_line', listing })),
    ...due.map(({ account, margin }): KeeperEffect => ({ type: 'liquidate', account, margin })),
  ]
  return { state: { ...state, ledger }, effects }
}

function liquidatable(ledger: Ledger, own: Hex, now: bigint) {
  return [...ledger.accounts.keys()].flatMap((account) => {
    if (account === own) return []
    const portfolio = portfolioOf(ledger, account, now)
    if (typeof portfolio === 'string') return []
    const margin = computeMargin(portfolio)
    return isLiquidatable(margin) ? [{ account, margin }] : []
  })
}

/** Listings that the accounts hold units of and the keeper has no line for, each once. */
function missingLines(ledger: Ledger, own: Hex, accounts: readonly Hex[]): Listing[] {
  const open = new Set(ledger.accounts.get(own)?.lines.map(({ listing }) => listing))
  const held = accounts.flatMap((account) => ledger.accounts.get(account)?.lines ?? [])
  const missing = new Set(held.filter(({ units, listing }) => units > 0n && !open.has(listing)).map((l) => l.listing))
  return [...missing].flatMap((listing) => ledger.listings[listing] ?? [])
}
