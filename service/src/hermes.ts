/** Pyth's Hermes service, version 2 of its HTTP API: signed price updates, and what they say. */
import { ChainError } from '@omnimargin/chains/errors'
import type { Hex } from '@omnimargin/core/bytes'
import { z } from 'zod'

/** A price as Hermes reports it: `price * 10^expo` USD, published at `publishTime` (seconds). */
export type Report = {
  readonly feedId: Hex
  readonly price: bigint
  readonly confidence: bigint
  readonly exponent: number
  readonly publishTime: bigint
}

/** Signed updates for the contract, and the reports that are in them. */
export type Update = { readonly data: readonly Hex[]; readonly reports: readonly Report[] }

/** The service is away or does not make sense: ask again later. */
export class HermesFailed extends ChainError {
  constructor(url: string, why: string) {
    super(`Hermes at ${url}: ${why}`, true)
  }
}

const integer = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt)
const responseSchema = z.object({
  binary: z.object({ encoding: z.literal('hex'), data: z.array(z.string().regex(/^[0-9a-f]*$/i)) }),
  parsed: z.array(
    z.object({
      id: z.string().regex(/^(0x)?[0-9a-f]{64}$/i),
      price: z.object({ price: integer, conf: integer, expo: z.int(), publish_time: z.int() }),
    }),
  ),
})

const TIMEOUT_MS = 5_000

/** The latest update of the feeds. Throws HermesFailed, also where one of them is missing from the answer. */
export async function fetchUpdate(url: string, feedIds: readonly Hex[], stopped: AbortSignal): Promise<Update> {
  const query = feedIds.map((id) => `ids[]=${id}`).join('&')
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await fetch(`${url}/v2/updates/price/latest?${query}&encoding=hex`, { signal })
    if (!response.ok) throw new Error(`answered ${response.status}: ${(await response.text()).slice(0, 200)}`)
    const { binary, parsed } = responseSchema.parse(await response.json())
    const reports = feedIds.map((feedId) => reportOf(feedId, parsed))
    return { data: binary.data.map((hex): Hex => `0x${hex}`), reports }
  } catch (cause) {
    throw new HermesFailed(url, cause instanceof Error ? cause.message : `${cause}`)
  }
}

function reportOf(feedId: Hex, parsed: z.output<typeof responseSchema>['parsed']): Report {
  const found = parsed.find(({ id }) => id.replace(/^0x/, '').toLowerCase() === feedId.slice(2).toLowerCase())
  if (!found) throw new Error(`the answer has no feed ${feedId}.`)
  const { price, conf, expo, publish_time } = found.price
  return { feedId, price, confidence: conf, exponent: expo, publishTime: BigInt(publish_time) }
}
