/** A clearing, a policy and a configuration for the tests of stewards. */
import { join } from 'node:path'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { type Parameters, packParameters } from '@omnimargin/core/parameters'
import { type Ratio, WAD } from '@omnimargin/core/wad'
import { readConfig } from '../src/config.ts'
import type { Deployment } from '../src/deployment.ts'
import { BOUNDS } from '../src/devnet/bounds.ts'
import { FEEDS, PARAMETERS } from '../src/devnet/parameters.ts'
import { knownOf, measuresSchema } from '../src/steward/known.ts'
import type { Timed } from '../src/steward/measure.ts'
import { type StewardState, step, type Target } from '../src/steward/step.ts'

export const SHIPPED = join(import.meta.dirname, '..', '..', 'risk', 'steward.json')
export const address = (digit: string) => `0x${digit.repeat(40)}` as Hex
export const OWNER = address('1')
export const NOW = 1_795_000_000n
export const INTERVAL = 20n
export const percent = (n: number): Ratio => (WAD * BigInt(n)) / 100n
/** As the shipped configuration has them: WETH on slow, USDC on fast and on trading. */
export const LISTINGS = [
  { chainId: 31001n, vault: address('a'), asset: address('b') },
  { chainId: 31002n, vault: address('c'), asset: address('d') },
  { chainId: 31003n, vault: address('e'), asset: address('f') },
]

export const prices = (now: bigint): LedgerEvent[] =>
  [2_000n * WAD, 60_000n * WAD, WAD].map((price, feed) => ({
    eventName: 'IndexPriceUpdated',
    args: { feed: BigInt(feed), price, publishTime: now },
  })) as LedgerEvent[]
export const set = (parameters: Parameters, setAt = NOW): LedgerEvent => {
  return { eventName: 'ParametersSet', args: { version: 1, blob: packParameters(parameters), setAt } }
}
export function heardAt(timestamp: bigint): LedgerEvent[] {
  return [0n, 1n, 2n].map((vault): LedgerEvent => ({ eventName: 'VaultHeard', args: { vault, timestamp } }))
}
export const rules: LedgerEvent[] = [
  ...FEEDS.map(({ feedId }, feed): LedgerEvent => ({ eventName: 'FeedAdded', args: { feed: BigInt(feed), feedId } })),
  ...LISTINGS.map((one, i): LedgerEvent => ({ eventName: 'AssetListed', args: { listing: BigInt(i), ...one } })),
  ...heardAt(NOW),
  ...PARAMETERS.markets.map((_, i): LedgerEvent => {
    const item = `0x${'0'.repeat(63)}${i % 2}` as Hex
    return { eventName: 'MarketAdded', args: { market: BigInt(i), chainId: 31003n, venue: address('9'), item } }
  }),
  set(PARAMETERS),
  ...prices(NOW),
]

export const blank: StewardState = {
  ledger: EMPTY_LEDGER,
  grain: WAD / 10_000n,
  maxShare: percent(1),
  reach: WAD,
  refusedAt: 0n,
  seen: new Map(),
}
export const started = (...more: LedgerEvent[]) => step(blank, { type: 'block', events: [...rules, ...more] }).state
/** With prices and round trips of that time. */
export const at = (state: StewardState, now: bigint) => {
  return step(state, { type: 'block', events: [...prices(now), ...heardAt(now)] }).state
}
export const POLICY = { bounds: BOUNDS, interval: INTERVAL, postedAt: 0n }
export const AS_POSTED = PARAMETERS.listings.map(({ initialHaircut: fast, maintenanceHaircut: slow }) => ({
  fast,
  slow,
}))
export type Wanted = Omit<Target, 'slowTarget'>
/** The slow one is where it is going. */
export const arrived = (wanted: Wanted): Target => ({ ...wanted, slowTarget: wanted.slow })
export const targets = (...first: Wanted[]) =>
  new Map([...first, ...AS_POSTED.slice(first.length)].map(arrived).entries())
export const measured = (
  state: StewardState,
  wanted: ReadonlyMap<number, Target>,
  policy = POLICY,
  now = NOW + INTERVAL,
  lastKnown: ReadonlyMap<number, bigint> = new Map(),
) => step(state, { type: 'measured', targets: wanted, lastKnown, policy, now })

export const line = (digit: string, index: bigint, listing: bigint, units: bigint, counted = units): LedgerEvent[] => {
  const account = accountOf(address(digit))
  return [
    { eventName: 'LineOpened', args: { account, index, listing, holder: address(digit) } },
    { eventName: 'LineChanged', args: { account, index, units, counted } },
  ]
}

export const DEPLOYMENT = {
  chains: [
    ['slow', 31001],
    ['fast', 31002],
    ['trading', 31003],
  ].map(([name, chainId]) => ({ name, chainId })),
  clearing: { feeds: FEEDS },
  tokens: LISTINGS.map(({ chainId, vault, asset }, i) => ({
    chainId: Number(chainId),
    vault,
    address: asset,
    symbol: i === 0 ? 'WETH' : 'USDC',
    decimals: i === 0 ? 18 : 6,
  })),
} as unknown as Deployment

export const known = () => knownOf(DEPLOYMENT, readConfig(SHIPPED, measuresSchema), SHIPPED)
export const untimed = (events: readonly LedgerEvent[]): Timed[] => events.map((event) => ({ event, time: undefined }))
