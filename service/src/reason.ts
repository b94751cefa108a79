/** Why another's server did not give what it was asked for, in one line. */
import { z } from 'zod'

/** With what is behind it: of a lost connection `fetch` says only that it failed. */
export function reasonIn(cause: unknown): string {
  if (cause instanceof z.ZodError) return `its answer makes no sense: ${z.prettifyError(cause)}`
  if (!(cause instanceof Error)) return `${cause}`
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message
}
