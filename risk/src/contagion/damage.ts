/** What is gone at once with some nodes, before anybody is liquidated. */
import type { Account, Ledger } from '@omnimargin/core/ledger'
import { type Peer, venuePeer } from '@omnimargin/core/peer'
import { mulDown, type Ratio, WAD } from '@omnimargin/core/wad'
import { isSameContract, type Node, type System } from './system.ts'

export type Damage = {
  /** By the clearing's number of a listing, what is left of its units. */
  readonly kept: readonly Ratio[]
  /** By the clearing's number: markets whose legs are void, and venues that were never heard of for it. */
  readonly lostMarkets: ReadonlySet<number>
  readonly silentVenues: ReadonlySet<number>
  /** By feed, what is left of the price. */
  readonly left: ReadonlyMap<number, Ratio>
}

/** The more nodes, the less is left: each takes its share of what the others leave. An account that fails takes nothing with it. */
export function damageOf(system: System, nodes: readonly Node[]): Damage {
  const { ledger, homeChain, depths, issuers } = system
  const kept = ledger.listings.map(() => WAD)
  const left = new Map<number, Ratio>()
  const lostMarkets = new Set<number>()
  const loseListings = (isLost: (listing: number) => boolean, loss: Ratio) => {
    for (const [i, share] of kept.entries()) if (isLost(i)) kept[i] = mulDown(share, WAD - loss)
  }
  const loseMarkets = (isLost: (market: Ledger['markets'][number]) => boolean) => {
    for (const [i, market] of ledger.markets.entries()) if (isLost(market)) lostMarkets.add(i)
  }
  for (const node of nodes) {
    switch (node.kind) {
      case 'account':
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
  const silent = [...lostMarkets].flatMap((market) => ledger.parameters?.markets[market]?.venue ?? [])
  return { kept, lostMarkets, silentVenues: new Set(silent), left }
}

/** A lost venue was never heard of: so the margin formula charges its legs in full. */
export function heardAfter({ heard }: Ledger, { silentVenues }: Damage): Ledger['heard'] {
  return new Map([...heard, ...[...silentVenues].map((venue): [Peer, bigint] => [venuePeer(venue), 0n])])
}

/** Its lines keep their shares. */
export function accountAfter(account: Account, { kept }: Damage): Account {
  const lines = account.lines.map((line) => {
    const share = kept[line.listing] ?? WAD
    return { ...line, units: mulDown(line.units, share), counted: mulDown(line.counted, share) }
  })
  return { ...account, lines }
}

/** All that a loss does to an account: what is the same for two losses leaves the same of it, whatever prices do. */
export function harmTo({ lines, positions }: Account, { parameters }: Ledger, damage: Damage): string {
  const { kept, lostMarkets, silentVenues } = damage
  const shares = lines.map(({ listing }) => (kept[listing] === WAD ? '' : kept[listing]))
  const legs = [...positions.keys()].map((market) => {
    return lostMarkets.has(market) ? 'void' : silentVenues.has(parameters?.markets[market]?.venue ?? -1) ? 'late' : ''
  })
  return [...shares, ...legs].join()
}
