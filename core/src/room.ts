/**
 * How much more of a listing may count: spec/margin.md. Twin of contracts/src/clearing/Counting.sol, but for how much of a
 * burst is used up, which no event tells: here it is full.
 */
import { isNormal, type Ledger, type Line, unitsOfListing } from './ledger.ts'
import { type Parameters, vaultAges } from './parameters.ts'
import { vaultPeer } from './peer.ts'
import { divUp, max, min, type Units, WAD } from './wad.ts'

/** Asset caps are in whole tokens at this scale. */
const CAP_UNIT = 10n ** 6n

/** The room for units that come to a line: the least that any cap leaves, and nothing at a vault that gives no new risk. */
export function roomOf(ledger: Ledger, parameters: Parameters, line: Line, now: bigint): Units {
  const terms = parameters.listings[line.listing]
  const vault = terms && parameters.vaults[terms.vault]
  if (!terms || !vault || !isNormal(ledger, vaultPeer(terms.vault), vaultAges(vault), now)) return 0n
  const unit = 10n ** BigInt(terms.decimals)
  const left = (cap: bigint, taken: bigint) => max(0n, cap - taken)
  const rooms = [
    left(terms.cap, unitsOfListing(ledger, line.listing).counted),
    left(terms.lineCap, line.counted),
    (left(terms.assetCap, takenOfAsset(ledger, parameters, terms.feed)) * unit) / CAP_UNIT,
    ...(terms.capPrice === 0n
      ? []
      : [(left(vault.cap * WAD, takenAtVault(ledger, parameters, terms.vault)) * unit) / terms.capPrice]),
    ...(vault.isRemote ? [terms.burst] : []),
  ]
  return rooms.reduce(min)
}

function takenOfAsset(ledger: Ledger, { listings }: Parameters, feed: number): bigint {
  return listings.reduce(
    (total, terms, i) => (terms.feed === feed ? total + shareOf(ledger, i, CAP_UNIT, terms.decimals) : total),
    0n,
  )
}

function takenAtVault(ledger: Ledger, { listings }: Parameters, vault: number): bigint {
  return listings.reduce(
    (total, terms, i) => (terms.vault === vault ? total + shareOf(ledger, i, terms.capPrice, terms.decimals) : total),
    0n,
  )
}

/** What a listing's counted units take of a cap; rounds up. */
function shareOf(ledger: Ledger, listing: number, weight: bigint, decimals: number): bigint {
  return divUp(unitsOfListing(ledger, listing).counted * weight, 10n ** BigInt(decimals))
}
