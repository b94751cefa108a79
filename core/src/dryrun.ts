/** What new parameters would do to every account there is, before anybody sets them: spec/dryrun.md. */
import type { Hex } from './bytes.ts'
import { isMargined, type Ledger, marginOf, upToDate, withAccount } from './ledger.ts'
import { isLiquidatable, type Margin, meetsInitial } from './margin.ts'
import { misfitOf } from './misfit.ts'
import type { Parameters } from './parameters.ts'
import { divUp, max, type Ratio, type Usd, WAD } from './wad.ts'

/** Why the parameters should not be set, in the order in which it is looked for. */
export const REFUSALS = [
  /** The clearing has none yet, so that there is nothing to hold the new ones against. */
  'no_parameters',
  /** They have not what the clearing has: a row for each listing, market and venue; or a row or field that the clearing refuses. */
  'do_not_fit',
  /** An account's margin cannot be told with the new ones, and can be with the old. */
  'price_too_old',
  /** More of the margin than is allowed would become liquidatable. */
  'too_many_liquidatable',
] as const
export type Refusal = (typeof REFUSALS)[number]

export type DryRun = {
  /** Those with positions, limits or debt, all others need no margin; not who holds what never had a price. */
  readonly accounts: number
  /** Of them those whose margin nobody can tell now, as a price is too old: below they count by the last one, if there was one. */
  readonly untellable: readonly Hex[]
  /** Below maintenance already, with the parameters as they are. */
  readonly liquidatableNow: readonly Hex[]
  /** Would be below maintenance, and are not now. */
  readonly becomeLiquidatable: readonly Hex[]
  /** Would be below initial margin, and are not now. */
  readonly loseInitial: readonly Hex[]
  /** Maintenance margin balances as they are now: of all that are not liquidatable yet, and of those that would become so. */
  readonly margin: Usd
  readonly marginAtStake: Usd
  /** The second of them by the first; rounds up. */
  readonly share: Ratio
}

/** Refused before the figures are known, with `what` is wrong; or with the figures that are the reason. */
export type Verdict =
  | { readonly code: Exclude<Refusal, 'too_many_liquidatable'>; readonly what: string }
  | { readonly code: 'too_many_liquidatable' | undefined; readonly figures: DryRun }

type Judged = { readonly id: Hex; readonly before: Margin; readonly after: Margin }

/**
 * Judges each account at time `now` (seconds), its funding settled, with the ledger's parameters and with the new ones.
 * What a line counts is not touched: new parameters do not learn it again (MRG-06).
 */
export function dryRun(ledger: Ledger, parameters: Parameters, now: bigint, maxShare: Ratio): Verdict {
  if (!ledger.parameters) return { code: 'no_parameters', what: 'the clearing has no parameters yet' }
  const misfit = misfitOf(ledger, parameters)
  if (misfit) return { code: 'do_not_fit', what: `${misfit.path.join('.')} ${misfit.what}` }
  const [judged, untellable]: [Judged[], Hex[]] = [[], []]
  const fresh = new Map([...ledger.prices].map(([feed, { price }]) => [feed, { price, publishTime: now }]))
  for (const id of ledger.accounts.keys()) {
    const account = upToDate(ledger, id)
    if (!isMargined(account)) continue
    let settled = withAccount(ledger, id, account)
    let before = marginOf(settled, id, now)
    if (typeof before === 'string') {
      // Nobody can liquidate it before the price is back: then it must not be found below maintenance by what was set meanwhile.
      untellable.push(id)
      settled = { ...settled, prices: fresh }
      before = marginOf(settled, id, now)
    }
    const after = marginOf({ ...settled, parameters, setAt: now }, id, now)
    if (typeof before === 'string') continue
    if (typeof after === 'string') {
      return { code: 'price_too_old', what: `account ${id} holds what has no price that is fresh enough any more` }
    }
    judged.push({ id, before, after })
  }
  const figures = { ...figuresOf(judged), untellable }
  return { code: figures.share > maxShare ? 'too_many_liquidatable' : undefined, figures }
}

function figuresOf(judged: readonly Judged[]): Omit<DryRun, 'untellable'> {
  const healthy = judged.filter(({ before }) => !isLiquidatable(before))
  const falling = healthy.filter(({ after }) => isLiquidatable(after))
  const [margin, marginAtStake] = [balanceOf(healthy), balanceOf(falling)]
  const idsOf = (some: readonly Judged[]) => some.map(({ id }) => id)
  return {
    accounts: judged.length,
    liquidatableNow: idsOf(judged.filter(({ before }) => isLiquidatable(before))),
    becomeLiquidatable: idsOf(falling),
    loseInitial: idsOf(judged.filter(({ before, after }) => meetsInitial(before) && !meetsInitial(after))),
    margin,
    marginAtStake,
    share: divUp(marginAtStake * WAD, max(margin, 1n)),
  }
}

function balanceOf(judged: readonly Judged[]): Usd {
  return judged.reduce((total, { before }) => total + before.maintenanceMarginBalance, 0n)
}
