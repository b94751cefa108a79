/** How likely an account crosses maintenance within a time, by what is expected of each price it depends on: spec/warnings.md. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Ledger, type PortfolioFault, portfolioOf, upToDate } from '@omnimargin/core/ledger'
import { computeMargin, type Margin } from '@omnimargin/core/margin'
import { max, type Usd, WAD } from '@omnimargin/core/wad'
import type { Crossings } from './crossing.ts'
import { ratioUp, shareOf } from './ratio.ts'

export type Direction = 'down' | 'up'

/** Of one price: its loss quantile of an hour, and how far it went before in units of that. */
export type Expectation = { readonly quantile: number; readonly chanceOf: Crossings['chanceOf'] }

export type Outlook = {
  readonly chance: number
  /** How many of their quantiles all prices together may go before the account is at maintenance; none reaches it where it is infinite. */
  readonly quantiles: number
  /** How far they go against it together, by how far if each went its own way there: 1 where none of them offset. */
  readonly together: number
  /** Where each price goes then, by the clearing's number of its feed, and the one that takes the most. */
  readonly shocks: readonly Shock[]
  readonly margin: Margin
}
export type Shock = {
  readonly feed: number
  readonly direction: Direction
  readonly move: number
  readonly taken: number
}

const HOUR = 3600
/** Looked at from this many quantiles on, each time twice as many, and then between two of them so often. */
const NEAREST = 1 / 64
const FARTHEST = 64
const HALVINGS = 24
/** However well two prices offset, no account goes by less than this of its shocks. */
const LEAST_TOGETHER = 1 / 8

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
  const portfolio = portfolioOf(settled, id, now)
  if (typeof portfolio === 'string') return portfolio
  const margin = computeMargin(portfolio)
  const reach = Math.sqrt(seconds / HOUR)
  const spareWith = (moves: readonly Move[]) => spareOf(shocked(settled, moves), id, now)
  const spare = spareOf(settled, id, now)
  const against = [...expectations].flatMap(([feed, { quantile }]): Move[] => {
    const unit = quantile * reach
    const one = (direction: Direction) => ({ feed, direction, move: Math.min(1, unit) })
    const [down, up] = [spareWith([one('down')]), spareWith([one('up')])]
    if (unit === 0 || (down >= spare && up >= spare)) return []
    return [{ feed, direction: down <= up ? 'down' : 'up', move: unit }]
  })
  const together = (quantiles: number) => against.map((one) => ({ ...one, move: Math.min(1, quantiles * one.move) }))
  const quantiles = spare < 0n ? 0 : firstBelow((z) => spareWith(together(z)) < 0n)
  const shocks = together(Math.min(quantiles, FARTHEST)).map((move) => {
    return { ...move, taken: Number(max(0n, spare - spareWith([move]))) / 1e18 }
  })
  const main = shocks.reduce<Shock | undefined>(
    (most, one) => (most && most.taken >= one.taken ? most : one),
    undefined,
  )
  const law = main && expectations.get(main.feed)
  const share = offsetOf(shocks, settled)
  const beyond = law && quantiles <= FARTHEST ? law.chanceOf(quantiles / share, main.direction) : 0
  const chance = quantiles === 0 ? 1 : beyond
  return { chance, quantiles, together: share, shocks, margin }
}

/**
 * The root of the sum of c * L * L over all pairs, by the sum of L: prices that hurt in the same direction go together whole; of
 * two that hurt in opposite ones as much offsets as the clearing's own credit between them says, or nothing.
 */
function offsetOf(shocks: readonly Shock[], { parameters }: Ledger): number {
  const feedOf = (underlying: number) => parameters?.underlyings[underlying]?.feed
  const commonOf = (one: Shock, other: Shock): number => {
    if (one.direction === other.direction) return 1
    const credit = parameters?.credits.find(({ first, second }) => {
      const feeds = [feedOf(first), feedOf(second)]
      return feeds.includes(one.feed) && feeds.includes(other.feed)
    })
    return credit ? -shareOf(credit.ratio) : 0
  }
  const sum = shocks.reduce((total, { taken }) => total + taken, 0)
  const square = shocks.reduce((total, one) => {
    return total + shocks.reduce((some, other) => some + commonOf(one, other) * one.taken * other.taken, 0)
  }, 0)
  return sum > 0 ? Math.max(LEAST_TOGETHER, Math.sqrt(Math.max(0, square)) / sum) : 1
}

type Move = { readonly feed: number; readonly direction: Direction; readonly move: number }

/** The ledger with those prices, none below its least. */
function shocked(ledger: Ledger, moves: readonly Move[]): Ledger {
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
  const portfolio = portfolioOf(ledger, id, now)
  if (typeof portfolio === 'string') throw new Error(`A price went missing of account ${id}: ${portfolio}.`)
  const { maintenanceMarginBalance, maintenanceMargin } = computeMargin(portfolio)
  return maintenanceMarginBalance - maintenanceMargin
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
