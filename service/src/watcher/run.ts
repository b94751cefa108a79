/** The watcher's process: warns accounts that are likely to cross maintenance, with what would keep them from it. It holds no key. */
import { Clearing } from '@omnimargin/chains/abi'
import type { Hex } from '@omnimargin/core/bytes'
import {
  accountIn,
  applyEvents,
  EMPTY_LEDGER,
  isMargined,
  type Ledger,
  type LedgerEvent,
} from '@omnimargin/core/ledger'
import type { Ratio } from '@omnimargin/core/wad'
import { type Cures, curesOf } from '@omnimargin/risk/cure'
import { formatDecimal } from '@omnimargin/risk/decimal'
import { movesOf } from '@omnimargin/risk/estimate/outlook'
import { formatUnits } from 'viem'
import { readerOf } from '../clients.ts'
import { chainOf, type Deployment } from '../deployment.ts'
import { follow } from '../follow.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { type Known, keyOf } from '../steward/known.ts'
import { measurerOf } from '../steward/measure.ts'
import { timed } from '../steward/timed.ts'
import { type Hook, hookOf } from './hook.ts'
import { type Judged, type Judgement, judge } from './judge.ts'
import { step, type WatcherState } from './step.ts'

export type WatcherConfig = {
  readonly deployment: Deployment
  readonly known: Known
  readonly pollMs: number
  /** Looked at least so far ahead; an account's own horizon may be longer. */
  readonly horizonSeconds: number
  /** Warned from this chance on. */
  readonly threshold: number
  readonly repeatSeconds: number
  /** What a cure brings the account back to, at least: balance by requirement. */
  readonly health: Ratio
  readonly webhook?: string | undefined
}

/** Of those that are not judged so many are named. */
const NAMED = 10
const NOTHING_UNKNOWN: ReturnType<typeof unknownOf> = { accounts: 0, some: [], prices: [], chains: [] }

/** Runs until the signal. Keeps nothing on disk: after a restart who is still above the threshold is warned once more. */
export async function runWatcher(config: WatcherConfig, { signal, log }: RoleContext): Promise<void> {
  const { deployment, known, pollMs, webhook } = config
  const note = logOf('watcher', log)
  const { address, chainId } = deployment.clearing
  const chain = chainOf(deployment, chainId)
  const reorganized = (from: bigint) => note('reorganized', { from })
  const reader = readerOf(chain)
  const followed = follow({ chain, reader }, { address, abi: Clearing.abi }, reorganized)
  const hook: Hook | undefined = webhook === undefined ? undefined : hookOf({ url: webhook, signal, note })
  let [ledger, measurer] = [EMPTY_LEDGER, measurerOf(known)]
  let said = JSON.stringify(NOTHING_UNKNOWN)
  let state: WatcherState = {
    warned: new Map(),
    threshold: config.threshold,
    repeat: BigInt(config.repeatSeconds),
  }
  const work = async () => {
    const batch = await followed.next()
    if (batch === undefined) return
    if (batch === 'reorganized') {
      ledger = EMPTY_LEDGER
      measurer = measurerOf(known)
      return
    }
    const { events, now } = batch
    const told = await timed(reader, events)
    followed.accept(batch)
    ledger = applyEvents(ledger, events as LedgerEvent[])
    measurer.observe(told, Number(now))
    const judgement = judge(ledger, measurer, known, now, config.horizonSeconds)
    const unknown = unknownOf(deployment, judgement)
    if (JSON.stringify(unknown) !== said) note('not_known', unknown)
    said = JSON.stringify(unknown)
    const chances = new Map([...judgement.accounts].map(([account, { outlook }]) => [account, outlook.chance]))
    const next = step(state, { type: 'judged', chances, now }, (account) => isMargined(accountIn(ledger, account)))
    state = next.state
    for (const { account } of next.effects) {
      const judged = judgement.accounts.get(account)
      if (!judged) continue
      const { outlook, horizonSeconds } = judged
      const moves = movesOf(outlook, judgement.expectations, horizonSeconds, config.threshold)
      const aim = { health: config.health, moves }
      const cures = curesOf(ledger, account, aim, { now, homeChain: BigInt(chainId) })
      const warning = warningOf(config, ledger, account, judged, judgement.young, cures, now)
      note('warning', warning)
      hook?.tell({ event: 'warning', ...warning })
    }
  }
  await repeat(work, pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

/** What no chance was said of, or only a rough one, in the names of the deployment. */
function unknownOf({ chains, clearing }: Deployment, { untold, young, unmeasured }: Judgement) {
  return {
    /** Their margin cannot be told. */
    accounts: untold.size,
    some: [...untold.keys()].slice(0, NAMED),
    /** Judged by what each may jump in no time, as there were too few bars. */
    prices: [...young].map((feed) => clearing.feeds[feed]?.symbol ?? `${feed}`),
    /** Judged over an hour, as it is not known how long a liquidation takes there. */
    chains: [...unmeasured].map((id) => chains.find(({ chainId }) => BigInt(chainId) === id)?.name ?? `${id}`),
  }
}

/** In the names of the deployment, amounts as decimal text: what the log says and the webhook is told. */
function warningOf(
  { deployment, health }: WatcherConfig,
  ledger: Ledger,
  account: Hex,
  { outlook: { chance, quantiles, shocks, margin }, horizonSeconds }: Judged,
  young: ReadonlySet<number>,
  { deposits, closes }: Cures,
  now: bigint,
) {
  const { chains, clearing, tokens } = deployment
  const chainName = (chainId: number) => chains.find((chain) => chain.chainId === chainId)?.name ?? `${chainId}`
  const [deposit, close] = [deposits[0], closes[0]]
  const place = ledger.listings[deposit?.listing ?? -1]
  const token = tokens.find((one) => {
    return place && keyOf(place) === keyOf({ ...one, chainId: BigInt(one.chainId), asset: one.address })
  })
  const market = clearing.markets[close?.market ?? -1]
  return {
    account,
    blockTime: Number(now),
    chance,
    horizonSeconds,
    quantiles,
    shocks: shocks.map(({ feed, direction, move }) => {
      return { price: clearing.feeds[feed]?.symbol, direction, move, isYoung: young.has(feed) }
    }),
    maintenanceMarginBalance: formatDecimal(margin.maintenanceMarginBalance),
    maintenanceMargin: formatDecimal(margin.maintenanceMargin),
    health: formatDecimal(health),
    deposit: deposit &&
      token && {
        asset: token.symbol,
        chain: chainName(token.chainId),
        usd: formatDecimal(deposit.usd),
        amount: formatUnits(deposit.units, token.decimals),
      },
    close: close &&
      market && {
        market: market.symbol,
        chain: chainName(market.chainId),
        share: formatDecimal(close.share),
        size: formatDecimal(close.size),
        usd: formatDecimal(close.usd),
      },
  }
}
