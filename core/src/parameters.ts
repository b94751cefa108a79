/** The risk parameters, packed as the clearing stores them. Twin of contracts/src/clearing/Parameters.sol. */
import { fromHex, type Hex } from './bytes.ts'
import { type Ratio, type Size, type Units, WAD } from './wad.ts'

/** An asset at a vault. Haircuts are shares not counted; the cap is in the asset's own units. */
export type ListingTerms = {
  readonly feed: number
  readonly decimals: number
  readonly initialHaircut: Ratio
  readonly maintenanceHaircut: Ratio
  readonly cap: Units
}

/** Rates are shares of notional; `legRate` is half of what a matched dollar of long and short is charged. */
export type UnderlyingTerms = {
  readonly feed: number
  readonly initialRate: Ratio
  readonly maintenanceRate: Ratio
  readonly legRate: Ratio
}

/** An underlying at a venue; `band` is the share by which a fill may differ from the clearing's index. */
export type MarketTerms = {
  readonly underlying: number
  readonly band: Ratio
  readonly minSize: Size
  readonly openInterestCap: Size
}

/** Ages in seconds. */
export type Parameters = {
  readonly cashHaircut: Ratio
  readonly liquidationDiscount: Ratio
  readonly healthTarget: Ratio
  readonly maxPriceAge: number
  readonly maxRecordAge: number
  readonly listings: readonly ListingTerms[]
  readonly underlyings: readonly UnderlyingTerms[]
  readonly markets: readonly MarketTerms[]
}

/** A layout: the widths of its fields in bits, from the least significant. */
type Layout<Name extends string> = readonly (readonly [Name, bigint])[]

const LISTING: Layout<keyof ListingTerms> = [
  ['feed', 8n],
  ['decimals', 8n],
  ['initialHaircut', 64n],
  ['maintenanceHaircut', 64n],
  ['cap', 112n],
]
const UNDERLYING: Layout<keyof UnderlyingTerms> = [
  ['feed', 8n],
  ['initialRate', 64n],
  ['maintenanceRate', 64n],
  ['legRate', 64n],
]
const MARKET: Layout<keyof MarketTerms> = [
  ['underlying', 8n],
  ['band', 64n],
  ['minSize', 80n],
  ['openInterestCap', 104n],
]
const GENERAL: Layout<string> = [
  ['maxRecordAge', 24n],
  ['maxPriceAge', 16n],
  ['healthTarget', 64n],
  ['liquidationDiscount', 64n],
  ['cashHaircut', 64n],
  ['markets', 8n],
  ['underlyings', 8n],
  ['listings', 8n],
]

/** The blob that `Clearing.setParameters` takes. Asserts that every number fits its place. */
export function packParameters(parameters: Parameters): Hex {
  const { listings, underlyings, markets } = parameters
  const counts = { listings: listings.length, underlyings: underlyings.length, markets: markets.length }
  const words = [
    packWord(GENERAL, { ...parameters, ...counts }),
    ...listings.map((terms) => packWord(LISTING, terms)),
    ...underlyings.map((terms) => packWord(UNDERLYING, terms)),
    ...markets.map((terms) => packWord(MARKET, terms)),
  ]
  return `0x${words.map((value) => value.toString(16).padStart(64, '0')).join('')}`
}

/** The parameters in a blob that the clearing accepted. Asserts that it is whole. */
export function unpackParameters(blob: Hex): Parameters {
  const bytes = fromHex(blob)
  const words = Array.from({ length: bytes.length / 32 }, (_, i) => BigInt(`0x${blob.slice(2 + 64 * i, 66 + 64 * i)}`))
  const general = unpackWord(GENERAL, words[0] ?? 0n)
  const counts = [general.listings, general.underlyings, general.markets].map(Number)
  const [listings = 0, underlyings = 0, markets = 0] = counts
  if (words.length !== 1 + listings + underlyings + markets) throw new Error('The parameter blob is cut short.')
  const firstMarket = 1 + listings + underlyings
  return {
    cashHaircut: general.cashHaircut ?? 0n,
    liquidationDiscount: general.liquidationDiscount ?? 0n,
    healthTarget: general.healthTarget ?? 0n,
    maxPriceAge: Number(general.maxPriceAge),
    maxRecordAge: Number(general.maxRecordAge),
    listings: words.slice(1, 1 + listings).map((value) => {
      const { feed, decimals, initialHaircut, maintenanceHaircut, cap } = unpackWord(LISTING, value)
      return { feed: Number(feed), decimals: Number(decimals), initialHaircut, maintenanceHaircut, cap }
    }),
    underlyings: words.slice(1 + listings, firstMarket).map((value) => {
      const { feed, ...rates } = unpackWord(UNDERLYING, value)
      return { feed: Number(feed), ...rates }
    }),
    markets: words.slice(firstMarket).map((value) => {
      const { underlying, ...rest } = unpackWord(MARKET, value)
      return { underlying: Number(underlying), ...rest }
    }),
  }
}

export type ParametersFault = {
  readonly list: 'general' | 'listings' | 'underlyings' | 'markets'
  readonly entry: number
}

/** The first entry that the clearing would refuse, given how many feeds it has; nothing if it would take them all. */
export function validateParameters(parameters: Parameters, feeds: number): ParametersFault | undefined {
  const { listings, underlyings, markets } = parameters
  const isGeneralFine =
    parameters.cashHaircut <= WAD && parameters.liquidationDiscount <= WAD && parameters.healthTarget >= WAD
  if (!isGeneralFine) return { list: 'general', entry: 0 }
  const badListing = listings.findIndex((t) => {
    const isOrdered = t.maintenanceHaircut <= t.initialHaircut && t.initialHaircut <= WAD
    return !isOrdered || t.decimals > 36 || t.feed >= feeds
  })
  if (badListing >= 0) return { list: 'listings', entry: badListing }
  const badUnderlying = underlyings.findIndex((t) => {
    const isOrdered = t.legRate <= t.maintenanceRate && t.maintenanceRate <= t.initialRate && t.initialRate <= WAD
    return !isOrdered || parameters.liquidationDiscount > t.maintenanceRate || t.feed >= feeds
  })
  if (badUnderlying >= 0) return { list: 'underlyings', entry: badUnderlying }
  const badMarket = markets.findIndex((t) => t.underlying >= underlyings.length || t.band > WAD)
  return badMarket >= 0 ? { list: 'markets', entry: badMarket } : undefined
}

function packWord<Name extends string>(layout: Layout<Name>, values: Record<string, unknown>): bigint {
  let packed = 0n
  let shift = 0n
  for (const [name, bits] of layout) {
    const value = BigInt(values[name] as bigint | number)
    if (value < 0n || value >> bits !== 0n) throw new Error(`${name} does not fit ${bits} bits: ${value}`)
    packed |= value << shift
    shift += bits
  }
  return packed
}

function unpackWord<Name extends string>(layout: Layout<Name>, packed: bigint): Record<Name, bigint> {
  let shift = 0n
  const values = {} as Record<Name, bigint>
  for (const [name, bits] of layout) {
    values[name] = BigInt.asUintN(Number(bits), packed >> shift)
    shift += bits
  }
  return values
}
