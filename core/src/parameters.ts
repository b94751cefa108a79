/** The risk parameters, packed as the clearing stores them. Twin of contracts/src/clearing/Parameters.sol. */
import { fromHex, type Hex } from './bytes.ts'
import type { Ages } from './lateness.ts'
import type { Ratio, Size, Units, Usd } from './wad.ts'

/**
 * An asset at a vault. Haircuts are shares not counted. Caps: `cap` over all accounts and `accountCap` for one in the asset's
 * own units, `assetCap` over all vaults in whole tokens at 1e6; `capPrice` is the USD that a whole token takes of its vault's cap.
 * What is newly granted counts at once while it fits `burst`, which is full again after `refillTime` seconds.
 */
export type ListingTerms = {
  readonly feed: number
  readonly decimals: number
  readonly initialHaircut: Ratio
  readonly maintenanceHaircut: Ratio
  readonly cap: Units
  readonly vault: number
  /** A feed of the same asset by another way; how far the two may differ is `maxDispersion`. */
  readonly secondFeed: number
  readonly hasSecondFeed: boolean
  readonly accountCap: Units
  readonly assetCap: bigint
  readonly burst: Units
  readonly refillTime: number
  readonly capPrice: Usd
}

/**
 * Rates are shares of notional: `basisRate` of every leg's, the two others what net notional is charged beside its legs'
 * basis. `depth` is the net notional, in USD, beyond which `concentrationRate` is charged.
 */
export type UnderlyingTerms = {
  readonly feed: number
  readonly initialRate: Ratio
  readonly maintenanceRate: Ratio
  readonly basisRate: Ratio
  readonly depth: Usd
  readonly concentrationRate: Ratio
}

/** An underlying at a venue; `band` is the share by which a fill may differ from the clearing's index, `maxFunding` the share of the price that funding may move in a second. */
export type MarketTerms = {
  readonly underlying: number
  readonly band: Ratio
  readonly minSize: Size
  readonly openInterestCap: Size
  readonly venue: number
  readonly instrument: number
  readonly maxFunding: Ratio
}

/** `legShare` of the rate is charged a leg while the venue is heard from; silence adds to it: `core/lateness`. Ages in seconds. */
export type VenueTerms = {
  readonly legShare: Ratio
  readonly calmAge: number
  readonly warnAge: number
  readonly deadAge: number
  readonly isRemote: boolean
  /** From here on it gives no new risk, until it has stayed healthy again for `restoreAfter`. */
  readonly tripAge: number
}

/** What is locked at a vault counts less as its round trip ages, and nothing for maintenance from `zeroAge` on; `cap` in whole USD. */
export type VaultTerms = {
  readonly cap: bigint
  readonly calmAge: number
  readonly warnAge: number
  readonly zeroAge: number
  readonly isRemote: boolean
  readonly tripAge: number
}

/** A venue's ages: nothing more is to be heard of it from `deadAge` on. */
export function venueAges({ deadAge, ...ages }: VenueTerms): Ages {
  return { ...ages, endAge: deadAge }
}

/** A vault's ages: what is locked there counts nothing for maintenance from `zeroAge` on. */
export function vaultAges({ zeroAge, ...ages }: VaultTerms): Ages {
  return { ...ages, endAge: zeroAge }
}

/** Two underlyings, `first < second`, and the share of their risks that opposite positions offset in. */
export type CreditTerms = { readonly first: number; readonly second: number; readonly ratio: Ratio }

/** The `outageAfter` of parameters to which no time without prices is an outage. */
export const NO_OUTAGES = 2 ** 32 - 1

