/** What the contagion what-if supposes of markets and issuers, as JSON. */
import { WAD } from '@omnimargin/core/wad'
import type { System } from '@omnimargin/risk/contagion/system'
import { InputError } from '@omnimargin/risk/errors'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { stressedUsd } from '@omnimargin/risk/estimate/haircut'
import { readConfig } from '@omnimargin/service/config'
import { type Measures, withDefaults } from '@omnimargin/service/steward/known'
import { z } from 'zod'
import { decimal, quantity, share, title } from '../fields.ts'

const MAX_NAMES = 64

const schema = z.strictObject({
  /** Where the numbers come from; for people. */
  origin: z.string(),
  impactFactor: decimal.refine((value) => value <= 100n * WAD, 'must be at most 100'),
  prices: z.record(
    z.string(),
    z.strictObject({ dailyVolume: quantity, dailyVolatility: share, fall: share.optional() }),
  ),
  issuers: z
    .array(z.strictObject({ name: title, assets: z.array(z.string()).min(1).max(MAX_NAMES), loss: share.optional() }))
    .max(MAX_NAMES),
})

export type Terms = z.output<typeof schema>

/** Throws ConfigError with each fault, its line and the cure. */
export function readTerms(file: string): Terms {
  return readConfig(file, schema)
}

/** What the clearing's lists are called, in its own order: an asset as USDC@fast. */
export type Names = { readonly feeds: readonly string[]; readonly listings: readonly string[] }

/** What a file says, and what it is called. */
type From<Content> = { readonly file: string; readonly content: Content }
type Told = Pick<Measures, 'assets' | 'feeds'>

/**
 * The terms by the clearing's numbers. An issuer is asked for by its assets' names, with a chain or without; what of
 * them is not listed here is left out. What is there on a chain is what the steward is told of it. Throws InputError
 * where a price has no terms, or an asset on a chain no depth.
 */
export function applyTerms(
  terms: From<Terms>,
  measures: From<Told>,
  { feeds, listings }: Names,
): Pick<System, 'depths' | 'stressedThere' | 'issuers' | 'impactFactor'> {
  const { prices, issuers, impactFactor } = terms.content
  const { depthLeft, depthLeftPeg } = DEFAULTS.impact
  const depths = feeds.map((feed) => {
    const found = prices[feed]
    if (!found) {
      const cure = 'add its dailyVolume and dailyVolatility'
      throw new InputError(`${terms.file} prices: has no "${feed}", which the clearing has: ${cure}.`)
    }
    const isPegged = measures.content.feeds[feed]?.pegFloor !== undefined
    const depthPerDay = Number(found.dailyVolume / WAD)
    const stressed = stressedUsd({ depthPerDay, depthLeft: isPegged ? depthLeftPeg : depthLeft })
    return { stressed, dailyVolatility: found.dailyVolatility, fall: found.fall ?? 0n }
  })
  const stressedThere = listings.map((listing) => {
    const found = measures.content.assets.find(({ asset, chain }) => `${asset}@${chain}` === listing)
    if (!found) {
      const cure = 'add it there, or name the steward’s own file with --config'
      throw new InputError(`${measures.file} assets: has no ${listing}, which the clearing has: ${cure}.`)
    }
    return stressedUsd(withDefaults(found))
  })
  const owed = issuers.map(({ name, assets, loss }) => {
    const isOwed = (listing: string) => assets.includes(listing) || assets.includes(listing.split('@')[0] ?? '')
    return { name, loss: loss ?? WAD, listings: listings.flatMap((listing, i) => (isOwed(listing) ? [i] : [])) }
  })
  return { depths, stressedThere, issuers: owed.filter((issuer) => issuer.listings.length > 0), impactFactor }
}
