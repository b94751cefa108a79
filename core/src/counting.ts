/** How much more of a line may count: spec/margin.md, MRG-06, MRG-12 to MRG-14. Twin of contracts/src/clearing/Counting.sol. */
import { isNormal, type Ledger, type Line, unitsOfListing } from './ledger.ts'
import { type ListingTerms, type Parameters, vaultAges } from './parameters.ts'
import { vaultPeer } from './peer.ts'
import { divUp, max, min, type Units, type Usd, WAD } from './wad.ts'

/** What lets no more units of a listing count, in the order in which it is looked for. */
export type Limit =
  /** Its vault is late, or its breaker tripped: it gives no new risk. */
  | 'vault'
  | 'listing_cap'
  | 'account_cap'
  | 'vault_cap'
  | 'asset_cap'
  /** What is new counts at the rate at which the listing's burst fills up again. */
  | 'inflow'

export type Admission = {
  /** How many of the units may count that were not counted before. */
  readonly admitted: Units
  /** With what they use up of the listing's burst. */
  readonly ledger: Ledger
  /** There if that is not all of them: the narrowest, and the first of those that are as narrow. */
  readonly limit?: Limit | undefined
}

type Room = { readonly limit: Limit; readonly units: Units }

/** The asset's cap is in whole tokens at 1e6. */
const CAP_UNIT = 10n ** 6n

/** Of `wanted` units more of a listing, of an account where `own` do, at time `now` (seconds). Asserts that the listing has parameters. */
export function admit(ledger: Ledger, listing: number, wanted: Units, own: Units, now: bigint): Admission {
  const { parameters } = ledger
  const terms = parameters?.listings[listing]
  const vault = terms && parameters?.vaults[terms.vault]
  if (!parameters || !terms || !vault) throw new Error(`Listing ${listing} has no parameters.`)
  const ages = vaultAges(vault)
  if (!isNormal(ledger, vaultPeer(terms.vault), ages, now)) return cut(ledger, wanted, [{ limit: 'vault', units: 0n }])
  const rooms: Room[] = [
    { limit: 'listing_cap', units: max(0n, terms.cap - unitsOfListing(ledger, listing).counted) },
    { limit: 'account_cap', units: max(0n, terms.accountCap - own) },
    { limit: 'vault_cap', units: roomAtVault(ledger, parameters, terms, vault.cap * WAD) },
    { limit: 'asset_cap', units: roomOfAsset(ledger, parameters, terms) },
  ]
  // What a vault on this chain says is certain at once, and a top-up there must not wait for others' deposits.
  if (!ages.isRemote) return cut(ledger, wanted, rooms)
  const used = usedOf(ledger, listing, terms, now)
  const admission = cut(ledger, wanted, [...rooms, { limit: 'inflow', units: max(0n, terms.burst - used) }])
  if (admission.admitted === 0n) return admission
  const inflow = new Map(ledger.inflow).set(listing, { used: used + admission.admitted, at: now })
  return { ...admission, ledger: { ...ledger, inflow } }
}

/** The line once it has that many units, of which there is room for more to count; of an account where `own` of the listing do. */
export function setUnits(
  ledger: Ledger,
  line: Line,
  units: Units,
  own: Units,
  now: bigint,
): Omit<Admission, 'admitted'> & { readonly line: Line } {
  const counted = min(units, line.counted)
  const { admitted, ...rest } = admit(ledger, line.listing, units - counted, own, now)
  return { ...rest, line: { ...line, units, counted: counted + admitted } }
}

function cut(ledger: Ledger, wanted: Units, rooms: readonly Room[]): Admission {
  const admitted = rooms.map(({ units }) => units).reduce(min, wanted)
  if (admitted === wanted) return { admitted, ledger }
  return { admitted, ledger, limit: rooms.find(({ units }) => units === admitted)?.limit }
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

/** What of the listing's burst is used up by now: it fills up again at an even rate. */
function usedOf({ inflow }: Ledger, listing: number, { burst, refillTime }: ListingTerms, now: bigint): Units {
  const { used, at } = inflow.get(listing) ?? { used: 0n, at: 0n }
  return max(0n, used - (burst * (now - at)) / BigInt(refillTime))
}

function unitOf({ decimals }: ListingTerms): bigint {
  return 10n ** BigInt(decimals)
}