/** Everything governance sets, under one version. Ages and times in seconds. */
export type Parameters = {
  readonly cashHaircut: Ratio
  readonly liquidationDiscount: Ratio
  readonly healthTarget: Ratio
  readonly maxPriceAge: number
  readonly maxRecordAge: number
  readonly venueLossShare: Ratio
  /** A line whose round trip is older moves in no sale. */
  readonly maxMoveAge: number
  /** Negative cash may be settled by anyone once it is this old, or larger than `settleShare` of the collateral. */
  readonly settleAfter: number
  readonly settleShare: Ratio
  readonly saleDiscount: Ratio
  /** How long after its closing a dead venue's last records may still be shown. */
  readonly closeGrace: number
  /** How long parameters are good, and how long after that until no collateral counts for new risk any more. */
  readonly life: number
  readonly lifeRamp: number
  /** How long a breaker stays tripped after its cause is gone. */
  readonly restoreAfter: number
  /**
   * How long without a price is an outage, or `NO_OUTAGES`; and for how long after one nobody is liquidated, and no venue closed for
   * its silence.
   */
  readonly outageAfter: number
  readonly outageGrace: number
  /** The most, as a share of the lower, by which two feeds of an asset may differ. */
  readonly maxDispersion: Ratio
  readonly listings: readonly ListingTerms[]
  readonly underlyings: readonly UnderlyingTerms[]
  readonly markets: readonly MarketTerms[]
  readonly venues: readonly VenueTerms[]
  readonly vaults: readonly VaultTerms[]
  readonly credits: readonly CreditTerms[]
}

/**
 * A row: the widths of its fields in bits, from the least significant, a word of 256 bits after another; no field lies
 * in two words. A field of 1 bit is a boolean, one of up to 32 bits a number, a wider one a bigint.
 */
type Layout = readonly (readonly [string, bigint])[]

const LISTING: Layout = [
  ['feed', 8n],
  ['decimals', 8n],
  ['initialHaircut', 64n],
  ['maintenanceHaircut', 64n],
  ['cap', 112n],
  ['vault', 8n],
  ['secondFeed', 8n],
  ['hasSecondFeed', 1n],
  ['unused', 7n],
  ['accountCap', 112n],
  ['assetCap', 112n],
  ['unused', 8n],
  ['burst', 112n],
  ['refillTime', 32n],
  ['capPrice', 96n],
]
const UNDERLYING: Layout = [
  ['feed', 8n],
  ['initialRate', 64n],
  ['maintenanceRate', 64n],
  ['basisRate', 64n],
  ['unused', 56n],
  ['depth', 128n],
  ['concentrationRate', 64n],
]
const MARKET: Layout = [
  ['underlying', 8n],
  ['band', 64n],
  ['minSize', 80n],
  ['openInterestCap', 104n],
  ['venue', 8n],
  ['instrument', 8n],
  ['maxFunding', 64n],
]
const VENUE: Layout = [
  ['legShare', 64n],
  ['calmAge', 32n],
  ['warnAge', 32n],
  ['deadAge', 32n],
  ['isRemote', 1n],
  ['tripAge', 32n],
]
const VAULT: Layout = [
  ['cap', 64n],
  ['calmAge', 32n],
  ['warnAge', 32n],
  ['zeroAge', 32n],
  ['isRemote', 1n],
  ['tripAge', 32n],
]
const CREDIT: Layout = [
  ['first', 8n],
  ['second', 8n],
  ['ratio', 64n],
]
const GENERAL: Layout = [
  ['maxRecordAge', 24n],
  ['maxPriceAge', 16n],
  ['healthTarget', 64n],
  ['liquidationDiscount', 64n],
  ['cashHaircut', 64n],
  ['unused', 24n],
  ['venueLossShare', 64n],
  ['settleShare', 64n],
  ['saleDiscount', 64n],
  ['maxMoveAge', 32n],
  ['unused', 32n],
  ['settleAfter', 32n],
  ['closeGrace', 32n],
  ['life', 32n],
  ['lifeRamp', 32n],
  ['restoreAfter', 32n],
  ['outageAfter', 32n],
  ['outageGrace', 32n],
  ['unused', 32n],
  ['firstUnderlying', 16n],
  ['firstMarket', 16n],
  ['firstVenue', 16n],
  ['firstVault', 16n],
  ['firstCredit', 16n],
  ['end', 16n],
  ['maxDispersion', 64n],
]
const GENERAL_WORDS = 4

/** The lists after the general words, in their order. */
const LAYOUTS = {
  listings: LISTING,
  underlyings: UNDERLYING,
  markets: MARKET,
  venues: VENUE,
  vaults: VAULT,
  credits: CREDIT,
} as const
type List = keyof typeof LAYOUTS
/** The lists by name, as they follow each other in the blob. */
export const LISTS = Object.keys(LAYOUTS) as List[]
/** The words at which each of them ends and the next one begins. */
const PLACES = ['firstUnderlying', 'firstMarket', 'firstVenue', 'firstVault', 'firstCredit', 'end'] as const

