/** How much of an account is liquidated, and for what: spec/margin.md. Twin of contracts/src/clearing/Share.sol. */
import type { Margin } from './margin.ts'
import { divUp, max, min, mulDown, mulUp, type Ratio, type Usd, WAD } from './wad.ts'

/**
 * The share that brings an account below maintenance to the target health, and the ledger cash a liquidator pays for
 * it. What is paid counts as cash, after the cash haircut. Asserts that the account is below its target; both round up.
 */
export function shareOf(
  margin: Margin,
  discount: Ratio,
  healthTarget: Ratio,
  cashHaircut: Ratio,
): { share: Ratio; payment: Usd } {
  const price = max(0n, margin.equity - mulUp(margin.exposure, discount))
  const missing = mulUp(margin.maintenanceMargin, healthTarget) - margin.maintenanceMarginBalance
  if (missing <= 0n) throw new Error('Only an account below its target health has a share to liquidate.')
  const relief = mulDown(price, WAD - cashHaircut)
  const share = min(WAD, divUp(missing * WAD, missing + relief))
  return { share, payment: mulUp(price, share) }
}

/**
 * The share of the units that do not count, worth `uncounted`, which makes up for what the rest of the account is worth less than its
 * discount: none while that has a price, and all once they are not enough, or worth nothing.
 */
export function restOf(
  { equity, exposure }: { readonly equity: Usd; readonly exposure: Usd },
  uncounted: Usd,
  discount: Ratio,
): Ratio {
  const missing = mulUp(exposure, discount) - equity
  if (missing < 0n) return 0n
  const worth = uncounted - mulUp(uncounted, discount)
  return worth > missing ? divUp(missing * WAD, worth) : WAD
}
