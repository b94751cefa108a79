/** How far parameters may move at once: only the named ratios, each within its floor and ceiling, by a step. Twin of contracts/src/governance/Bounds.sol. */
import { fromHex, type Hex } from './bytes.ts'
import { max, min, mulUp, type Ratio, WAD } from './wad.ts'

/**
 * A ratio of 64 bits among the parameters that may move: in which word and from which bit, up to what, how far up and down at
 * a time. The rest is its floor: an asset loses `gap` at once and `hourly` with the root of the hours that its liquidation
 * takes, for which `horizon` stands in seconds.
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

/** The first bound that is broken, and how; no number where something that no bound names is different too. */
export type BoundsFault =
  | { readonly code: 'out_of_bounds' | 'step_too_large'; readonly bound: number }
  | { readonly code: 'not_bounded' }

const HOUR = 3_600n
const WORD_DIGITS = 64

/** gap + hourly * sqrt(horizon / 1 h), rounded up. */
export function floorOf({ gap, hourly, horizon }: Bound): Ratio {
  return gap + mulUp(hourly, rootUp((BigInt(horizon) * WAD * WAD) / HOUR))
}

/** The value nearest the target that a post may set now. What is outside, since the bounds have changed, may stay or come nearer. */
export function clampStep(from: Ratio, target: Ratio, bound: Bound): Ratio {
  const lowest = max(from - bound.fall, min(floorOf(bound), from))
  const highest = min(from + bound.rise, max(bound.ceiling, from))
  return max(lowest, min(highest, target))
}

/** Why a post of these parameters would be refused, or nothing. */
export function boundsFault(current: Hex, next: Hex, bounds: readonly Bound[]): BoundsFault | undefined {
  if (current.length !== next.length) return { code: 'not_bounded' }
  const [was, is] = [wordsOf(current), wordsOf(next)]
  for (const [i, bound] of bounds.entries()) {
    const [from, to] = [take(was, bound), take(is, bound)]
    if (from === undefined || to === undefined) return { code: 'not_bounded' }
    const isWithin = (to >= floorOf(bound) || to >= from) && (to <= bound.ceiling || to <= from)
    if (!isWithin) return { code: 'out_of_bounds', bound: i }
    if (to > from ? to - from > bound.rise : from - to > bound.fall) return { code: 'step_too_large', bound: i }
  }
  return was.some((word, i) => word !== is[i]) ? { code: 'not_bounded' } : undefined
}

function wordsOf(blob: Hex): bigint[] {
  return Array.from({ length: fromHex(blob).length / 32 }, (_, i) => {
    return BigInt(`0x${blob.slice(2 + WORD_DIGITS * i, 2 + WORD_DIGITS * (i + 1))}`)
  })
}

/** Reads the field, and leaves zeros in its place. */
function take(words: bigint[], { word, shift }: Bound): bigint | undefined {
  const whole = words[word]
  if (whole === undefined || shift > 192) return undefined
  const value = BigInt.asUintN(64, whole >> BigInt(shift))
  words[word] = whole - (value << BigInt(shift))
  return value
}

/** The least integer whose square is not below. */
function rootUp(square: bigint): bigint {
  if (square < 2n) return square
  let root = 1n << BigInt((square.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) break
    root = next
  }
  return root * root === square ? root : root + 1n
}
