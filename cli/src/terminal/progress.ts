/** What a person is told on standard error. */
import { wrap } from './table.ts'

const QUIET_MS = 2_000

/** What went wrong, or is left out. */
export function complain(text: string): void {
  process.stderr.write(`${wrap(text, process.stderr.columns || Number.POSITIVE_INFINITY)}\n`)
}

/** Says what is awaited, once that takes a while. */
export async function awaited<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
  const timer = setTimeout(() => process.stderr.write(`${what} …\n`), QUIET_MS)
  return await answer.finally(() => clearTimeout(timer))
}

/** For what never lets go of the process: tells the share that is done, each time it has been quiet for a while. */
export function progressOf(): (what: string, share: number) => void {
  let last = performance.now()
  return (what, share) => {
    if (performance.now() - last < QUIET_MS) return
    last = performance.now()
    process.stderr.write(`${what}: ${Math.round(100 * share)} %\n`)
  }
}
