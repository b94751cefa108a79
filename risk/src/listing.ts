/** Whether an asset may be listed, and with what: spec/listing.md. */
import { max, min, mulUp, type Ratio, type Units, type Usd, WAD } from '@omnimargin/core/wad'
import { within } from './bars.ts'
import { formatDecimal } from './decimal.ts'
import { InputError } from './errors.ts'
import type { Facts } from './listing/facts.ts'
import { capOf, grainUp, type Haircut, haircutOf, stressedOf } from './listing/haircut.ts'
import { closesOf, endOf, fallOf, type History, idleOf, lately, missingOf } from './listing/history.ts'
import { isBroken, offLately, pegOf } from './listing/peg.ts'
import * as rules from './listing/rules.ts'

/** Why an asset may not be listed, in the order in which it is looked for. */
export const REFUSALS = [
  /** It rebases, or takes a fee of what is transferred. */
  'not_a_plain_token',
  /** One party alone could make units up. */
  'one_verifier',
  'no_feed_on_chain',
  'too_few_price_venues',
  'price_venues_disagree',
  'history_too_short',
  /** What is missing may be the worst of it. */
  'history_has_gaps',
  /** Nothing is known of what it did since. */
  'history_ends_early',
  /** A price at which nobody trades says nothing. */
  'hardly_traded',
  /** Too little could be sold for a cap worth having. */
  'too_thin',
  /** It would fall with the chain or the venue it is to secure, and is not deep. */
  'own_token',
  'peg_was_broken',
  /** It may be dying, and a quantile of the past does not know it. */
  'peg_is_off',
  'fell_lately',
  /** So much of it would not count that it is no collateral. */
  'too_volatile',
  /** It would not, had there only been the last month. */
  'too_volatile_lately',
] as const
export type Refusal = (typeof REFUSALS)[number]

export type Listing = {
  readonly class: rules.Class
  /** Over all accounts: USD, and the asset's own units at the last close; both round down. */
  readonly capUsd: Usd
  readonly cap: Units
  readonly initialHaircut: Ratio
  readonly maintenanceHaircut: Ratio
  /** What the maintenance haircut is made of. */
  readonly maintenance: Haircut
}

/** All that speaks against it, in order; the listing is told even so, for whoever wants to know how far off it is. */
export type Verdict = { readonly refusals: readonly Refusal[]; readonly listing: Listing }

/** Throws InputError where the history cannot be judged at all. */
export function listAsset(given: Facts): Verdict {
  const facts = known(given)
  const kind = classOf(facts)
  const capUsd = capOf(stressedOf(facts, kind))
  const maintenance = haircutOf(facts, kind, rules.MAINTENANCE_CONFIDENCE)
  const listing: Listing = {
    class: kind,
    capUsd,
    cap: (capUsd * 10n ** BigInt(facts.decimals)) / (closesOf(facts.history).at(-1) ?? 1n),
    initialHaircut: initialOf(maintenance.haircut, haircutOf(facts, kind, rules.INITIAL_CONFIDENCE).haircut),
    maintenanceHaircut: maintenance.haircut,
    maintenance,
  }
  return { refusals: refusalsOf(facts, listing), listing }
}

/** Without the bars that are not over when it is judged. */
function known(facts: Facts): Facts {
  const { symbol, peg, asOf } = facts
  const wrong = [facts.history, peg?.reference ?? []]
    .flat()
    .find(({ interval }) => interval > rules.LONGEST_BAR_SECONDS)
  if (wrong) {
    throw new InputError(
      `${wrong.symbol} has bars of ${wrong.interval} s, the longest is ${rules.LONGEST_BAR_SECONDS} s: give shorter ones.`,
    )
  }
  const before = (history: History) => within(history, 0, asOf)
  const history = before(facts.history)
  if (closesOf(history).length < 2) {
    throw new InputError(`${symbol} has no two bars before ${asOf}: give its history, or judge it as of a later time.`)
  }
  const reference = peg?.reference && before(peg.reference)
  const [close = 0n, worth = WAD] = [closesOf(history).at(-1), closesOf(reference ?? []).at(-1)]
  // Nothing is so far above a peg: it is measured against the wrong one, by which it would never be off.
  if (peg && close > rules.NOT_PEGGED * worth) {
    const dollars = `closed at ${formatDecimal(close)}, what it is to be worth at ${formatDecimal(worth)}`
    throw new InputError(`${symbol} ${dollars}: name in peg.reference what it is pegged to, or give no peg.`)
  }
  return { ...facts, history, peg: peg && { ...peg, reference } }
}

/** A move that the wider quantile foresees, or a share of the maintenance haircut, stands between the two. */
function initialOf(maintenance: Ratio, wider: Ratio): Ratio {
  return min(WAD, max(wider, grainUp(mulUp(maintenance, rules.INITIAL_FACTOR))))
}

/** By what is traded in a day; a pegged one by what it is pegged to. */
export function classOf({ peg, dailyVolume }: Pick<Facts, 'peg' | 'dailyVolume'>): rules.Class {
  if (peg) return peg.reference ? 'derived' : 'stable'
  if (dailyVolume >= rules.DEEP_VOLUME) return 'deep'
  return dailyVolume >= rules.LARGE_VOLUME ? 'large' : 'small'
}

function refusalsOf(facts: Facts, { class: kind, capUsd, initialHaircut }: Listing): Refusal[] {
  const { history, price, peg, asOf } = facts
  const off = pegOf(facts)
  // Of what is pegged to another asset, only the time that both cover is known.
  const bars = off?.shares.length ?? closesOf(history).length
  const end = off?.end ?? endOf(history)
  const fall = (seconds: number) => fallOf(lately(history, seconds))
  const month = haircutOf(facts, kind, rules.INITIAL_CONFIDENCE, lately(history, rules.MONTH_SECONDS)).haircut
  const speaksAgainst: Record<Refusal, boolean> = {
    not_a_plain_token: facts.isRebasing || facts.takesFee,
    one_verifier: facts.verifiers < rules.LEAST_VERIFIERS,
    no_feed_on_chain: !price.isOnChain,
    too_few_price_venues: price.venues < rules.LEAST_VENUES,
    price_venues_disagree: price.dispersion > rules.MOST_DISPERSION,
    history_too_short: bars * (history[0]?.interval ?? 0) < rules.LEAST_HISTORY_SECONDS,
    history_has_gaps: missingOf(history) > rules.MOST_MISSING,
    history_ends_early: asOf - end > rules.LATEST_SECONDS,
    hardly_traded: idleOf(history, rules.MONTH_SECONDS, kind === 'stable') > rules.MOST_IDLE,
    too_thin: capUsd < rules.LEAST_CAP,
    own_token: facts.isOwnToken && kind !== 'deep',
    peg_was_broken: off !== undefined && isBroken(off),
    peg_is_off: peg !== undefined && off !== undefined && offLately(off, rules.WEEK_SECONDS) > rules.PEG[peg.issue],
    fell_lately: fall(rules.DAY_SECONDS) > rules.MOST_FALL_DAY || fall(rules.WEEK_SECONDS) > rules.MOST_FALL_WEEK,
    too_volatile: initialHaircut > rules.MOST_HAIRCUT,
    too_volatile_lately: month > rules.MOST_HAIRCUT,
  }
  return REFUSALS.filter((code) => speaksAgainst[code])
}
