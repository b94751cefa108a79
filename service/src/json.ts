/** JSON of what has bigints in it: each is text, digit by digit. */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part), indent)
}
