/** How much of an account is liquidated, and for what: spec/margin.md. Twin of contracts/src/clearing/Share.sol. */
import type { Margin } from './margin.ts'
import { divUp, max, min, mulDown, mulUp, type Ratio, type Usd, WAD } from './wad.ts'

/**
 * What the units of an account are worth that back no maintenance margin, and how much of the margin balance would stay with those of them
 * that count but whose vault is late.
 */
export type Unbacking = { readonly value: Usd; readonly kept: Usd }

/** The shares that are taken over, of what backs maintenance margin, with positions and cash, for the payment; and of the other units. */
export type Taken = { readonly share: Ratio; readonly rest: Ratio; readonly payment: Usd }

/**
 * What brings an account below maintenance to the target health, and the ledger cash a liquidator pays for it. What is paid counts as cash,
 * after the cash haircut. Where nothing is, the other units make up for what is missing. The margin is that of the account without those.
 * Asserts that the account is below its target; what it returns is rounded up.
 */
export function takenOf(
  margin: Margin,
  other: Unbacking,
  discount: Ratio,
  healthTarget: Ratio,
  cashHaircut: Ratio,
): Taken {
  const whole = margin.equity - mulUp(margin.exposure, discount)
  const price = max(0n, whole)
  const rest = whole > 0n ? 0n : restOf(-whole, other.value - mulUp(other.value, discount))
  const missing = mulUp(margin.maintenanceMargin, healthTarget) - margin.maintenanceMarginBalance
  if (missing <= 0n) throw new Error('Only an account below its target health has a share to liquidate.')
  const relief = mulDown(price, WAD - cashHaircut) + mulDown(other.kept, WAD - rest)
  const share = min(WAD, divUp(missing * WAD, missing + relief))
  return { share, rest: mulUp(rest, share), payment: mulUp(price, share) }
}

/** All, once it is not enough, or worth nothing. */
function restOf(missing: Usd, worth: Usd): Ratio {
  return worth > missing ? divUp(missing * WAD, worth) : WAD
}
