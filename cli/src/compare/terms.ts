/** The parameters of a comparison as JSON, read and written. */
import { WAD } from '@omnimargin/core/wad'
import type { Terms } from '@omnimargin/risk/terms'
import { readConfig } from '@omnimargin/service/config'
import { z } from 'zod'
import { dollars, name, seconds, share } from '../fields.ts'
import { decimalJson } from '../json.ts'

const schema = z.strictObject({
  /** Where rates and credits come from; for people. */
  origin: z.string(),
  confidence: share,
  windowSeconds: seconds,
  reactionSeconds: seconds,
  transferSeconds: seconds,
  haircut: share,
  latencyPremium: share,
  venueLossShare: share,
  underlyings: z.record(
    name,
    z
      .strictObject({
        initialRate: share,
        maintenanceRate: share,
        basisRate: share,
        depth: dollars,
        concentrationRate: share,
      })
      .refine(
        ({ initialRate, maintenanceRate }) => initialRate >= maintenanceRate,
        'initialRate is below maintenanceRate',
      ),
  ),
  credits: z.array(z.strictObject({ first: name, second: name, ratio: share })).max(8),
  chains: z.record(
    name,
    z.strictObject({
      latencySeconds: seconds,
      initialLegShare: share,
      maintenanceLegShare: share,
      failuresPerYear: share,
      lossGivenFailure: share,
    }),
  ),
})

/** Throws ConfigError with each fault, its line and the cure. */
export function readTerms(file: string): Terms {
  const {
    origin: _,
    underlyings,
    chains,
    ...rest
  } = readConfig(
    file,
    schema
      .refine(
        ({ haircut, latencyPremium }) => haircut + latencyPremium < WAD,
        'haircut and latencyPremium leave nothing',
      )
      .refine(({ confidence }) => confidence > 0n, 'confidence must be above 0'),
  )
  return { ...rest, underlyings: new Map(Object.entries(underlyings)), chains: new Map(Object.entries(chains)) }
}

/** The file that `readTerms` reads as these terms. */
export function writeTerms({ underlyings, chains, ...rest }: Terms, origin: string): string {
  const plain = { origin, ...rest, underlyings: Object.fromEntries(underlyings), chains: Object.fromEntries(chains) }
  return decimalJson(plain)
}
