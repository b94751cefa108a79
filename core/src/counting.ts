/** How much more of a line may count: spec/margin.md, MRG-06, MRG-12 to MRG-14. Twin of contracts/src/clearing/Counting.sol. */
import { isNormal, type Ledger, unitsOfListing } from './ledger.ts'
import { type ListingTerms, type Parameters, vaultAges } from './parameters.ts'
import { vaultPeer } from './peer.ts'
import { divUp, max, min, type Units, type Usd, WAD } from './wad.ts'

export type Admission = {
  /** How many of the units may count that were not counted before. */
  readonly admitted: Units
  /** With what they use up of the listing's burst. */
  readonly ledger: Ledger
}

/** The asset's cap is in whole tokens at 1e6. */
const CAP_UNIT = 10n ** 6n

/** Of `wanted` units more of a listing, of an account where `own` do, at time `now` (seconds). Asserts that the listing has parameters. */
export function admit(ledger: Ledger, listing: number, wanted: Units, own: Units, now: bigint): Admission {
  const { parameters } = ledger
  const terms = parameters?.listings[listing]
  const vault = terms && parameters?.vaults[terms.vault]
  if (!parameters || !terms || !vault) throw new Error(`Listing ${listing} has no parameters.`)
  const ages = vaultAges(vault)
  if (!isNormal(ledger, vaultPeer(terms.vault), ages, now)) return { admitted: 0n, ledger }
  const room = [
    wanted,
    max(0n, terms.cap - unitsOfListing(ledger, listing).counted),
    max(0n, terms.accountCap - own),
    roomAtVault(ledger, parameters, terms, vault.cap * WAD),
    roomOfAsset(ledger, parameters, terms),
  ].reduce(min)
  // What a vault on this chain says is certain at once, and a top-up there must not wait for others' deposits.
  return ages.isRemote ? takeInflow(ledger, listing, room, terms, now) : { admitted: room, ledger }
}

/** What the vault's cap leaves, in units of the listing, rounded down. */
function roomAtVault(ledger: Ledger, parameters: Parameters, terms: ListingTerms, cap: Usd): Units {
  if (terms.capPrice === 0n) return terms.cap
  const taken = takenOf(ledger, parameters, ({ vault, capPrice }) => (vault === terms.vault ? capPrice : 0n))
  return (max(0n, cap - taken) * unitOf(terms)) / terms.capPrice
}

/** What the asset's cap over all vaults leaves, in units of the listing, rounded down. */
function roomOfAsset(ledger: Ledger, parameters: Parameters, terms: ListingTerms): Units {
  const taken = takenOf(ledger, parameters, ({ feed }) => (feed === terms.feed ? CAP_UNIT : 0n))
  return (max(0n, terms.assetCap - taken) * unitOf(terms)) / CAP_UNIT
}

/** What all listings take of a cap that they share, each rounded up: a whole token of each takes its weight. */
function takenOf(ledger: Ledger, { listings }: Parameters, weightOf: (terms: ListingTerms) => bigint): bigint {
  return listings.reduce((taken, terms, i) => {
    const weight = weightOf(terms)
    return weight === 0n ? taken : taken + divUp(unitsOfListing(ledger, i).counted * weight, unitOf(terms))
  }, 0n)
}

/** What is new counts while it fits the burst, which fills up again at an even rate. */
function takeInflow(ledger: Ledger, listing: number, wanted: Units, terms: ListingTerms, now: bigint): Admission {
  const { used: before, at } = ledger.inflow.get(listing) ?? { used: 0n, at: 0n }
  const refilled = (terms.burst * (now - at)) / BigInt(terms.refillTime)
  const used = max(0n, before - refilled)
  const admitted = min(wanted, max(0n, terms.burst - used))
  if (admitted === 0n) return { admitted, ledger }
  const inflow = new Map(ledger.inflow).set(listing, { used: used + admitted, at: now })
  return { admitted, ledger: { ...ledger, inflow } }
}

function unitOf({ decimals }: ListingTerms): bigint {
  return 10n ** BigInt(decimals)
}
