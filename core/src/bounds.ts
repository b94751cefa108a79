/** How far parameters may move at once, and where to within that. Twin of contracts/src/governance/Bounds.sol: spec/policy.md. */
import type { Hex } from './bytes.ts'
import { type CapFault, levelCaps } from './caps.ts'
import { unpackParameters } from './parameters.ts'
import { divUp, max, min, mulUp, type Ratio, rootUp, WAD } from './wad.ts'

/**
 * A ratio of 64 bits in the packed parameters: in which word and from which bit, up to what, how far up and down at a time.
 * The rest is its floor: what an asset loses at once (`gap`), and `hourly` with the root of the hours that its liquidation takes,
 * for which `horizon` stands in seconds.
 */
export type Bound = {
  readonly word: number
  readonly shift: number
  readonly ceiling: Ratio
  readonly rise: Ratio
  readonly fall: Ratio
  readonly gap: Ratio
  readonly hourly: Ratio
  readonly horizon: number
}

/** Why a post is refused: in this order, the first cap that may not be set, the first bound that it breaks, or that it changes what else there is. */
export type Fault =
  | CapFault
  | { readonly code: 'OutOfBounds' | 'StepTooLarge'; readonly bound: number }
  | { readonly code: 'NotBounded' }

const HOUR = 3_600n
const FIELD = (1n << 64n) - 1n
const DIGITS_A_WORD = 64

/** gap + hourly * sqrt(horizon / 1 h), each step rounded up. */
export function floorOf({ gap, hourly, horizon }: Bound): Ratio {
  return gap + mulUp(hourly, rootUp(divUp(BigInt(horizon) * WAD * WAD, HOUR)))
}

/** What keeps the policy from taking `next` while `current` is in force, if anything. Asserts that `current` is whole. */
export function within(current: Hex, next: Hex, bounds: readonly Bound[]): Fault | undefined {
  if (current.length !== next.length) return { code: 'NotBounded' }
  const [before, after] = [wordsOf(current), wordsOf(next)]
  const fault = levelCaps(unpackParameters(current), before, after)
  if (fault) return fault
  for (const [i, bound] of bounds.entries()) {
    const [from, to] = [take(before, bound), take(after, bound)]
    if (from === undefined || to === undefined) return { code: 'NotBounded' }
    const { lowest, highest } = rangeOf(from, bound)
    if (to < lowest || to > highest) return { code: 'OutOfBounds', bound: i }
    if (to > from + bound.rise || to < from - bound.fall) return { code: 'StepTooLarge', bound: i }
  }
  return before.every((one, i) => one === after[i]) ? undefined : { code: 'NotBounded' }
}

/** The value nearest to the target that a post may set now. */
export function clampStep(from: Ratio, target: Ratio, bound: Bound): Ratio {
  const { lowest, highest } = rangeOf(from, bound)
  return min(max(target, max(lowest, from - bound.fall)), min(highest, from + bound.rise))
}

/** What was outside before, since the bounds have changed, may stay or come nearer. */
function rangeOf(from: Ratio, bound: Bound): { lowest: Ratio; highest: Ratio } {
  return { lowest: min(floorOf(bound), from), highest: max(bound.ceiling, from) }
}

function wordsOf(blob: Hex): bigint[] {
  const count = (blob.length - 2) / DIGITS_A_WORD
  return Array.from({ length: count }, (_, i) =>
    BigInt(`0x${blob.slice(2 + DIGITS_A_WORD * i, 2 + DIGITS_A_WORD * (i + 1))}`),
  )
}

/** Reads the field, and leaves zeros in its place. */
function take(words: bigint[], bound: Bound): bigint | undefined {
  const word = words[bound.word]
  if (word === undefined) return undefined
  const value = (word >> BigInt(bound.shift)) & FIELD
  words[bound.word] = word - (value << BigInt(bound.shift))
  return value
}
