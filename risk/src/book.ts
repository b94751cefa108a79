/** Positions on several chains and the collateral behind them. */
import { type Size, type Usd, WAD } from '@omnimargin/core/wad'
import { drawBetween, drawsOf } from './random.ts'

/** `signed` is held as so many units of the underlying, or held at so many dollars by trading at each bar's close. */
export type Leg = {
  readonly chain: string
  readonly venue: string
  readonly underlying: string
  readonly measure: 'units' | 'dollars'
  readonly signed: Size | Usd
}

export type Book = {
  readonly name: string
  readonly legs: readonly Leg[]
  /** Market value in USD, per chain. */
  readonly collateral: ReadonlyMap<string, Usd>
}

export const MAX_CHAINS = 16
/** Of one generator. */
export const MAX_BOOKS = 1_000

/** What a random book is drawn from: one leg per chain and underlying, whole dollars, uniform within the most either way. */
export type Drawn = {
  readonly name: string
  readonly books: number
  readonly seed: bigint
  readonly chains: readonly string[]
  readonly underlyings: readonly string[]
  readonly notionalMost: Usd
  readonly collateral: ReadonlyMap<string, Usd>
}

/** The same books for the same seed, always. */
export function drawBooks({ name, books, seed, chains, underlyings, notionalMost, collateral }: Drawn): Book[] {
  const draw = drawsOf(seed)
  const most = notionalMost / WAD
  return Array.from({ length: books }, (_, index) => ({
    name: `${name} ${index + 1}`,
    collateral,
    legs: chains.flatMap((chain) =>
      underlyings.map((underlying): Leg => {
        const signed = drawBetween(draw, -most, most) * WAD
        return { chain, venue: chain, underlying, measure: 'dollars', signed }
      }),
    ),
  }))
}

/** In order of first mention. */
export function chainsOf({ legs }: Book): string[] {
  return [...new Set(legs.map(({ chain }) => chain))]
}

export function underlyingsOf({ legs }: Book): string[] {
  return [...new Set(legs.map(({ underlying }) => underlying))]
}
