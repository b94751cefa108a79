/** What a field of a file that a person writes may hold: numbers are decimal strings there, and integers at 1e18 inside. */
import { WAD } from '@omnimargin/core/wad'
import { parseDecimal } from '@omnimargin/risk/decimal'
import { z } from 'zod'

export const decimal = z.string().transform((text, context) => {
  const value = parseDecimal(text)
  if (value !== undefined) return value
  context.addIssue(`is "${text}": write a plain decimal in quotes, with at most 18 digits after the point`)
  return z.NEVER
})

/** USD or units of an underlying: above zero, and small enough for every product of the margin formula. */
export const quantity = decimal.refine(
  (value) => value > 0n && value < 10n ** 12n * WAD,
  'must be above 0 and below 10^12',
)
/** USD that may be nothing at all. */
export const dollars = decimal.refine((value) => value < 10n ** 15n * WAD, 'must be below 10^15')
/** A share, as in "0.05". */
export const share = decimal.refine((value) => value <= WAD, 'is a share: it must be at most 1')
/** Fits the tables. */
export const title = z.string().regex(/^[^\p{C}]{1,28}$/u, 'must be 1 to 28 characters that can be printed')
export const name = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be 1 to 32 letters, digits, - or _')
export const seconds = z
  .int()
  .min(1)
  .max(30 * 86_400)
