/** Decimal strings and integers at 1e18, exactly: no float in between. */
import { abs, WAD } from '@omnimargin/core/wad'

const DECIMAL = /^(\d{1,30})(?:\.(\d{1,18}))?$/

/** "0.05" as 5e16. Nothing for a sign, an exponent, a bare point or more than 18 digits after it. */
export function parseDecimal(text: string): bigint | undefined {
  const [, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  return whole === undefined ? undefined : BigInt(whole) * WAD + BigInt(fraction.padEnd(18, '0'))
}

/** 5e16 as "0.05": every digit, none that says nothing. */
export function formatDecimal(value: bigint): string {
  const digits = abs(value).toString().padStart(19, '0')
  const fraction = digits.slice(-18).replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -18)}${fraction && `.${fraction}`}`
}
