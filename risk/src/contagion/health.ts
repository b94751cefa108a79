/** The worst that an account may come to while prices stand anywhere within their spans: spec/contagion.md. */
import type { Hex } from '@omnimargin/core/bytes'
import { positionValue } from '@omnimargin/core/instrument'
import { type Account, accountIn, isOpen, type Ledger, marginOf, type PortfolioFault } from '@omnimargin/core/ledger'
import { isLiquidatable } from '@omnimargin/core/margin'
import { feedOfMarket } from '@omnimargin/core/parameters'
import { max, min, type Price, type Usd } from '@omnimargin/core/wad'
import { InputError } from '../errors.ts'
import { type Damage, withoutProfitOf } from './damage.ts'
import type { Spans } from './impact.ts'

export type Health = {
  /** Below maintenance somewhere within the spans. */
  readonly isBelow: boolean
  /** The least maintenance margin balance, and what is owed beyond everything that is held, at the worst of the prices. */
  readonly balance: Usd
  readonly shortfall: Usd
}

/** An account is looked at in every corner of the prices it has positions in: so many at the most. */
const MAX_CORNER_FEEDS = 8

/**
 * Balance and equity less requirement are concave in the prices, so their least value is in a corner. A price that an
 * account has only collateral of is worst where it is lowest.
 */
export function healthOf(id: Hex, { ledger, lostMarkets }: Damage, spans: Spans, now: bigint): Health {
  const account = accountIn(ledger, id)
  const feeds = movingFeeds(account, ledger, spans)
  if (feeds.length > MAX_CORNER_FEEDS) {
    throw new InputError(
      `Account ${id} has positions in ${feeds.length} prices that would move, the limit is ${MAX_CORNER_FEEDS}: describe it as several accounts in a file.`,
    )
  }
  const corners = Array.from({ length: 2 ** feeds.length }, (_, corner) => {
    const highs = new Set(feeds.filter((_, i) => ((corner >> i) & 1) === 1))
    return healthAt(id, account, { ledger, lostMarkets, now }, (feed) => {
      const span = spans.get(feed)
      return (highs.has(feed) ? span?.high : span?.low) ?? 0n
    })
  })
  return corners.reduce((worst, corner) => ({
    isBelow: worst.isBelow || corner.isBelow,
    balance: min(worst.balance, corner.balance),
    shortfall: max(worst.shortfall, corner.shortfall),
  }))
}

type Scene = Pick<Damage, 'ledger' | 'lostMarkets'> & { readonly now: bigint }

function healthAt(
  id: Hex,
  account: Account,
  { ledger, lostMarkets, now }: Scene,
  priceOf: (feed: number) => Price,
): Health {
  const worthOf = (market: number, size: bigint) => positionValue(size, priceOf(feedOf(ledger, market) ?? -1))
  const judged = lostMarkets.size === 0 ? account : withoutProfitOf(account, lostMarkets, worthOf)
  const prices = new Map([...ledger.prices].map(([feed, cached]) => [feed, { ...cached, price: priceOf(feed) }]))
  const margin = marginOf({ ...ledger, prices, accounts: new Map([[id, judged]]) }, id, now)
  if (typeof margin === 'string') throw new InputError(`Account ${id}: ${CURES[margin]}`)
  return {
    isBelow: isLiquidatable(margin),
    balance: margin.maintenanceMarginBalance,
    shortfall: max(0n, -margin.equity),
  }
}

const CURES: Record<PortfolioFault, string> = {
  no_parameters: 'the clearing has no parameters to tell a margin by: set them first (no_parameters).',
  price_too_old: 'it holds what has no price that is fresh enough: see that a publisher pokes it (price_too_old).',
}

/** The prices that its positions are valued by, as far as they move. */
function movingFeeds({ positions }: Account, ledger: Ledger, spans: Spans): number[] {
  const feeds = [...positions].flatMap(([market, position]) => {
    const feed = isOpen(position) ? feedOf(ledger, market) : undefined
    const span = feed === undefined ? undefined : spans.get(feed)
    return feed !== undefined && span && span.low < span.high ? [feed] : []
  })
  return [...new Set(feeds)]
}

/** All the prices that the account depends on. */
export function feedsOf({ lines, positions }: Account, ledger: Ledger): number[] {
  const held = lines.flatMap(({ listing }) => ledger.parameters?.listings[listing]?.feed ?? [])
  const traded = [...positions.keys()].flatMap((market) => feedOf(ledger, market) ?? [])
  return [...new Set([...held, ...traded])]
}

function feedOf({ parameters }: Ledger, market: number): number | undefined {
  return parameters && feedOfMarket(parameters, market)
}
