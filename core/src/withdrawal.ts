/** The way of a withdrawal from the ledger to a vault: spec/withdrawal.md. */
import { type Hex, isSame } from './bytes.ts'
import {
  type Account,
  accountIn,
  frozenUntil,
  hasUnpriced,
  isMargined,
  type Ledger,
  type Line,
  MAX_LINES,
  marginOf,
  portfolioOf,
  upToDate,
  withAccount,
  without,
} from './ledger.ts'
import { meetsInitial } from './margin.ts'
import { type Sale, saleDiscountOf, salePriceOf, unitsFor } from './settlement.ts'
import { abs, max, min, mulDown, type Units, type Usd } from './wad.ts'

/** Units of a listing that the account's owner wants free for `holder`, at the listing's vault. */
export type Wish = { readonly account: Hex; readonly holder: Hex; readonly listing: number; readonly units: Units }

/** What the ledger does not say. Times in seconds. */
export type Around = {
  readonly now: bigint
  /** Whether the listing's round trip is young enough for a sale; a vault on the clearing's chain always is. */
  readonly isYoung: boolean
  /** Whether the fills that can hurt the account are proven as fresh as a release asks. */
  readonly isProven: boolean
  /** The holder's, at the vault. */
  readonly free: Units
  /** Released on the holder's line, and not honored by the vault yet. */
  readonly underWay: Units
  /** Granted to the account by the holder, in a line that was never opened. */
  readonly unopened: Units
  /** What the vault can pay against the clearing. */
  readonly pool: Units
}

/** What is done on the clearing, in this order. `index` counts lines: the account's own, or the seller's. */
export type Step =
  | { readonly kind: 'release'; readonly index: number; readonly units: Units }
  | { readonly kind: 'pay_funding' }
  /** With what had been granted to it before. */
  | { readonly kind: 'open_line'; readonly units: Units }
  | { readonly kind: 'put_up'; readonly debtor: Hex }
  | {
      readonly kind: 'buy'
      readonly seller: Hex
      readonly index: number
      readonly units: Units
      readonly price: Usd
    }

/** Why units are not to be had now, in the order in which it is looked for. */
export type Wait =
  /** A guardian holds what is at the vault, until then. */
  | 'frozen'
  /** The clearing's prices are too old to tell the account's margin by. */
  | 'prices_old'
  /** Fills of a venue where a limit is open are not proven as fresh as a release asks. */
  | 'records_old'
  /** The account has a position at a closed venue that has no price yet. */
  | 'close_price'
  /** The account's own margin needs what is left, or what it would be bought with. */
  | 'margin'
  /** What is bought would go to a line of the account that has another holder. */
  | 'line_of_another'
  | 'too_many_lines'
  /** What is missing must be bought, and there is no cash to buy it with. */
  | 'no_cash'
  | 'round_trip_old'
  /** Who owes cash and has such units need not sell them before `until`. */
  | 'debt_not_due'
  /** Nobody else who owes cash has such units. */
  | 'nobody_owes'

/** What was wanted is the sum of `free`, `underWay`, `released`, `bought` and `queued`, always. */
export type Plan = {
  readonly steps: readonly Step[]
  readonly free: Units
  readonly underWay: Units
  readonly released: Units
  readonly bought: Units
  readonly queued: Units
  /**
   * There if anything is queued; with `until` the earliest time (seconds) at which that changes by itself, with `own` the
   * part of it that the account has in its own line, and needs as margin.
   */
  readonly wait?: { readonly why: Wait; readonly until?: bigint; readonly own?: Units }
  /** What the vault cannot pay of it before more has been granted there. */
  readonly short: Units
}

/** The part of a plan that is still being made. */
type Draft = {
  readonly ledger: Ledger
  readonly steps: readonly Step[]
  readonly missing: Units
  readonly wait?: Plan['wait']
}

/**
 * From what is free, then what is under way, then the account's own line as far as its initial margin lets go, then
 * units of those who owe cash, for the account's; the rest is queued: nothing on chain waits for it.
 */
