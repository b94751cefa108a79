/** How a venue's silence grows into what its legs are charged: spec/margin.md. Twin of contracts/src/clearing/Silence.sol. */
import { max, min, type Ratio, WAD } from './wad.ts'

/**
 * From `legShare` up to `from` seconds of silence, in a straight line to all of the rate at `dead` seconds; rounds up.
 * Asserts that `dead` is beyond `from`.
 */
export function legShareAt(legShare: Ratio, from: number, dead: number, silence: bigint): Ratio {
  if (dead <= from) throw new Error(`A venue is dead after ${dead} s, before it is late at ${from} s.`)
  const [start, span] = [BigInt(from), BigInt(dead - from)]
  const late = min(max(silence - start, 0n), span)
  return legShare + ((WAD - legShare) * late + span - 1n) / span
}
