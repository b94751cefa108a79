/** JSON for another program: integers at 1e18 are decimal strings, and all else is as it is. */
import { formatDecimal } from '@omnimargin/risk/decimal'

export function decimalJson(value: unknown): string {
  return `${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? formatDecimal(part) : part), 2)}\n`
}
