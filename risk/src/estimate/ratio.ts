/** The way out of doubles: integers at 1e18, rounded up, so that no rounding counts collateral that is not there. */
import { type Ratio, WAD } from '@omnimargin/core/wad'

const TWO_53 = 9007199254740992
const BELOW_ONE = (1n << 53n) - 1n

/** Of a share from 0 to 1, exactly as it is, rounded up once. */
export function ratioUp(share: number): Ratio {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`A share of ${share}: give one from 0 to 1.`)
  const scaled = share * TWO_53
  const rest = scaled % 1
  return (BigInt(rest === 0 ? scaled : scaled - rest + 1) * WAD + BELOW_ONE) >> 53n
}

/** The nearest double. */
export function shareOf(ratio: Ratio): number {
  return Number(ratio) / 1e18
}
