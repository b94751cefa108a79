/** Caps may be cut at once, to no less than half of what is in force. Twin of contracts/src/governance/Caps.sol: spec/policy.md. */
import { fieldAt, type Parameters } from './parameters.ts'
import { max, min } from './wad.ts'

/** Why a cap may not be set now, and the word of the blob that it is in. */
export type CapFault = { readonly code: 'CapRaised' | 'CapCutTooFar'; readonly word: number }

/** By list, in the order of their places. */
export const CAPS = {
  listings: ['cap', 'accountCap', 'assetCap', 'burst'],
  markets: ['openInterestCap'],
  vaults: ['cap'],
} as const

/** The value nearest to the target that a post may give a cap now. */
export function cutToward(from: bigint, target: bigint): bigint {
  return min(from, max(target, from / 2n))
}

/** The first cap that may not be set now. Until then each in `after` is set to what it is in `before`: what then differs is no cap. */
export function levelCaps(current: Parameters, before: readonly bigint[], after: bigint[]): CapFault | undefined {
  for (const { word, shift, bits } of capPlaces(current)) {
    const mask = (1n << BigInt(bits)) - 1n
    const [from, to] = [before, after].map((words) => ((words[word] ?? 0n) >> BigInt(shift)) & mask) as [bigint, bigint]
    if (to > from) return { code: 'CapRaised', word }
    if (to < cutToward(from, 0n)) return { code: 'CapCutTooFar', word }
    after[word] = (after[word] ?? 0n) + ((from - to) << BigInt(shift))
  }
  return undefined
}

function capPlaces(parameters: Parameters) {
  const lists = Object.entries(CAPS) as [keyof typeof CAPS, readonly string[]][]
  return lists.flatMap(([list, fields]) =>
    parameters[list].flatMap((_, row) => fields.map((field) => fieldAt(parameters, list, row, field))),
  )
}
