/** How likely an account crosses maintenance within a time, by what prices did before in units of what was expected: spec/warnings.md. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Ledger, marginOf, type PortfolioFault, upToDate } from '@omnimargin/core/ledger'
import type { Margin } from '@omnimargin/core/margin'
import { max, type Usd, WAD } from '@omnimargin/core/wad'
import { chanceOf, type Leg, type Past } from './crossing.ts'
import { ratioUp } from './ratio.ts'

export type Direction = 'down' | 'up'

/** Of one price: its loss quantile of an hour, and how far it went before in units of what that was then. */
export type Expectation = { readonly quantile: number; readonly past: Past }

export type Outlook = {
  readonly chance: number
  /** How many of their hourly quantiles all prices together may go before the account is at maintenance; none reaches it where it is infinite. */
  readonly quantiles: number
  /** Where each price goes then, by the clearing's number of its feed, and what that alone takes. */
  readonly shocks: readonly Shock[]
  readonly margin: Margin
}
export type Shock = {
  readonly feed: number
  readonly direction: Direction
  readonly move: number
  readonly taken: number
}

/** Looked at from this many quantiles on, each time twice as many, and then between two of them so often. */
const NEAREST = 1 / 64
const FARTHEST = 64
const HALVINGS = 16

/** A price that nothing is expected of stands still. Or why the account's margin cannot be told. */
export function outlookOf(
  ledger: Ledger,
  id: Hex,
  now: bigint,
  expectations: ReadonlyMap<number, Expectation>,
  seconds: number,
): Outlook | PortfolioFault {
  // Nobody else's account has a part in it.
  const settled = { ...ledger, accounts: new Map([[id, upToDate(ledger, id)]]) }
  const margin = marginOf(settled, id, now)
  if (typeof margin === 'string') return margin
  const spareWith = (moves: readonly Move[]) => spareOf(shocked(settled, moves), id, now)
  const spare = margin.maintenanceMarginBalance - margin.maintenanceMargin
  const against = [...expectations].flatMap(([feed, { quantile }]): Move[] => {
    const one = (direction: Direction) => ({ feed, direction, move: Math.min(1, quantile) })
    const [down, up] = [spareWith([one('down')]), spareWith([one('up')])]
    if (quantile === 0 || (down >= spare && up >= spare)) return []
    return [{ feed, direction: down <= up ? 'down' : 'up', move: quantile }]
  })
  const together = (quantiles: number) => against.map((one) => ({ ...one, move: Math.min(1, quantiles * one.move) }))
  const quantiles = spare < 0n ? 0 : firstBelow((z) => spareWith(together(z)) < 0n)
  const shocks = together(Math.min(quantiles, FARTHEST)).map((move) => {
    return { ...move, taken: Number(max(0n, spare - spareWith([move]))) / 1e18 }
  })
  const chance = spare < 0n ? 1 : quantiles > FARTHEST ? 0 : chanceOf(legsOf(shocks, expectations), quantiles, seconds)
  return { chance, quantiles, shocks, margin }
}

export type Move = { readonly feed: number; readonly direction: Direction; readonly move: number }

/** The least that prices may go together against an account with that outlook so that the chance of it is below this. */
export function movesOf(
  { shocks }: Outlook,
  expectations: ReadonlyMap<number, Expectation>,
  seconds: number,
  chance: number,
): readonly Move[] {
  const legs = legsOf(shocks, expectations)
  const quantiles = Math.min(
    FARTHEST,
    firstBelow((z) => chanceOf(legs, z, seconds) < chance),
  )
  return shocks.map(({ feed, direction }) => {
    return { feed, direction, move: Math.min(1, quantiles * (expectations.get(feed)?.quantile ?? 0)) }
  })
}

function legsOf(shocks: readonly Shock[], expectations: ReadonlyMap<number, Expectation>): Leg[] {
  return shocks.flatMap(({ feed, direction, taken }): Leg[] => {
    const past = expectations.get(feed)?.past
    return past && taken > 0 ? [{ past, taken: direction === 'down' ? taken : -taken }] : []
  })
}

/** The ledger with those prices, none below its least. */
export function shocked(ledger: Ledger, moves: readonly Move[]): Ledger {
  const prices = new Map(ledger.prices)
  for (const { feed, direction, move } of moves) {
    const known = prices.get(feed)
    if (!known) continue
    const share = ratioUp(move)
    const price = (known.price * (direction === 'down' ? WAD - share : WAD + share)) / WAD
    prices.set(feed, { ...known, price: max(1n, price) })
  }
  return { ...ledger, prices }
}

function spareOf(ledger: Ledger, id: Hex, now: bigint): Usd {
  const margin = marginOf(ledger, id, now)
  if (typeof margin === 'string') throw new Error(`A price went missing of account ${id}: ${margin}.`)
  return margin.maintenanceMarginBalance - margin.maintenanceMargin
}

/** The least number of quantiles at which it is below, from above; infinite if none is. */
function firstBelow(isBelow: (quantiles: number) => boolean): number {
  let high = NEAREST
  while (!isBelow(high)) {
    high *= 2
    if (high > FARTHEST) return Number.POSITIVE_INFINITY
  }
  let low = high === NEAREST ? 0 : high / 2
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (isBelow(middle)) high = middle
    else low = middle
  }
  return high
}