export function planWithdrawal(ledger: Ledger, wish: Wish, around: Around): Plan {
  const free = min(wish.units, around.free)
  const underWay = min(wish.units - free, around.underWay)
  const until = frozenUntil(ledger, wish.listing)
  const held = around.now < until ? { wait: { why: 'frozen' as const, until } } : {}
  const start = opened({ ledger, steps: [], missing: wish.units - free - underWay, ...held }, wish, around)
  const own = start.missing > 0n && !start.wait ? releaseOwn(start, wish, around) : start
  const end = own.missing > 0n && !own.wait ? buyAll(own, wish, around) : own
  const released = start.missing - own.missing
  const bought = own.missing - end.missing
  return {
    steps: end.steps,
    free,
    underWay,
    released,
    bought,
    queued: end.missing,
    ...(end.wait && end.missing > 0n ? { wait: end.wait } : {}),
    short: max(0n, underWay + released + bought - around.pool),
  }
}

/** The ledger once the clearing has done the step, as it does it. */
export function take(ledger: Ledger, { account: id, holder, listing }: Wish, step: Step): Ledger {
  switch (step.kind) {
    case 'release': {
      const account = upToDate(ledger, id)
      const lines = account.lines.map((line, i) => (i === step.index ? without(line, step.units) : line))
      return withAccount(ledger, id, { ...account, lines })
    }
    case 'pay_funding':
      return withAccount(ledger, id, upToDate(ledger, id))
    case 'open_line': {
      const account = accountIn(ledger, id)
      // As if none of it counted: how much does is the cap's to say.
      const line: Line = { listing, holder, units: step.units, counted: 0n }
      return withAccount(ledger, id, { ...account, lines: [...account.lines, line] })
    }
    case 'put_up':
      return withAccount(ledger, step.debtor, { ...accountIn(ledger, step.debtor), isPutUp: true })
    case 'buy':
      return sell(ledger, id, listing, step)
  }
}

function sell(ledger: Ledger, id: Hex, listing: number, step: Extract<Step, { kind: 'buy' }>): Ledger {
  const seller = accountIn(ledger, step.seller)
  const line = seller.lines[step.index]
  if (!line || line.units === 0n) throw new Error(`Account ${step.seller} has nothing to sell in line ${step.index}.`)
  // With their part of what is counted, rounded down.
  const counted = (line.counted * step.units) / line.units
  const left = { ...line, units: line.units - step.units, counted: line.counted - counted }
  const cash = seller.cash + step.price
  const sold: Account = {
    ...seller,
    cash,
    lines: seller.lines.map((each, i) => (i === step.index ? left : each)),
    ...(cash >= 0n ? { debtSince: 0n, isPutUp: false } : {}),
  }
  const buyer = accountIn(ledger, id)
  const place = buyer.lines.findIndex((each) => each.listing === listing)
  const lines = buyer.lines.map((each, i) =>
    i === place ? { ...each, units: each.units + step.units, counted: each.counted + counted } : each,
  )
  const paid = { ...buyer, cash: buyer.cash - step.price, lines }
  return withAccount(withAccount(ledger, step.seller, sold), id, paid)
}

/** With the holder's line open, if anything waits for that. */
function opened(draft: Draft, wish: Wish, { unopened }: Around): Draft {
  const { lines } = accountIn(draft.ledger, wish.account)
  const isOpen = lines.some(({ listing, holder }) => listing === wish.listing && isSame(holder, wish.holder))
  if (draft.missing === 0n || unopened === 0n || isOpen || lines.length >= MAX_LINES) return draft
  return done(draft, wish, { kind: 'open_line', units: unopened })
}

/** As much of the account's own line as it can do without; what is not counted goes first. */
function releaseOwn(draft: Draft, wish: Wish, around: Around): Draft {
  const { ledger, missing } = draft
  const account = upToDate(ledger, wish.account)
  const index = account.lines.findIndex((line) => line.listing === wish.listing && isSame(line.holder, wish.holder))
  const line = account.lines[index]
  const most = min(missing, line?.units ?? 0n)
  if (!line || most === 0n) return draft
  if (isMargined(account) && !around.isProven) return { ...draft, wait: { why: 'records_old' } }
  if (isMargined(account) && hasUnpriced(ledger, wish.account, around.now))
    return { ...draft, wait: { why: 'close_price' } }
  const after = (units: Units) => take(ledger, wish, { kind: 'release', index, units })
  const { units, why } = mostHeld(most, (units) => standing(after(units), wish, around))
  const released = units > 0n ? done(draft, wish, { kind: 'release', index, units }) : draft
  const left = { ...released, missing: missing - units }
  if (why === undefined) return left
  return { ...left, wait: why === 'margin' ? { why, own: most - units } : { why } }
}

