/** How age grows into what is charged, or not counted: spec/margin.md. Twin of contracts/src/clearing/Lateness.sol. */
import { divUp, min, mulUp, type Ratio, WAD } from './wad.ts'

/** When a peer is late, in seconds of its age: for new risk from `calmAge` to `tripAge`, for maintenance from `warnAge` to `endAge`. */
export type Ages = {
  readonly calmAge: number
  readonly warnAge: number
  readonly endAge: number
  readonly tripAge: number
  readonly isRemote: boolean
}

/** For new risk, and for maintenance. */
export type Lateness = { readonly initial: Ratio; readonly maintenance: Ratio }

/** Then what is late for maintenance is never later than what is late for new risk. */
export function areInOrder({ calmAge, warnAge, endAge, tripAge }: Ages): boolean {
  return calmAge <= warnAge && warnAge < endAge && calmAge < tripAge && tripAge <= endAge
}

/** How late an age is: 0 up to `from`, in a straight line to 1e18 from `until` on; rounds up. Asserts that it is beyond `from`. */
export function lateAt(age: bigint, from: number, until: number): Ratio {
  if (until <= from) throw new Error(`Late from ${from} s on, and all of it already at ${until} s.`)
  const [start, span] = [BigInt(from), BigInt(until - from)]
  if (age <= start) return 0n
  return divUp(min(age - start, span) * WAD, span)
}

/** A share, and of the rest of it as much as it is late; rounds up. */
export function widen(share: Ratio, late: Ratio): Ratio {
  return share + mulUp(WAD - share, late)
}

/** How late a peer of that age is. One on the clearing's own chain never is; one whose breaker is tripped is all late for new risk. */
export function latenessAt(ages: Ages, age: bigint, isTripped: boolean): Lateness {
  const { calmAge, warnAge, endAge, tripAge, isRemote } = ages
  const initial = isRemote ? lateAt(age, calmAge, tripAge) : 0n
  const maintenance = isRemote ? lateAt(age, warnAge, endAge) : 0n
  return { initial: isTripped ? WAD : initial, maintenance }
}
