/** What every role's process has in common: it runs until told to stop, and says what it does. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Something that happened, for logs and measurements; `ms` counts from an arbitrary start, monotonically. */
export type LogEvent = { readonly role: string; readonly event: string; readonly ms: number } & Readonly<
  Record<string, unknown>
>

export type Log = (event: LogEvent) => void

export type RoleContext = { readonly signal: AbortSignal; readonly log: Log }

/** A log that names the role and the time by itself. */
export function logOf(role: string, log: Log): (event: string, details?: Record<string, unknown>) => void {
  return (event, details = {}) => log({ role, event, ms: performance.now(), ...details })
}

/** What a role says again and again for as long as its cause lasts. */
const REPEATS = /^(failed|below_maintenance|not_.*|.*_refused)$/
const QUIET_MS = 60_000

/**
 * The same log, in which what repeats itself is said at once, and then once a minute with how often it was kept back. Amounts and
 * numbers of blocks, which are bigints, change from one time to the next and make it no other event.
 */
export function sparing(log: Log): Log {
  const said = new Map<string, { readonly ms: number; held: number }>()
  return (event) => {
    if (!REPEATS.test(event.event)) return log(event)
    const key = JSON.stringify(Object.entries(event).filter(([name, value]) => name !== 'ms' && isNamed(value)))
    const last = said.get(key)
    if (last && event.ms < last.ms + QUIET_MS) {
      last.held += 1
      return
    }
    for (const [old, { ms }] of said) if (ms + 2 * QUIET_MS < event.ms) said.delete(old)
    said.set(key, { ms: event.ms, held: 0 })
    log(last && last.held > 0 ? { ...event, held: last.held } : event)
  }
}

function isNamed(value: unknown): boolean {
  return ['string', 'number'].includes(typeof value) || (Array.isArray(value) && value.every(isNamed))
}

/** Waits, or returns at once when the role is stopped. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/**
 * Repeats the work until the role is stopped, pausing between. A failure that may pass is reported and the work tried
 * again, ever more slowly up to 32 times the pause; one that cannot pass ends the role.
 */
export async function repeat(
  work: () => Promise<void>,
  pauseMs: number,
  { signal, report }: { signal: AbortSignal; report: (failure: unknown) => void },
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      await work()
      failures = 0
    } catch (failure) {
      if (signal.aborted) return
      report(failure)
      if (isFinal(failure)) throw failure
      failures = Math.min(failures + 1, 5)
    }
    await pause(pauseMs * 2 ** failures, signal)
  }
}

/** Errors that say so cannot be cured by trying again; what says nothing is a bug, and not tried again either. */
function isFinal(failure: unknown): boolean {
  return !(failure instanceof Error && 'retry' in failure && failure.retry === true)
}
