// Caps that a post changes, each named after what it stresses: vectors/caps.json.
import { within } from '@omnimargin/core/bounds'
import type { Hex } from '@omnimargin/core/bytes'
import { CAPS, cutToward } from '@omnimargin/core/caps'
import { fieldAt, packParameters } from '@omnimargin/core/parameters'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'

export const FAULTS = ['none', 'OutOfBounds', 'StepTooLarge', 'NotBounded', 'CapRaised', 'CapCutTooFar'] as const

/** One field of the devnet's parameters: its place in the blob, what is in force there, and what is posted. */
type Cut = { readonly word: number; readonly shift: number; readonly bits: number; from: bigint; to: bigint }
type List = keyof typeof CAPS

/** The blob with another value in a place. */
function amended(blob: Hex, { word, shift, bits }: Cut, value: bigint): Hex {
  const [start, end] = [2 + 64 * word, 66 + 64 * word]
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift)
  const changed = (BigInt(`0x${blob.slice(start, end)}`) & ~mask) | (value << BigInt(shift))
  return `0x${blob.slice(2, start)}${changed.toString(16).padStart(64, '0')}${blob.slice(end)}`
}

/** All that fits there is in force, so that a field read too wide or too narrow shows. */
function cutsOf(list: List, row: number, field: string): [string, Cut][] {
  const place = fieldAt(PARAMETERS, list, row, field)
  const most = (1n << BigInt(place.bits)) - 1n
  const named = (what: string, to: bigint): [string, Cut] => [
    `${list}_${row}_${field}_${what}`,
    { ...place, from: most, to },
  ]
  return [named('by_half', most / 2n), named('by_more', most / 2n - 1n), named('less_by_one', most - 1n)]
}

const names = Object.entries(CAPS) as [List, readonly string[]][]
const cap = (from: bigint, to: bigint): Cut => ({ ...fieldAt(PARAMETERS, 'listings', 1, 'assetCap'), from, to })
const other = (list: 'listings' | 'markets' | 'vaults' | 'underlyings', field: string): Cut => {
  const place = fieldAt(PARAMETERS, list, 1, field)
  return { ...place, from: 100n, to: 99n }
}
const CUTS: [string, Cut][] = [
  ...names.flatMap(([list, fields]) =>
    fields.flatMap((field) => [0, PARAMETERS[list].length - 1].flatMap((row) => cutsOf(list, row, field))),
  ),
  ['the_same', cap(100n, 100n)],
  ['raised_by_one', cap(100n, 101n)],
  ['raised_to_the_most', cap(0n, 2n ** 112n - 1n)],
  ['an_odd_one_rounds_down', cap(101n, 50n)],
  ['an_odd_one_below_half', cap(101n, 49n)],
  ['three_to_one', cap(3n, 1n)],
  ['three_to_nothing', cap(3n, 0n)],
  ['one_to_nothing', cap(1n, 0n)],
  ['nothing_stays', cap(0n, 0n)],
  ['the_price_of_a_cap', other('listings', 'capPrice')],
  ['the_time_of_a_burst', other('listings', 'refillTime')],
  ['a_second_feed', other('listings', 'secondFeed')],
  ['the_least_size', other('markets', 'minSize')],
  ['a_depth', other('underlyings', 'depth')],
  ['an_age', other('vaults', 'calmAge')],
]

/** Input: word, shift, bits, in force, posted. Output: the fault, and the nearest that may be set where it is a cap. */
export const CUT_CASES = CUTS.map(([name, cut]) => {
  const blob = packParameters(PARAMETERS)
  const fault = within(amended(blob, cut, cut.from), amended(blob, cut, cut.to), [])
  const nearest = fault?.code === 'NotBounded' ? cut.from : cutToward(cut.from, cut.to)
  const { word, shift, bits, from, to } = cut
  return {
    name,
    input: [word, shift, bits, from, to].map(String),
    output: [FAULTS.indexOf(fault?.code ?? 'none'), nearest].map(String),
  }
})
