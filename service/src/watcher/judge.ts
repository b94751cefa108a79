/** What a watcher thinks of every account that needs margin, and what it could not judge, or only roughly: spec/warnings.md. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Account, isMargined, isOpen, type Ledger, type PortfolioFault } from '@omnimargin/core/ledger'
import { pastOf } from '@omnimargin/risk/estimate/crossing'
import { type Expectation, type Outlook, outlookOf } from '@omnimargin/risk/estimate/outlook'
import { type Known, keyOf } from '../steward/known.ts'
import type { Measurer } from '../steward/measure.ts'

/** With how long it would take to liquidate it: what its chance is of. */
export type Judged = { readonly outlook: Outlook; readonly horizonSeconds: number }

export type Judgement = {
  readonly accounts: ReadonlyMap<Hex, Judged>
  /** Those whose margin cannot be told now, nor by the clearing. */
  readonly untold: ReadonlyMap<Hex, PortfolioFault>
  /** Of every price that somebody may depend on. */
  readonly expectations: ReadonlyMap<number, Expectation>
  /** Feeds with too few bars: they are expected to go as far in an hour as they may jump in no time. */
  readonly young: ReadonlySet<number>
  /** Chains on which an account has something, and of which it is not known how long a liquidation takes: an hour is taken. */
  readonly unmeasured: ReadonlySet<bigint>
}

const HOUR = 3600
const UNSEEN = pastOf({ replay: 0 })

/** Those with positions, limits or debt: all others need no margin. Nobody is looked at less far ahead than `least` seconds. */
export function judge(ledger: Ledger, measurer: Measurer, known: Known, now: bigint, least: number): Judgement {
  const { expectations, young } = expectationsOf(ledger, measurer, known)
  const horizons = horizonsOf(ledger, measurer, now)
  const [accounts, untold] = [new Map<Hex, Judged>(), new Map<Hex, PortfolioFault>()]
  const unmeasured = new Set<bigint>()
  for (const [id, account] of ledger.accounts) {
    if (!isMargined(account)) continue
    const chains = chainsOf(ledger, account)
    for (const chain of chains) if (!horizons.has(chain)) unmeasured.add(chain)
    const horizonSeconds = Math.max(least, ...chains.map((chain) => horizons.get(chain) ?? HOUR))
    const outlook = outlookOf(ledger, id, now, expectations, horizonSeconds)
    if (typeof outlook === 'string') untold.set(id, outlook)
    else accounts.set(id, { outlook, horizonSeconds })
  }
  return { accounts, untold, expectations, young, unmeasured }
}

/** Of every price that somebody may depend on. */
function expectationsOf(ledger: Ledger, { markets }: Measurer, known: Known) {
  const expectations = new Map<number, Expectation>()
  const young = new Set<number>()
  for (const feed of ledger.prices.keys()) {
    const market = markets.get(feed)
    const quantile = market?.quantile() ?? 0
    if (quantile === 0) young.add(feed)
    expectations.set(feed, { quantile: quantile || gapOf(ledger, known, feed), past: market?.past ?? UNSEEN })
  }
  return { expectations, young }
}

/** What a price may jump in no time, by the assets that are valued at it; of one that none is, the widest there is. */
function gapOf({ parameters, listings }: Ledger, { assets, defaults }: Known, feed: number): number {
  const gaps = listings.flatMap((place, i) => {
    const asset = parameters?.listings[i]?.feed === feed ? assets.get(keyOf(place)) : undefined
    return asset ? [asset.gap] : []
  })
  return Math.max(0, ...gaps) || defaults.gap.small
}

/** By chain, how long after it may be liquidated an asset there is sold, of the slowest: the same that its haircut is for. */
function horizonsOf(ledger: Ledger, measurer: Measurer, now: bigint): ReadonlyMap<bigint, number> {
  const horizons = new Map<bigint, number>()
  for (const [listing, { chainId }] of ledger.listings.entries()) {
    const measured = measurer.measure(ledger, listing, now, 0n)
    if ('why' in measured) continue
    horizons.set(chainId, Math.max(horizons.get(chainId) ?? 0, measured.haircut.terms.horizonSeconds))
  }
  return horizons
}

/** Where it has collateral or positions. */
function chainsOf({ listings, markets }: Ledger, { lines, positions }: Account): readonly bigint[] {
  const locked = lines.flatMap(({ listing, units }) => (units > 0n ? [listings[listing]?.chainId] : []))
  const traded = [...positions].flatMap(([market, position]) => (isOpen(position) ? [markets[market]?.chainId] : []))
  return [...new Set([...locked, ...traded])].filter((chain) => chain !== undefined)
}
