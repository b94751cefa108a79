/** Waiting for the chains and the roles to get somewhere. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Long enough for a loaded machine. */
export const LIMIT_MS = 90_000
const POLL_MS = 50

/** Asks until there is an answer that is not false or undefined. Throws with what was awaited after `limitMs`. */
export async function until<Answer>(
  what: string,
  ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  limitMs = LIMIT_MS,
): Promise<Answer> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    await sleep(POLL_MS)
  }
  throw new Error(`Waited ${limitMs / 1000} s in vain for ${what}.`)
}
