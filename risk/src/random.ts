/** SplitMix64 (Steele, Lea, Flood 2014): chance out of a seed, in integers, the same everywhere. */

const MASK = (1n << 64n) - 1n
const MAX_SPAN = 1n << 40n

/** The next draw of 64 bits, each time it is called. */
export type Draw = () => bigint

export function drawsOf(seed: bigint): Draw {
  let state = seed & MASK
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK
    let mixed = state
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK
    return mixed ^ (mixed >> 31n)
  }
}

/** A draw in [low, high]; the bias is below 2^-24 for spans below 2^40. */
export function drawBetween(draw: Draw, low: bigint, high: bigint): bigint {
  const span = high - low + 1n
  if (span < 1n || span > MAX_SPAN) throw new RangeError(`A draw of ${span} values: ask for 1 to ${MAX_SPAN}.`)
  return low + (draw() % span)
}
