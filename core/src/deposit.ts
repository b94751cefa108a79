/** What a deposit takes, and how much of it counts: spec/deposit.md. */
import { ownerOf } from './account.ts'
import { type Hex, isSame } from './bytes.ts'
import { type Limit, setUnits } from './counting.ts'
import { accountIn, countedOf, frozenUntil, type Ledger, type Line, MAX_LINES, MAX_UNITS } from './ledger.ts'
import type { ListingTerms } from './parameters.ts'
import { vaultPeer } from './peer.ts'
import { divUp, min, type Units } from './wad.ts'

/** Units of a listing that `holder` locks for the account; the listing is below zero if the clearing has none such. */
export type Wish = { readonly account: Hex; readonly holder: Hex; readonly listing: number; readonly units: Units }

/** What the ledger does not say. */
export type Around = {
  /** Seconds. */
  readonly now: bigint
  /** What the holder has of it in its wallet, on the vault's chain. */
  readonly balance: Units
  /** What the vault may take of that already; nothing is asked for where the chain's own coin is sent along. */
  readonly allowance: Units | 'coin'
  /** What the holder's line has once all that was granted to it by now is learned, whether it is open or not. */
  readonly owned: Units
}

/** In this order; the line is opened at the clearing, the rest is done on the vault's chain. */
export type Step =
  | { readonly kind: 'open_line' }
  /** Nothing, before an allowance is changed: some tokens want that. */
  | { readonly kind: 'approve'; readonly units: Units }
  | { readonly kind: 'deposit'; readonly units: Units }

/** Why a deposit is not made, in the order in which it is looked for. */
export const REFUSALS = [
  'not_listed',
  /** The clearing has no parameters, or none for this listing. */
  'no_parameters',
  /** The vault contradicted itself: nothing of it is learned any more. */
  'vault_over',
  'amount_too_large',
  /** The wallet has less. */
  'too_little',
  /** The holder has no line, and only the account's owner opens one. */
  'not_the_owner',
  'too_many_lines',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** What of a deposit does not count yet: the units that came last. */
export type Standing = {
  readonly counts: Units
  readonly waits: Units
  /**
   * There if anything waits; `room` if by now there is some, `frozen` while a guardian holds the vault; with `until` the
   * earliest time (seconds) at which that may be over.
   */
  readonly wait?: { readonly why: Limit | 'frozen' | 'room'; readonly until?: bigint }
}

/** What was wanted is the sum of `counts` and `waits`. */
export type Plan = Standing & { readonly steps: readonly Step[] }

/** What is to be done, and what the clearing would count of it if it learned of it now. */
export function planDeposit(ledger: Ledger, wish: Wish, around: Around): Plan | Refusal {
  const terms = ledger.parameters?.listings[wish.listing]
  if (!ledger.listings[wish.listing]) return 'not_listed'
  if (!terms) return 'no_parameters'
  if (ledger.over.has(vaultPeer(terms.vault))) return 'vault_over'
  if (around.owned + wish.units > MAX_UNITS) return 'amount_too_large'
  if (around.balance < wish.units) return 'too_little'
  const line = lineIn(ledger, wish)
  if (!line && !isSame(ownerOf(wish.account), wish.holder)) return 'not_the_owner'
  if (!line && accountIn(ledger, wish.account).lines.length >= MAX_LINES) return 'too_many_lines'
  const steps: Step[] = [
    ...(line ? [] : [{ kind: 'open_line' } as const]),
    ...approvalsOf(around.allowance, wish.units),
    { kind: 'deposit', units: wish.units },
  ]
  const { listing, holder } = wish
  const before = line ?? { listing, holder, units: 0n, counted: 0n }
  const own = countedOf(accountIn(ledger, wish.account), listing)
  const { line: after, limit } = setUnits(ledger, before, around.owned + wish.units, own, around.now)
  return { steps, ...standing(after, wish.units, waitFor(ledger, after, limit, around.now)) }
}

/** How much of a deposit counts that the clearing has learned of. Asserts that the holder has a line. */
export function standingOf(ledger: Ledger, wish: Wish, now: bigint): Standing {
  const line = lineIn(ledger, wish)
  if (!line) throw new Error(`Account ${wish.account} has no line of listing ${wish.listing} for ${wish.holder}.`)
  const own = countedOf(accountIn(ledger, wish.account), wish.listing)
  const { line: after, limit } = setUnits(ledger, line, line.units, own, now)
  return standing(line, wish.units, waitFor(ledger, after, limit, now))
}

/** The holder's line of the listing, if the account has opened one. */
function lineIn(ledger: Ledger, { account, holder, listing }: Wish): Line | undefined {
  return accountIn(ledger, account).lines.find((line) => line.listing === listing && isSame(line.holder, holder))
}

/** What lets the vault take the units, and not one more. */
function approvalsOf(allowance: Units | 'coin', units: Units): Step[] {
  if (allowance === 'coin' || allowance >= units) return []
  const approvals = allowance === 0n ? [units] : [0n, units]
  return approvals.map((each) => ({ kind: 'approve', units: each }))
}

function standing(line: Line, units: Units, wait: NonNullable<Standing['wait']>): Standing {
  const waits = min(units, uncountedOf(line))
  return { counts: units - waits, waits, ...(waits > 0n && { wait }) }
}

/** What keeps the rest of a line from counting that counts all that there is room for. */
function waitFor(ledger: Ledger, line: Line, limit: Limit | undefined, now: bigint): NonNullable<Standing['wait']> {
  const why = limit ?? 'room'
  const until = frozenUntil(ledger, line.listing)
  if (why === 'vault' && now < until) return { why: 'frozen', until }
  const terms = ledger.parameters?.listings[line.listing]
  if (why !== 'inflow' || !terms || terms.burst === 0n) return { why }
  return { why, until: now + refilling(uncountedOf(line), terms) }
}

function uncountedOf({ units, counted }: Line): Units {
  return units - min(units, counted)
}

/** Seconds in which as much of a burst that is used up has come back. */
function refilling(units: Units, { burst, refillTime }: ListingTerms): bigint {
  return divUp(units * BigInt(refillTime), burst)
}
