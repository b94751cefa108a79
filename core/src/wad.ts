/** Fixed point at 1e18, with the rounding in the verb (spec/rounding.md). Twin of contracts/src/math/Wad.sol. */

export const WAD = 10n ** 18n

declare const scale: unique symbol
type Branded<Name extends string> = bigint & { readonly [scale]?: Name }

/** US dollars at 1e18, signed where the name says so. */
export type Usd = Branded<'Usd'>
/** US dollars per whole token or base unit, at 1e18. */
export type Price = Branded<'Price'>
/** As on chain: a price fits 96 bits. */
export const MAX_PRICE: Price = (1n << 96n) - 1n
/** A share of something, 1e18 being all of it. */
export type Ratio = Branded<'Ratio'>
/** Base units of an underlying at 1e18; a position's size is signed, long above zero. */
export type Size = Branded<'Size'>
/** An asset's own smallest units. */
export type Units = Branded<'Units'>

/** a * b / 1e18, toward minus infinity. */
export function mulDown(a: bigint, b: bigint): bigint {
  return floorDiv(a * b, WAD)
}

/** a * b / 1e18, toward plus infinity. */
export function mulUp(a: bigint, b: bigint): bigint {
  return -floorDiv(-a * b, WAD)
}

/** a * b / 1e18, toward zero. */
export function mulTrunc(a: bigint, b: bigint): bigint {
  return (a * b) / WAD
}

/** a / b toward plus infinity, for a >= 0 and b > 0. */
export function divUp(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b
}

/** The least integer whose square is not below `square`, by Newton's steps from above. */
export function rootUp(square: bigint): bigint {
  if (square < 2n) return square
  let root = 1n << BigInt((square.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) return root * root < square ? root + 1n : root
    root = next
  }
}

export function abs(a: bigint): bigint {
  return a < 0n ? -a : a
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function floorDiv(a: bigint, b: bigint): bigint {
  return a < 0n ? -divUp(-a, b) : a / b
}
