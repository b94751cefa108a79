/** Telling somebody else's server: tried a few times, never waited for, and never a reason to stop. */
import { jsonOf } from '../json.ts'
import { reasonIn } from '../reason.ts'
import { pause } from '../role.ts'

export type Hook = {
  /** Queues it; what a full queue would push out is said and let go. */
  readonly tell: (message: unknown) => void
  /** Resolves once everything queued so far was told or given up. */
  readonly drained: () => Promise<void>
}

export type HookOptions = {
  readonly url: string
  readonly signal: AbortSignal
  readonly note: (event: string, details: Record<string, unknown>) => void
  readonly attempts?: number
  readonly pauseMs?: number
}

const TIMEOUT_MS = 5_000
const QUEUE = 1_000

/** Posts one message after the other as JSON; an answer of 200 to 299 is success, 400 to 499 but 408 and 429 is not tried again. */
export function hookOf({ url, signal, note, attempts = 5, pauseMs = 1_000 }: HookOptions): Hook {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  const deliver = async (body: string): Promise<void> => {
    let why = ''
    for (let attempt = 1; attempt <= attempts && !signal.aborted; attempt += 1) {
      if (attempt > 1) await pause(pauseMs * 2 ** (attempt - 2), signal)
      const { status, failure } = await post(url, body, signal)
      if (status !== undefined && status >= 200 && status < 300) return note('told', { attempt })
      why = failure ?? `answered ${status}`
      if (status !== undefined && isFinal(status)) break
    }
    note('not_told', { why, message: body })
  }
  return {
    tell: (message) => {
      const body = jsonOf(message)
      if (waiting >= QUEUE) return note('not_told', { why: `${QUEUE} are waiting already`, message: body })
      waiting += 1
      last = last
        .then(() => deliver(body))
        .finally(() => {
          waiting -= 1
        })
    },
    drained: () => last,
  }
}

function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429
}

async function post(
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<{ readonly status?: number; readonly failure?: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    await response.body?.cancel()
    return { status: response.status }
  } catch (cause) {
    return { failure: reasonIn(cause) }
  }
}
