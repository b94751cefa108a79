/** What a steward is told and cannot measure by itself: of each price, and of each asset on each chain. */
import { dirname, resolve } from 'node:path'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { candlesOf } from '@omnimargin/risk/estimate/candle'
import { DEFAULTS, type Defaults } from '@omnimargin/risk/estimate/defaults'
import { z } from 'zod'
import { ConfigError } from '../config.ts'
import type { Deployment } from '../deployment.ts'
import { findPrices, readStretches } from '../prices.ts'

const HOUR = 3600
const share = z.number().min(0).max(1)
const amount = z.number().min(0).max(1e15)
const seconds = z.number().min(0).max(86_400)

/** By what it is: the jump that nothing could stop, what is never counted, and what stress leaves of its depth. */
const CLASSES = {
  BTC: { gap: DEFAULTS.gap.BTC, least: DEFAULTS.least.BTC, depthLeft: DEFAULTS.impact.depthLeft },
  ETH: { gap: DEFAULTS.gap.ETH, least: DEFAULTS.least.ETH, depthLeft: DEFAULTS.impact.depthLeft },
  SOL: { gap: DEFAULTS.gap.SOL, least: DEFAULTS.least.other, depthLeft: DEFAULTS.impact.depthLeft },
  large: { gap: DEFAULTS.gap.large, least: DEFAULTS.least.other, depthLeft: DEFAULTS.impact.depthLeft },
  small: { gap: DEFAULTS.gap.small, least: DEFAULTS.least.other, depthLeft: DEFAULTS.impact.depthLeft },
  stable: { gap: DEFAULTS.gap.peg, least: DEFAULTS.least.stable, depthLeft: DEFAULTS.impact.depthLeftPeg },
} as const

const route = z
  .strictObject({ first: seconds, median: seconds, third: seconds })
  .refine(
    ({ first, median, third }) => first > 0 && first <= median && median <= third,
    'are quartiles of delivery times: give them above zero and in order',
  )

const asset = z.strictObject({
  /** As in the deployment. */
  asset: z.string(),
  chain: z.string(),
  class: z.enum(Object.keys(CLASSES) as [keyof typeof CLASSES]),
  /** In place of the class's own. */
  gap: share.optional(),
  least: share.optional(),
  depthLeft: share.optional(),
  /** USD traded a day that can be reached on that chain. */
  depthPerDay: amount,
  spread: share,
  oracleConfidence: share,
  finalitySeconds: seconds,
  /** What its messages took before this one was there; not needed on the clearing's own chain. */
  route: route.optional(),
  failuresPerYear: z.number().min(0).max(100),
  lossGivenFailure: share,
})
export type AssetTerms = z.infer<typeof asset> & {
  readonly gap: number
  readonly least: number
  readonly depthLeft: number
}

export const measuresShape = {
  /** A folder of hourly bars, named after their symbols; as seen from this file. */
  prices: z.string().optional(),
  /** How often a root is carried when nothing happens. */
  heartbeatSeconds: z.int().min(1).max(86_400).default(DEFAULTS.latency.heartbeat),
  feeds: z.record(
    z.string(),
    z.strictObject({
      /** The symbol of its files in that folder. */
      bars: z.string().optional(),
      /** They are of no time: taken to end where the first price that is heard begins. */
      madeUp: z.boolean().default(false),
      /** Only of what is to be worth one dollar. */
      pegFloor: share.optional(),
    }),
  ),
  assets: z.array(asset).min(1),
}
export const measuresSchema = z.strictObject(measuresShape)
export type Measures = z.infer<typeof measuresSchema>

export type FeedTerms = {
  readonly recorded: readonly Candle[]
  readonly isMadeUp: boolean
  readonly pegFloor: number | undefined
}
/** Put together with a deployment: by the clearing's number of a feed, and by chain, vault and address of an asset. */
export type Known = {
  readonly defaults: Defaults
  readonly feeds: ReadonlyMap<number, FeedTerms>
  readonly assets: ReadonlyMap<string, AssetTerms>
}

/** Throws ConfigError where a name is not the deployment's or one of its assets is missing, and InputError for a price file. */
export function knownOf(deployment: Deployment, measures: Measures, file: string): Known {
  const { latency } = DEFAULTS
  const assets = new Map<string, AssetTerms>()
  for (const token of deployment.tokens) {
    const chain = deployment.chains.find(({ chainId }) => chainId === token.chainId)?.name ?? `${token.chainId}`
    const found = measures.assets.find((one) => one.asset === token.symbol && one.chain === chain)
    if (!found)
      throw new ConfigError(`${file}: "assets" has no ${token.symbol} on ${chain}, the deployment has: add it.`)
    assets.set(keyOf({ ...token, chainId: BigInt(token.chainId), asset: token.address }), withDefaults(found))
  }
  const strange = measures.assets.find(
    ({ asset, chain }) => ![...assets.values()].some((one) => one.asset === asset && one.chain === chain),
  )
  if (strange)
    throw new ConfigError(
      `${file}: "assets" has ${strange.asset} on ${strange.chain}, the deployment has not: remove or correct it.`,
    )
  return {
    defaults: { ...DEFAULTS, latency: { ...latency, heartbeat: measures.heartbeatSeconds } },
    feeds: feedsOf(deployment, measures, file),
    assets,
  }
}

function feedsOf({ clearing }: Deployment, { feeds, prices }: Measures, file: string) {
  const folder = prices === undefined ? undefined : resolve(dirname(file), prices)
  const symbols = clearing.feeds.map(({ symbol }) => symbol)
  const strange = Object.keys(feeds).find((symbol) => !symbols.includes(symbol))
  if (strange !== undefined)
    throw new ConfigError(
      `${file}: "feeds" has ${strange}, the deployment has ${symbols.join(', ')}: remove or correct it.`,
    )
  return new Map(
    Object.entries(feeds).map(([symbol, { bars, madeUp, pegFloor }]): [number, FeedTerms] => {
      const recorded = bars === undefined ? [] : recordedOf(bars, file, folder)
      return [symbols.indexOf(symbol), { recorded, isMadeUp: madeUp, pegFloor }]
    }),
  )
}

function recordedOf(bars: string, file: string, folder: string | undefined): Candle[] {
  if (folder === undefined) throw new ConfigError(`${file}: "bars" of ${bars}, and no folder of "prices": add it.`)
  const files = findPrices(folder)
  if (!files.bySymbol.has(bars))
    throw new ConfigError(
      `${file}: ${folder} has no prices of ${bars}: it has ${[...files.bySymbol.keys()].join(', ')}.`,
    )
  const stretches = readStretches(bars, files)
  const wrong = stretches.find(({ interval }) => interval !== HOUR)
  if (wrong) throw new ConfigError(`${folder}: ${bars} has bars of ${wrong.interval} s: give hourly ones.`)
  return stretches.flatMap(candlesOf)
}

/** What a file leaves out is what its class has. */
export function withDefaults(terms: z.infer<typeof asset>): AssetTerms {
  const { gap, least, depthLeft } = CLASSES[terms.class]
  return {
    ...terms,
    gap: terms.gap ?? gap,
    least: terms.least ?? least,
    depthLeft: terms.depthLeft ?? depthLeft,
  }
}

/** One name for an asset at a vault, as the deployment and the clearing's events have it. */
export function keyOf({ chainId, vault, asset }: { chainId: bigint; vault: string; asset: string }): string {
  return `${chainId}:${vault}:${asset}`.toLowerCase()
}
