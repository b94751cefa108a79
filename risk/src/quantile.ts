import { divUp, type Ratio, WAD } from '@omnimargin/core/wad'

/** The least of the values that at least a share `p` of them does not exceed: never between two, never below. */
export function quantile(values: readonly bigint[], p: Ratio): bigint {
  if (values.length === 0) throw new RangeError('A quantile of nothing: give at least one value.')
  const rank = Number(divUp(BigInt(values.length) * p, WAD))
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sorted[Math.max(rank, 1) - 1] ?? 0n
}
