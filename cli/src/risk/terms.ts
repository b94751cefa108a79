/** What the contagion what-if supposes of markets and issuers, as JSON. */
import { WAD } from '@omnimargin/core/wad'
import type { System } from '@omnimargin/risk/contagion/system'
import { InputError } from '@omnimargin/risk/errors'
import { readConfig } from '@omnimargin/service/config'
import { z } from 'zod'
import { decimal, quantity, share } from '../compare/decimals.ts'

const title = z.string().regex(/^[^\p{C}]{1,28}$/u, 'must be 1 to 28 characters that can be printed')
const MAX_NAMES = 64

const schema = z.strictObject({
  /** Where the numbers come from; for people. */
  origin: z.string(),
  stressDepth: share.refine((value) => value > 0n, 'must be above 0'),
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

/** Throws ConfigError with every fault, its line and the cure. */
export function readTerms(file: string): Terms {
  return readConfig(file, schema)
}

/** What the clearing's lists are called, in its own order: an asset as USDC@fast. */
export type Names = { readonly feeds: readonly string[]; readonly listings: readonly string[] }

/**
 * The terms by the clearing's numbers. An issuer is asked for by its assets' names, with a chain or without; what of
 * them is not listed here is left out. Throws InputError where a price has no terms.
 */
export function applyTerms(
  { prices, issuers, stressDepth, impactFactor }: Terms,
  file: string,
  { feeds, listings }: Names,
): Pick<System, 'depths' | 'issuers' | 'stressDepth' | 'impactFactor'> {
  const missing = feeds.find((feed) => !prices[feed])
  if (missing !== undefined) {
    throw new InputError(
      `${file} prices: has no "${missing}", which the clearing has: add its dailyVolume and dailyVolatility.`,
    )
  }
  const owed = issuers.map(({ name, assets, loss }) => {
    const isOwed = (listing: string) => assets.includes(listing) || assets.includes(listing.split('@')[0] ?? '')
    return { name, loss: loss ?? WAD, listings: listings.flatMap((listing, i) => (isOwed(listing) ? [i] : [])) }
  })
  return {
    depths: feeds.flatMap((feed) => {
      const terms = prices[feed]
      return terms ? [{ ...terms, fall: terms.fall ?? 0n }] : []
    }),
    issuers: owed.filter((issuer) => issuer.listings.length > 0),
    stressDepth,
    impactFactor,
  }
}
