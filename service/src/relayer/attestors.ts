/** Asking an attestor for its newest signed statement. What comes back is checked, not believed. */
import { ChainError } from '@omnimargin/chains/errors'
import { z } from 'zod'
import { address } from '../deployment.ts'
import { reasonIn } from '../reason.ts'
import type { Signed } from '../statement.ts'

const hex = (length: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${length}}$`, 'i'))
    .transform((text) => text.toLowerCase() as `0x${string}`)
const uint = z
  .string()
  .regex(/^\d{1,78}$/)
  .transform(BigInt)

const signedSchema = z.strictObject({
  statement: z.strictObject({
    epoch: uint,
    chainId: uint,
    emitter: address,
    blockNumber: uint,
    timestamp: uint,
    blockHash: hex(64),
    root: hex(64),
  }),
  signature: hex(130),
})

/** The attestor is away, or does not make sense: ask it again later, the others meanwhile. */
export class AttestorFailed extends ChainError {
  constructor(url: string, why: string) {
    super(`Attestor ${url}: ${why}`, true)
  }
}

const WAIT_MS = 15_000
const MAX_BYTES = 4_096

/** The newest statement of the emitter beyond block `after`, waited for; nothing if none came. */
export async function fetchSigned(
  url: string,
  chainId: number,
  emitter: string,
  after: bigint,
  stopped: AbortSignal,
): Promise<Signed | undefined> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(WAIT_MS)])
  try {
    const response = await fetch(`${url}/checkpoints/${chainId}/${emitter}?after=${after}`, { signal })
    if (response.status === 204) return undefined
    const text = await response.text()
    if (response.status !== 200 || text.length > MAX_BYTES)
      throw new Error(`answered ${response.status}: ${text.slice(0, 200)}`)
    const signed = signedSchema.parse(JSON.parse(text))
    const { statement } = signed
    if (Number(statement.chainId) !== chainId || statement.emitter !== emitter.toLowerCase()) {
      throw new Error(`answered for ${statement.emitter} on chain ${statement.chainId}, not for what was asked.`)
    }
    return signed
  } catch (cause) {
    throw new AttestorFailed(url, reasonIn(cause))
  }
}
