/** The watcher's process: warns accounts that are likely to cross maintenance, with what would keep them from it. It holds no key. */
import { Clearing } from '@omnimargin/chains/abi'
import type { Hex } from '@omnimargin/core/bytes'
import { applyEvents, EMPTY_LEDGER, isOpen, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import type { Ratio } from '@omnimargin/core/wad'
import { type Cures, curesOf } from '@omnimargin/risk/cure'
import { formatDecimal } from '@omnimargin/risk/decimal'
import type { Market } from '@omnimargin/risk/estimate/market'
import { type Expectation, type Outlook, outlookOf } from '@omnimargin/risk/estimate/outlook'
import { formatUnits } from 'viem'
import { readerOf } from '../clients.ts'
import { chainOf, type Deployment } from '../deployment.ts'
import { follow } from '../follow.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { measurerOf } from '../steward/measure.ts'
import { type Known, keyOf } from '../steward/measures.ts'
import { type Hook, hookOf } from './hook.ts'
import { step, type WatcherState } from './step.ts'

export type WatcherConfig = {
  readonly deployment: Deployment
  readonly known: Known
  readonly pollMs: number
  /** Within which the account would cross. */
  readonly horizonSeconds: number
  /** Warned from this chance on. */
  readonly threshold: number
  readonly repeatSeconds: number
  /** What a cure brings the account back to: balance by requirement. */
  readonly health: Ratio
  readonly webhook?: string | undefined
}

/** Runs until the signal. Keeps nothing on disk: after a restart who is still above the threshold is warned once more. */
export async function runWatcher(config: WatcherConfig, { signal, log }: RoleContext): Promise<void> {
  const { deployment, known, pollMs, webhook } = config
  const note = logOf('watcher', log)
  const { address, chainId } = deployment.clearing
  const chain = chainOf(deployment, chainId)
  const reorganized = (from: bigint) => note('reorganized', { from })
  const followed = follow({ chain, reader: readerOf(chain) }, { address, abi: Clearing.abi }, reorganized)
  const hook: Hook | undefined = webhook === undefined ? undefined : hookOf({ url: webhook, signal, note })
  let [ledger, measurer] = [EMPTY_LEDGER, measurerOf(known)]
  let state: WatcherState = {
    ...{ warned: new Map(), threshold: config.threshold, repeat: BigInt(config.repeatSeconds) },
  }
  const work = async () => {
    const batch = await followed.next()
    if (batch === undefined) return
    if (batch === 'reorganized') {
      ledger = EMPTY_LEDGER
      measurer = measurerOf(known)
      return
    }
    const events = batch.events as LedgerEvent[]
    const { now } = batch
    followed.accept(batch)
    ledger = applyEvents(ledger, events)
    measurer.observe(
      events.map((event) => ({ event, time: undefined })),
      Number(now),
    )
    const outlooks = outlooksOf(ledger, measurer.markets, now, config.horizonSeconds)
    const chances = new Map([...outlooks].map(([account, { chance }]) => [account, chance]))
    const next = step(state, { type: 'judged', chances, now }, (account) => hasPositions(ledger, account))
    state = next.state
    for (const { account } of next.effects) {
      const outlook = outlooks.get(account)
      if (!outlook) continue
      const cures = curesOf(ledger, account, config.health, { now, homeChain: BigInt(chainId) })
      const warning = warningOf(config, ledger, account, outlook, cures, now)
      note('warning', warning)
      hook?.tell({ event: 'warning', ...warning })
    }
  }
  await repeat(work, pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

function hasPositions({ accounts }: Ledger, account: Hex): boolean {
  return [...(accounts.get(account)?.positions.values() ?? [])].some(isOpen)
}

/** Of every account with positions whose margin can be told. */
function outlooksOf(ledger: Ledger, markets: ReadonlyMap<number, Market>, now: bigint, seconds: number) {
  const expectations = new Map([...markets].map(([feed, market]) => [feed, expectationOf(market)]))
  const outlooks = new Map<Hex, Outlook>()
  for (const account of ledger.accounts.keys()) {
    if (!hasPositions(ledger, account)) continue
    const outlook = outlookOf(ledger, account, now, expectations, seconds)
    if (typeof outlook !== 'string') outlooks.set(account, outlook)
  }
  return outlooks
}

/** What is pegged may go as far as its own haircut: its calm years say less. */
export function expectationOf(market: Market): Expectation {
  const quantile = Math.max(market.expected()?.quantile ?? 0, market.peg())
  return { quantile, chanceOf: market.crossings.chanceOf }
}

/** In the names of the deployment, amounts as decimal text: what the log says and the webhook is told. */
function warningOf(
  { deployment, horizonSeconds, health }: WatcherConfig,
  ledger: Ledger,
  account: Hex,
  { chance, quantiles, shocks, margin }: Outlook,
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
    time: Number(now),
    chance,
    horizonSeconds,
    quantiles,
    shocks: shocks.map(({ feed, direction, move }) => ({ price: clearing.feeds[feed]?.symbol, direction, move })),
    maintenanceMarginBalance: formatDecimal(margin.maintenanceMarginBalance),
    maintenanceMargin: formatDecimal(margin.maintenanceMargin),
    health: formatDecimal(health),
    deposit: deposit &&
      token && {
        ...{ asset: token.symbol, chain: chainName(token.chainId), usd: formatDecimal(deposit.usd) },
        amount: formatUnits(deposit.units, token.decimals),
      },
    close: close &&
      market && {
        ...{ market: market.symbol, chain: chainName(market.chainId), share: formatDecimal(close.share) },
        ...{ size: formatDecimal(close.size), usd: formatDecimal(close.usd) },
      },
  }
}