/** The blob that `Clearing.setParameters` takes. Asserts that every number fits its place. */
export function packParameters(parameters: Parameters): Hex {
  const rows = LISTS.map((name) => parameters[name].flatMap((row) => packRow(LAYOUTS[name], row)))
  const places: Record<string, number> = {}
  let next = GENERAL_WORDS
  for (const [i, row] of rows.entries()) {
    next += row.length
    places[PLACES[i] ?? ''] = next
  }
  const words = [...packRow(GENERAL, { ...parameters, ...places }), ...rows.flat()]
  return `0x${words.map((value) => value.toString(16).padStart(64, '0')).join('')}`
}

/** The parameters in a blob that the clearing accepted. Asserts that it is whole. */
export function unpackParameters(blob: Hex): Parameters {
  const bytes = fromHex(blob)
  const words = Array.from({ length: bytes.length / 32 }, (_, i) => BigInt(`0x${blob.slice(2 + 64 * i, 66 + 64 * i)}`))
  const general = unpackRow(GENERAL, words.slice(0, GENERAL_WORDS))
  const rows: Partial<Record<List, unknown[]>> = {}
  let next = GENERAL_WORDS
  for (const [i, name] of LISTS.entries()) {
    const [width, end] = [wordsOf(LAYOUTS[name]), Number(general[PLACES[i] ?? ''])]
    rows[name] = Array.from({ length: (end - next) / width }, (_, row) =>
      unpackRow(LAYOUTS[name], words.slice(next + row * width, next + (row + 1) * width)),
    )
    next = end
  }
  if (words.length !== next) throw new Error('The parameter blob is cut short.')
  const known = Object.entries(general).filter(([name]) => !PLACES.some((place) => place === name))
  return { ...Object.fromEntries(known), ...rows } as unknown as Parameters
}

/** The feed that a market's underlying is priced by; nothing where the parameters have no such market. */
export function feedOfMarket({ markets, underlyings }: Parameters, market: number): number | undefined {
  return underlyings[markets[market]?.underlying ?? -1]?.feed
}

/** Where a field of a list's row is in the blob: its word, its lowest bit there, and its width. Asserts that there is such a field. */
export function fieldAt(
  parameters: Parameters,
  list: List,
  row: number,
  field: string,
): { word: number; shift: number; bits: number } {
  const before = LISTS.slice(0, LISTS.indexOf(list))
  const first = before.reduce((next, name) => next + parameters[name].length * wordsOf(LAYOUTS[name]), GENERAL_WORDS)
  const layout = LAYOUTS[list]
  const place = layout.findIndex(([name]) => name === field)
  if (place < 0 || row >= parameters[list].length) throw new Error(`${list}[${row}] has no ${field}.`)
  const start = layout.slice(0, place).reduce((total, [, width]) => total + width, 0n)
  const word = first + row * wordsOf(layout) + Number(start / 256n)
  return { word, shift: Number(start % 256n), bits: Number(layout[place]?.[1]) }
}

function wordsOf(layout: Layout): number {
  const bits = layout.reduce((total, [, width]) => total + width, 0n)
  return Number((bits + 255n) / 256n)
}

function packRow(layout: Layout, row: object): bigint[] {
  const values = row as Record<string, bigint | number | boolean>
  const words = Array.from({ length: wordsOf(layout) }, () => 0n)
  let shift = 0n
  for (const [name, bits] of layout) {
    const value = BigInt(values[name] ?? 0)
    if (value < 0n || value >> bits !== 0n) throw new Error(`${name} does not fit ${bits} bits: ${value}`)
    const word = Number(shift / 256n)
    words[word] = (words[word] ?? 0n) | (value << (shift % 256n))
    shift += bits
  }
  return words
}

function unpackRow(layout: Layout, words: readonly bigint[]): Record<string, bigint | number | boolean> {
  const row: Record<string, bigint | number | boolean> = {}
  let shift = 0n
  for (const [name, bits] of layout) {
    const value = BigInt.asUintN(Number(bits), (words[Number(shift / 256n)] ?? 0n) >> (shift % 256n))
    if (name !== 'unused') row[name] = bits === 1n ? value === 1n : bits <= 32n ? Number(value) : value
    shift += bits
  }
  return row
}
