/** Pyth's Hermes service, version 2 of its HTTP API: signed price updates, and what they say. */
import { ChainError } from '@omnimargin/chains/errors'
import type { Hex } from '@omnimargin/core/bytes'
import { z } from 'zod'
import { reasonIn } from './reason.ts'

/** Where Hermes is, and the key it is asked with; the public instances answer nobody without one. */
export type Hermes = { readonly url: string; readonly key?: string | undefined }

/** A price as Hermes reports it: `price * 10^exponent` USD, published at `publishTime` (seconds). */
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

/** The service has no report of that time: its history does not reach back so far, or that time has not come. */
export class ReportGone extends HermesFailed {}

const integer = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt)
const responseSchema = z.object({
  binary: z.object({ encoding: z.literal('hex'), data: z.array(z.string().regex(/^([0-9a-f]{2})+$/i)).min(1) }),
  parsed: z.array(
    z.object({
      id: z.string().regex(/^(0x)?[0-9a-f]{64}$/i),
      price: z.object({ price: integer, conf: integer, expo: z.int(), publish_time: z.int() }),
    }),
  ),
})

const TIMEOUT_MS = 5_000
const UNAUTHORIZED = [401, 403]

/** The latest update of the feeds. Throws HermesFailed, also where one of them is missing from the answer. */
export async function fetchUpdate(hermes: Hermes, feedIds: readonly Hex[], stopped: AbortSignal): Promise<Update> {
  return ask(hermes, 'latest', feedIds, stopped)
}

/**
 * The feed's first report published at or after that time (seconds), of which Hermes keeps a history. Throws ReportGone if it
 * has none, HermesFailed if it does not answer that question.
 */
export async function fetchFirst(
  hermes: Hermes,
  feedId: Hex,
  publishTime: bigint,
  stopped: AbortSignal,
): Promise<Update> {
  const update = await ask(hermes, `${publishTime}`, [feedId], stopped)
  const earlier = update.reports.find((report) => report.publishTime < publishTime)
  if (!earlier) return update
  throw new HermesFailed(hermes.url, `asked for a report of ${publishTime} or later, answered ${earlier.publishTime}.`)
}

async function ask({ url, key }: Hermes, when: string, feedIds: readonly Hex[], stopped: AbortSignal): Promise<Update> {
  const query = feedIds.map((id) => `ids[]=${id}`).join('&')
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await fetch(`${url}/v2/updates/price/${when}?${query}&encoding=hex&parsed=true`, {
      signal,
      headers,
    })
    if (response.status === 404) throw new ReportGone(url, await refusalIn(response))
    if (!response.ok) throw new Error(await refusalIn(response))
    const { binary, parsed } = responseSchema.parse(await response.json())
    const reports = feedIds.map((feedId) => reportOf(feedId, parsed))
    return { data: binary.data.map((hex): Hex => `0x${hex}`), reports }
  } catch (cause) {
    throw cause instanceof ReportGone ? cause : new HermesFailed(url, reasonIn(cause))
  }
}

async function refusalIn(response: Response): Promise<string> {
  const why = `answered ${response.status}: ${(await response.text()).slice(0, 200)}`
  return UNAUTHORIZED.includes(response.status) ? `${why} Put its API key into the role's "hermesKeyFile".` : why
}

function reportOf(feedId: Hex, parsed: z.output<typeof responseSchema>['parsed']): Report {
  const found = parsed.find(({ id }) => id.replace(/^0x/, '').toLowerCase() === feedId.slice(2).toLowerCase())
  if (!found) throw new Error(`the answer has no feed ${feedId}: correct the deployment's feed ids.`)
  const { price, conf, expo, publish_time } = found.price
  return { feedId, price, confidence: conf, exponent: expo, publishTime: BigInt(publish_time) }
}
