/** Numbers and times as people read them. */
import { formatUnits } from 'viem'

/** An amount of a token, or of USD at 18 decimals, with thousands separated and `digits` after the point, cut off. */
export function amount(value: bigint, decimals = 18, digits = 2): string {
  const [whole = '0', fraction = ''] = formatUnits(value < 0n ? -value : value, decimals).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const shown = digits > 0 ? `.${fraction.padEnd(digits, '0').slice(0, digits)}` : ''
  return `${value < 0n ? '-' : ''}${grouped}${shown}`
}

/** A ratio at 1e18 as a percentage. */
export function percent(ratio: bigint): string {
  return `${amount(ratio * 100n)} %`
}

/** As a Date has it, in seconds since 1970. */
const END_OF_TIME = 8.64e12

/** A time in seconds since 1970, as 2024-01-01T12:00:00.000Z; the last there is, where it is later. */
export function moment(seconds: bigint | number): string {
  return new Date(Math.min(Number(seconds), END_OF_TIME) * 1_000).toISOString()
}

/** Milliseconds, as 12.3 s. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** Starts now; what it returns tells the seconds since. */
export function stopwatch(): () => string {
  const startedMs = performance.now()
  return () => seconds(performance.now() - startedMs)
}

/** 60n -> 60 * 10^18. */
export function whole(value: bigint, decimals = 18): bigint {
  return value * 10n ** BigInt(decimals)
}
