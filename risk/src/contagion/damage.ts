/** What is gone at once with some nodes, before anybody is liquidated. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Account, type Ledger, upToDate } from '@omnimargin/core/ledger'
import { type Peer, venuePeer } from '@omnimargin/core/peer'
import { mulDown, type Ratio, type Size, type Usd, WAD } from '@omnimargin/core/wad'
import { isSameContract, type Node, type System } from './system.ts'

export type Damage = {
  /** The ledger without what is lost; every account's funding is settled. */
  readonly ledger: Ledger
  /** The accounts that fail themselves, whatever their health. */
  readonly failed: ReadonlySet<Hex>
  /** By the clearing's number: listings of which something is lost, markets whose legs are void. */
  readonly lostListings: ReadonlySet<number>
  readonly lostMarkets: ReadonlySet<number>
  /** By feed, what is left of the price. */
  readonly left: ReadonlyMap<number, Ratio>
}

/** The more nodes, the less is left: each takes its share of what the others leave. */
export function damageOf(system: System, nodes: readonly Node[]): Damage {
  const { ledger, homeChain, depths, issuers } = system
  const kept = ledger.listings.map(() => WAD)
  const left = new Map<number, Ratio>()
  const lostMarkets = new Set<number>()
  const failed = new Set<Hex>()
  const loseListings = (isLost: (listing: number) => boolean, loss: Ratio) => {
    for (const [i, share] of kept.entries()) if (isLost(i)) kept[i] = mulDown(share, WAD - loss)
  }
  const loseMarkets = (isLost: (market: Ledger['markets'][number]) => boolean) => {
    for (const [i, market] of ledger.markets.entries()) if (isLost(market)) lostMarkets.add(i)
  }
  for (const node of nodes) {
    switch (node.kind) {
      case 'account':
        failed.add(node.id)
        break
      case 'asset':
        left.set(node.feed, mulDown(left.get(node.feed) ?? WAD, WAD - (depths[node.feed]?.fall ?? 0n)))
        break
      case 'chain':
        if (node.chainId === homeChain) throw new RangeError('The clearing’s own chain cannot be lost: name another.')
        loseListings((i) => ledger.listings[i]?.chainId === node.chainId, WAD)
        loseMarkets(({ chainId }) => chainId === node.chainId)
        break
      case 'vault':
        loseListings((i) => {
          const listing = ledger.listings[i]
          return listing !== undefined && isSameContract({ chainId: listing.chainId, address: listing.vault }, node)
        }, WAD)
        break
      case 'venue':
        loseMarkets(({ chainId, venue }) => isSameContract({ chainId, address: venue }, node))
        break
      case 'issuer': {
        const issuer = issuers[node.issuer]
        if (issuer) loseListings((i) => issuer.listings.includes(i), issuer.loss)
      }
    }
  }
  return { ledger: damaged(ledger, kept, lostMarkets), failed, lostMarkets, left, lostListings: lostAmong(kept) }
}

function lostAmong(kept: readonly Ratio[]): Set<number> {
  return new Set(kept.flatMap((share, i) => (share < WAD ? [i] : [])))
}

/** Lines keep their share, and a lost venue was never heard of: so the margin formula charges its legs in full. */
function damaged(ledger: Ledger, kept: readonly Ratio[], lostMarkets: ReadonlySet<number>): Ledger {
  const silent = [...lostMarkets].flatMap((market) => ledger.parameters?.markets[market]?.venue ?? [])
  const heard = new Map([...ledger.heard, ...silent.map((venue): [Peer, bigint] => [venuePeer(venue), 0n])])
  return { ...withShares(ledger, kept), heard }
}

/** Of each listing its share is left, or got for it. */
export function withShares(ledger: Ledger, shares: readonly Ratio[]): Ledger {
  const accounts = [...ledger.accounts.keys()].map((id): [Hex, Account] => {
    const account = upToDate(ledger, id)
    const lines = account.lines.map((line) => {
      const share = shares[line.listing] ?? WAD
      return { ...line, units: mulDown(line.units, share), counted: mulDown(line.counted, share) }
    })
    return [id, { ...account, lines }]
  })
  return { ...ledger, accounts: new Map(accounts) }
}

/** A leg at a lost venue has no profit, only its loss. */
export function withoutProfitOf(
  account: Account,
  lostMarkets: ReadonlySet<number>,
  worthOf: (market: number, size: Size) => Usd,
): Account {
  const positions = [...account.positions].map(([market, position]): [number, typeof position] => {
    if (!lostMarkets.has(market)) return [market, position]
    const worth = worthOf(market, position.size)
    return [market, worth + position.quote > 0n ? { ...position, quote: -worth } : position]
  })
  return { ...account, positions: new Map(positions) }
}
