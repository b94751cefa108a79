/** Books as JSON: legs and collateral, or a generator of random ones. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_ACCOUNT_MARKETS, MAX_LINES } from '@omnimargin/core/ledger'
import { WAD } from '@omnimargin/core/wad'
import { type Book, drawBooks, MAX_BOOKS, MAX_CHAINS } from '@omnimargin/risk/book'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { z } from 'zod'
import { dollars, name, quantity, title } from '../fields.ts'

/** What a file holds: one book, or many that are told of by their spread. */
export type BookFile = { readonly name: string; readonly isRandom: boolean; readonly books: readonly Book[] }

/** What a book may name. */
export type Known = { readonly symbols: readonly string[]; readonly folder: string; readonly chains: readonly string[] }

const SHOWN = 'docs/capital.md shows a book under A book of your own.'

/** The books of a file, or of every .json in a folder. Throws ConfigError with each fault of a file, its line and the cure. */
export function readBooks(path: string, known: Known): BookFile[] {
  try {
    return filesAt(path).map((file) => {
      const { random } = readConfig(file, z.looseObject({ random: z.unknown().optional() }))
      return random === undefined ? readBook(file, known) : readGenerator(file, known)
    })
  } catch (failure) {
    throw failure instanceof ConfigError ? new ConfigError(`${failure.message}\n${SHOWN}`) : failure
  }
}

function filesAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const files = readdirSync(path).filter((entry) => entry.endsWith('.json'))
    if (files.length > 0) return files.sort().map((entry) => join(path, entry))
  } catch (cause) {
    throw new ConfigError(`${path}: cannot be read (${cause instanceof Error ? cause.message : cause}).`)
  }
  throw new ConfigError(`${path} has no .json: give a book, or a folder of books.`)
}

function readBook(file: string, known: Known): BookFile {
  const { name: title, legs, collateral } = readConfig(file, bookSchema(known))
  return {
    name: title,
    isRandom: false,
    books: [{ name: title, legs, collateral: new Map(Object.entries(collateral)) }],
  }
}

function readGenerator(file: string, known: Known): BookFile {
  const { name: of, random } = readConfig(file, generatorSchema(known))
  const collateral = new Map(Object.entries(random.collateral))
  return { name: of, isRandom: true, books: drawBooks({ ...random, name: of, collateral }) }
}

function bookSchema(known: Known) {
  return z.strictObject({
    name: title,
    legs: z
      .array(legSchema(known))
      .min(1)
      .max(MAX_ACCOUNT_MARKETS, `has more than ${MAX_ACCOUNT_MARKETS} legs, the markets of one account: split the book`)
      .superRefine((legs, context) => {
        const markets = legs.map(({ chain, venue, underlying }) => `${underlying} at ${venue} on ${chain}`)
        for (const [at, market] of markets.entries()) {
          if (markets.indexOf(market) === at) continue
          context.addIssue({ code: 'custom', path: [at], message: `${market} is there twice: make one leg of the two` })
        }
        if (new Set(legs.map(({ chain }) => chain)).size <= MAX_CHAINS) return
        context.addIssue(`is on more than ${MAX_CHAINS} chains: split the book`)
      }),
    collateral: collateralSchema(known),
  })
}

function legSchema(known: Known) {
  return z
    .strictObject({
      chain: chainSchema(known),
      venue: name.optional(),
      underlying: symbolSchema(known),
      direction: z.enum(['long', 'short']),
      size: quantity.optional(),
      notional: quantity.optional(),
    })
    .refine(({ size, notional }) => (size === undefined) !== (notional === undefined), {
      message: 'must have either a size in units or a notional in USD',
    })
    .transform(({ direction, size, notional, venue, ...leg }) => {
      const signed = (size ?? notional ?? 0n) * (direction === 'long' ? 1n : -1n)
      const measure = size === undefined ? ('dollars' as const) : ('units' as const)
      return { ...leg, venue: venue ?? leg.chain, measure, signed }
    })
}

function generatorSchema(known: Known) {
  return z.strictObject({
    name: title,
    random: z
      .strictObject({
        books: z.int().min(1).max(MAX_BOOKS),
        seed: z
          .string()
          .regex(/^\d{1,19}$/, 'must be a string of digits')
          .transform(BigInt),
        chains: z.array(chainSchema(known)).min(1).max(MAX_CHAINS),
        underlyings: z.array(symbolSchema(known)).min(1),
        notionalMost: quantity.refine((value) => value < 10n ** 11n * WAD, 'must be below 10^11'),
        collateral: collateralSchema(known),
      })
      .refine(({ chains, underlyings }) => chains.length * underlyings.length <= MAX_ACCOUNT_MARKETS, {
        message: `has more than ${MAX_ACCOUNT_MARKETS} legs a book, the markets of one account: name fewer chains or underlyings`,
      }),
  })
}

function chainSchema({ chains }: Known) {
  return name.refine((chain) => chains.includes(chain), `must be a chain of the parameters: ${chains.join(', ')}`)
}

function symbolSchema({ symbols, folder }: Known) {
  const places = `must have a price file in ${folder} and rates in the parameters; with both there is ${symbols.join(', ') || 'nothing'}`
  return name.refine((symbol) => symbols.includes(symbol), places)
}

function collateralSchema(known: Known) {
  return z
    .record(chainSchema(known), dollars)
    .refine((all) => Object.keys(all).length <= MAX_LINES, `has more than ${MAX_LINES} lines: split the book`)
    .refine((all) => Object.values(all).some((value) => value > 0n), 'must be above 0 on some chain')
}