/** Units of whoever is put up, or can be, one line after the other; then all that were bought are released. */
function buyAll(draft: Draft, wish: Wish, around: Around): Draft {
  const ready = readyToBuy(draft, wish, around)
  if (ready.wait) return { ...draft, wait: ready.wait }
  const sale = saleOf(ready.ledger, wish.listing)
  const { lines, until } = onSale(ready.ledger, wish, around.now)
  const kept = accountIn(ready.ledger, wish.account).lines
  let now: Draft = ready
  for (const line of lines) {
    if (now.missing === 0n || now.wait) break
    now = buyOf(now, wish, around, line, { sale, kept })
  }
  const units = ready.missing - now.missing
  const rest = waitAfter(now, wish, sale, until)
  if (units === 0n) return { ...draft, ...(now.missing > 0n ? { wait: rest } : {}) }
  const index = accountIn(now.ledger, wish.account).lines.findIndex(({ listing }) => listing === wish.listing)
  const { ledger, steps, missing } = done(now, wish, { kind: 'release', index, units })
  return missing > 0n ? { ledger, steps, missing, wait: rest } : { ledger, steps, missing }
}

/** With its funding settled and a line to buy into; or what keeps the account from buying at all. */
function readyToBuy(draft: Draft, wish: Wish, around: Around): Draft {
  const settled = upToDate(draft.ledger, wish.account)
  const isUnpaid = settled.cash !== accountIn(draft.ledger, wish.account).cash
  const line = settled.lines.find(({ listing }) => listing === wish.listing)
  const now = standing(withAccount(draft.ledger, wish.account, settled), wish, around)
  // A sale looks at the buyer's margin whatever it holds.
  const isPriced = typeof portfolioOf(draft.ledger, wish.account, around.now) !== 'string'
  const why: [Wait, boolean][] = [
    ['prices_old', !isPriced || !hasPrice(draft.ledger, wish.listing, around.now)],
    ['records_old', isMargined(settled) && !around.isProven],
    ['close_price', isMargined(settled) && hasUnpriced(draft.ledger, wish.account, around.now)],
    ['margin', now === 'margin'],
    ['line_of_another', line !== undefined && !isSame(line.holder, wish.holder)],
    ['too_many_lines', !line && settled.lines.length >= MAX_LINES],
    ['no_cash', settled.cash <= 0n],
    ['round_trip_old', !around.isYoung],
  ]
  const first = why.find(([, holds]) => holds)
  if (first) return { ...draft, wait: { why: first[0] } }
  const paid = isUnpaid ? done(draft, wish, { kind: 'pay_funding' }) : draft
  return line ? paid : done(paid, wish, { kind: 'open_line', units: 0n })
}

type OnSale = { readonly seller: Hex; readonly index: number }

/** The lines that can be bought of at once, of those put up first; and when the next debt is due. */
function onSale(ledger: Ledger, { account, listing }: Wish, now: bigint): { lines: OnSale[]; until?: bigint } {
  const debtors = [...ledger.accounts].filter(([id, { cash, lines }]) => {
    return id !== account && cash < 0n && lines.some((line) => line.listing === listing && line.units > 0n)
  })
  const linesOf = ([seller, { lines }]: [Hex, Account]): OnSale[] =>
    lines.flatMap((line, index) => (line.listing === listing && line.units > 0n ? [{ seller, index }] : []))
  const up = debtors.filter(([, { isPutUp }]) => isPutUp)
  const due = debtors.filter(([id, { isPutUp }]) => !isPutUp && isDue(ledger, id, now))
  const later = debtors.filter((one) => !up.includes(one) && !due.includes(one))
  const times = later.map(([, { debtSince }]) => debtSince + BigInt(ledger.parameters?.settleAfter ?? 0))
  const [first, ...others] = times
  return {
    lines: [...up, ...due].flatMap(linesOf),
    ...(first === undefined ? {} : { until: others.reduce(min, first) }),
  }
}

