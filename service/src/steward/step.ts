/** When a steward posts parameters, and which: spec/steward.md. */
import { type Bound, clampStep } from '@omnimargin/core/bounds'
import { cutToward } from '@omnimargin/core/caps'
import { dryRun, type Verdict } from '@omnimargin/core/dryrun'
import { lateAt } from '@omnimargin/core/lateness'
import { applyEvents, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import { fieldAt, type ListingTerms, type Parameters } from '@omnimargin/core/parameters'
import { abs, max, min, mulUp, type Ratio, type Units, WAD } from '@omnimargin/core/wad'

export type StewardState = {
  readonly ledger: Ledger
  /** A haircut that moves by less is left as it is. */
  readonly grain: Ratio
  /** The most of the margin that a post may make liquidatable. */
  readonly maxShare: Ratio
  /** How much of a step is taken: all of it, and half as much after each dry run that refused. */
  readonly reach: Ratio
  /** When a dry run refused last, or what was sent failed (seconds). */
  readonly refusedAt: bigint
  /** By listing: until when it was measured, as far as that is known (seconds). */
  readonly seen: ReadonlyMap<number, bigint>
}

/** What the policy allows, as it is on chain. */
export type PolicyTerms = { readonly bounds: readonly Bound[]; readonly interval: bigint; readonly postedAt: bigint }
/**
 * Where a listing's haircuts should be now, for new risk and for liquidation, and where the second one is going; the most that its cap
 * should be, if that is known; and until when it was measured, if it is moved because it no longer is.
 */
export type Target = {
  readonly fast: Ratio
  readonly slow: Ratio
  readonly slowTarget: Ratio
  readonly cap?: Units | undefined
  readonly unmeasuredSince?: bigint | undefined
}

export type StewardEvent =
  | { readonly type: 'block'; readonly events: readonly LedgerEvent[] }
  /** By listing; those that could not be measured are not there. `now` is the newest block's time in seconds. */
  | {
      readonly type: 'measured'
      readonly targets: ReadonlyMap<number, Target>
      /** Of those others: the time of the newest that the chain knows of them, if it does. */
      readonly lastKnown: ReadonlyMap<number, bigint>
      readonly policy: PolicyTerms
      readonly now: bigint
    }
  | { readonly type: 'posted' }
  | { readonly type: 'failed'; readonly now: bigint }

export type Move = {
  readonly listing: number
  readonly initial: Step
  readonly maintenance: Step
  readonly cap: Step<Units>
  readonly unmeasuredSince?: bigint | undefined
}
export type Step<Amount extends bigint = Ratio> = {
  readonly from: Amount
  readonly to: Amount
  readonly target: Amount
}

export type StewardEffect =
  | {
      readonly type: 'post'
      readonly why: 'moved' | 'renewed'
      readonly parameters: Parameters
      readonly moves: readonly Move[]
    }
  | { readonly type: 'hold'; readonly verdict: Verdict; readonly moves: readonly Move[] }

export const LEAST_REACH: Ratio = WAD / 64n

/** One post at a time: what `measured` asks for is posted or held, and `posted` or `failed` says what became of it. */
export function step(state: StewardState, event: StewardEvent): { state: StewardState; effects: StewardEffect[] } {
  switch (event.type) {
    case 'block':
      return { state: { ...state, ledger: applyEvents(state.ledger, event.events) }, effects: [] }
    case 'posted':
      return { state: { ...state, reach: min(WAD, 2n * state.reach) }, effects: [] }
    case 'failed':
      return { state: { ...state, refusedAt: event.now }, effects: [] }
    case 'measured':
      return decide({ ...state, seen: seenAfter(state, event) }, event)
  }
}

type MeasuredEvent = Extract<StewardEvent, { type: 'measured' }>

/** What was not measured since this one began counts from what the chain knows of it, or from when the parameters were set that it found. */
function seenAfter({ ledger, seen }: StewardState, { targets, lastKnown, now }: MeasuredEvent): Map<number, bigint> {
  return new Map(
    ledger.listings.map((_, listing) => {
      const known = lastKnown.get(listing)
      const before = seen.get(listing) ?? known ?? ledger.setAt
      return [listing, targets.has(listing) ? now : min(before, known ?? before)]
    }),
  )
}

function decide(state: StewardState, { targets: measured, policy, now }: MeasuredEvent) {
  const { ledger, reach } = state
  const { parameters } = ledger
  const isEarly = now < max(policy.postedAt, state.refusedAt) + policy.interval
  // Who sees nothing renews nothing: then the parameters outlive their life, as without a steward.
  if (!parameters || isEarly || measured.size === 0) return { state, effects: [] }
  const targets = new Map(
    parameters.listings.map((terms, listing): [number, Target] => {
      const bound = boundOf(parameters, listing, 'initialHaircut', policy.bounds)
      const since = state.seen.get(listing) ?? ledger.setAt
      return [listing, measured.get(listing) ?? unmeasuredTarget(parameters, terms, bound, { since, now })]
    }),
  )
  const wanted = movesOf(parameters, targets, policy.bounds, WAD)
  const hasMoved = wanted.some(
    ({ initial, maintenance, cap }) =>
      [initial, maintenance].some((one) => isMove(one, state.grain)) || cap.to !== cap.from,
  )
  const isOld = now - ledger.setAt >= BigInt(parameters.life) / 2n
  if (!hasMoved && !isOld) return { state, effects: [] }
  const moves = movesOf(parameters, targets, policy.bounds, reach)
  const next = { ...parameters, listings: parameters.listings.map((terms, i) => moved(terms, moves[i])) }
  const verdict = dryRun(ledger, next, now, state.maxShare)
  if (verdict.code !== undefined) {
    const isTooMuch = verdict.code === 'too_many_liquidatable'
    const held = { ...state, refusedAt: now, reach: isTooMuch ? max(LEAST_REACH, reach / 2n) : reach }
    return { state: held, effects: [{ type: 'hold', verdict, moves } as const] }
  }
  const why = hasMoved ? 'moved' : 'renewed'
  return { state, effects: [{ type: 'post', why, parameters: next, moves } as const] }
}

/**
 * Of a listing that others' posts renew though nobody measures it. Once that lasts for half of the parameters' life new risk is given
 * ever less for it: in a straight line over `lifeRamp` from the maintenance haircut, which stays, to the ceiling. So the way there is
 * the same whoever posts it, and nobody is liquidated for a feed that died.
 */
export function unmeasuredTarget(
  { life, lifeRamp }: Parameters,
  { initialHaircut, maintenanceHaircut: slow }: ListingTerms,
  bound: Bound | undefined,
  { since, now }: { readonly since: bigint; readonly now: bigint },
): Target {
  const half = Math.floor(life / 2)
  const late = lateAt(now - since, half, half + lifeRamp)
  const ramp = slow + mulUp(max(0n, (bound?.ceiling ?? 0n) - slow), late)
  const unmeasuredSince = late > 0n ? since : undefined
  return { fast: max(initialHaircut, ramp), slow, slowTarget: slow, unmeasuredSince }
}

/** Whether a post would bring it nearer to where it is going, if that is more than a grain away: a step itself may be less, where the interval is short. */
function isMove({ from, to, target }: Step, grain: Ratio): boolean {
  return to !== from && abs(target - from) > grain
}

function moved(terms: ListingTerms, move: Move | undefined): ListingTerms {
  if (!move) return terms
  return { ...terms, initialHaircut: move.initial.to, maintenanceHaircut: move.maintenance.to, cap: move.cap.to }
}

export const HAIRCUTS = ['initialHaircut', 'maintenanceHaircut'] as const

/** Nothing where the policy lets no steward move it. */
export function boundOf(
  parameters: Parameters,
  listing: number,
  field: (typeof HAIRCUTS)[number],
  bounds: readonly Bound[],
): Bound | undefined {
  const { word, shift } = fieldAt(parameters, 'listings', listing, field)
  return bounds.find((one) => one.word === word && one.shift === shift)
}

/** By listing, each toward its target as far as the bounds let it go in one post, and of that `reach`; a cap down alone, which makes nobody liquidatable. */
export function movesOf(
  parameters: Parameters,
  targets: ReadonlyMap<number, Target>,
  bounds: readonly Bound[],
  reach: Ratio,
): Move[] {
  return parameters.listings.map((terms, listing) => {
    const { initialHaircut: fast, maintenanceHaircut: slow } = terms
    // What is shed only governance takes back.
    const target: Target = (slow === WAD ? undefined : targets.get(listing)) ?? { fast, slow, slowTarget: slow }
    const cap = target.cap ?? terms.cap
    const [high, low] = HAIRCUTS.map((field) => boundOf(parameters, listing, field, bounds))
    const toward = (from: Ratio, to: Ratio, bound: Bound | undefined) => {
      return bound ? from + ((clampStep(from, to, bound) - from) * reach) / WAD : from
    }
    let initial = toward(terms.initialHaircut, max(target.fast, target.slow), high)
    let maintenance = toward(terms.maintenanceHaircut, target.slow, low)
    // Maintenance is never above initial: it follows it, or holds it, or both stay.
    if (maintenance > initial && low) maintenance = clampStep(terms.maintenanceHaircut, initial, low)
    if (maintenance > initial && high) initial = clampStep(terms.initialHaircut, maintenance, high)
    if (maintenance > initial) [initial, maintenance] = [terms.initialHaircut, terms.maintenanceHaircut]
    return {
      listing,
      initial: { from: terms.initialHaircut, to: initial, target: target.fast },
      maintenance: { from: terms.maintenanceHaircut, to: maintenance, target: target.slowTarget },
      cap: { from: terms.cap, to: cutToward(terms.cap, cap), target: cap },
      unmeasuredSince: target.unmeasuredSince,
    }
  })
}
