/** How much more of a listing may count now. Twin of contracts/src/clearing/Counting.sol, but that a burst is taken to be whole: spec/margin.md. */
import { ageOf, type Ledger, unitsOfListing } from './ledger.ts'
import { type ListingTerms, type Parameters, vaultAges } from './parameters.ts'
import { vaultPeer } from './peer.ts'
import { divUp, max, min, type Units, WAD } from './wad.ts'

/** The asset's cap is in whole tokens at 1e6. */
const CAP_UNIT = 10n ** 6n

/** In units of the listing, on a line where `counted` of it do; nothing at a vault that gives no new risk. Rounds down. */
export function roomOf(ledger: Ledger, parameters: Parameters, listing: number, counted: Units, now: bigint): Units {
  const terms = parameters.listings[listing]
  const vault = parameters.vaults[terms?.vault ?? -1]
  if (!terms || !vault || !isNormal(ledger, parameters, terms.vault, now)) return 0n
  const unit = unitOf(terms)
  const countedOf = (index: number) => unitsOfListing(ledger, index).counted
  /** What the listings that share a cap take of it, rounded up each. */
  const takenBy = (isOne: (one: ListingTerms) => boolean, weightOf: (one: ListingTerms) => bigint) =>
    parameters.listings.reduce(
      (taken, one, i) => (isOne(one) ? taken + divUp(countedOf(i) * weightOf(one), unitOf(one)) : taken),
      0n,
    )
  const ofAsset = takenBy(
    ({ feed }) => feed === terms.feed,
    () => CAP_UNIT,
  )
  const rooms = [terms.cap - countedOf(listing), terms.lineCap - counted]
  rooms.push((max(0n, terms.assetCap - ofAsset) * unit) / CAP_UNIT)
  if (terms.capPrice > 0n) {
    const atVault = takenBy(
      (one) => one.vault === terms.vault,
      ({ capPrice }) => capPrice,
    )
    rooms.push((max(0n, vault.cap * WAD - atVault) * unit) / terms.capPrice)
  }
  // What is on the clearing's own chain waits for nothing.
  if (vault.isRemote) rooms.push(terms.burst)
  return max(0n, rooms.reduce(min))
}

function isNormal(ledger: Ledger, { vaults }: Parameters, vault: number, now: bigint): boolean {
  const [peer, terms] = [vaultPeer(vault), vaults[vault]]
  if (!terms || ledger.tripped.has(peer)) return false
  const { isRemote, tripAge } = vaultAges(terms)
  return !isRemote || ageOf(ledger, peer, now) < BigInt(tripAge)
}

function unitOf({ decimals }: Pick<ListingTerms, 'decimals'>): bigint {
  return 10n ** BigInt(decimals)
}