/** Whether anyone may put the debtor up: the debt is old, or large beside the collateral; that takes fresh prices. */
export function isDue(ledger: Ledger, id: Hex, now: bigint): boolean {
  const { parameters } = ledger
  const account = accountIn(ledger, id)
  const collateral = marginOf(withAccount(ledger, id, { ...account, positions: new Map() }), id, now)
  if (!parameters || account.cash >= 0n || typeof collateral === 'string') return false
  const most = mulDown(collateral.exposure, parameters.settleShare)
  return now >= account.debtSince + BigInt(parameters.settleAfter) || abs(account.cash) > most
}

/** At which price, and which lines the buyer had before it bought anything: nothing of that stays. */
type Terms = { readonly sale: Sale; readonly kept: readonly Line[] }

/** As much of one line as is wanted, is there, is owed, and can be paid without the account's margin being touched. */
function buyOf(draft: Draft, wish: Wish, around: Around, { seller, index }: OnSale, { sale, kept }: Terms): Draft {
  const { ledger, missing } = draft
  const [buyer, debtor] = [accountIn(ledger, wish.account), accountIn(ledger, seller)]
  const paidFor = unitsFor(min(buyer.cash, max(0n, -debtor.cash)), sale)
  const wanted = min(missing, debtor.lines[index]?.units ?? 0n)
  const most = paidFor === 'any' ? wanted : min(wanted, paidFor)
  const poorer = (units: Units) =>
    withAccount(ledger, wish.account, { ...buyer, cash: buyer.cash - salePriceOf(units, sale), lines: kept })
  const { units, why } = mostHeld(most, (units) => standing(poorer(units), wish, around))
  const wait = why ? { wait: { why } } : {}
  if (units === 0n) return { ...draft, ...wait }
  const up = debtor.isPutUp ? draft : done(draft, wish, { kind: 'put_up', debtor: seller })
  const step: Step = { kind: 'buy', seller, index, units, price: salePriceOf(units, sale) }
  return { ...done(up, wish, step), missing: missing - units, ...wait }
}

function waitAfter({ ledger, wait }: Draft, wish: Wish, sale: Sale, until?: bigint): NonNullable<Plan['wait']> {
  if (wait) return wait
  if (unitsFor(accountIn(ledger, wish.account).cash, sale) === 0n) return { why: 'no_cash' }
  return until === undefined ? { why: 'nobody_owes' } : { why: 'debt_not_due', until }
}

function done(draft: Draft, wish: Wish, step: Step): Draft {
  return { ...draft, ledger: take(draft.ledger, wish, step), steps: [...draft.steps, step] }
}

/** What stands against the account's letting go of more, as the ledger then would be. */
function standing(ledger: Ledger, { account }: Wish, { now }: Around): 'prices_old' | 'margin' | undefined {
  if (!isMargined(accountIn(ledger, account))) return undefined
  const margin = marginOf(ledger, account, now)
  if (typeof margin === 'string') return 'prices_old'
  return meetsInitial(margin) ? undefined : 'margin'
}

/** The most units up to `most` that nothing stands against, which more of them never cures; and what stands against more. */
function mostHeld(most: Units, against: (units: Units) => Wait | undefined): { units: Units; why?: Wait } {
  const why = against(most)
  if (why === undefined) return { units: most }
  if (most === 0n || against(0n) !== undefined) return { units: 0n, why }
  let [held, refused] = [0n, most]
  while (refused - held > 1n) {
    const middle = (held + refused) / 2n
    if (against(middle) === undefined) held = middle
    else refused = middle
  }
  return { units: held, why }
}

function saleOf({ parameters, prices }: Ledger, listing: number): Sale {
  const terms = parameters?.listings[listing]
  const price = terms && prices.get(terms.feed)?.price
  if (!parameters || !terms || price === undefined) throw new Error(`Listing ${listing} has no price to sell at.`)
  const discount = saleDiscountOf(parameters.saleDiscount, terms.maintenanceHaircut)
  return { unit: 10n ** BigInt(terms.decimals), price, discount }
}

function hasPrice({ parameters, prices }: Ledger, listing: number, now: bigint): boolean {
  const terms = parameters?.listings[listing]
  const cached = terms && prices.get(terms.feed)
  return cached !== undefined && cached.publishTime + BigInt(parameters?.maxPriceAge ?? 0) >= now
}
