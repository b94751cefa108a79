/** Booking a change into a position: spec/margin.md. Twin of contracts/src/clearing/Positions.sol. */
import { abs, type Size, type Usd } from './wad.ts'

/** The size and quote after a change, and the cash it realizes: quote + realized is conserved exactly (MRG-10). */
export function book(
  size: Size,
  quote: Usd,
  deltaSize: Size,
  deltaQuote: Usd,
): { size: Size; quote: Usd; realized: Usd } {
  const kept = keptQuote(size, quote, deltaSize, deltaQuote)
  return { size: size + deltaSize, quote: kept, realized: quote + deltaQuote - kept }
}

function keptQuote(size: bigint, quote: bigint, deltaSize: bigint, deltaQuote: bigint): bigint {
  const next = size + deltaSize
  if (next === 0n) return 0n
  if (deltaSize === 0n) return quote
  const isSameSide = next > 0n === size > 0n
  if (size === 0n || (isSameSide && abs(next) > abs(size))) return quote + deltaQuote
  return isSameSide ? (quote * abs(next)) / abs(size) : (deltaQuote * abs(next)) / abs(deltaSize)
}
