/** What a loss leaves of the accounts, prices aside. Most losses leave most accounts as they were: each way to be left is told once. */
import type { Hex } from '@omnimargin/core/bytes'
import { isOpen, type PortfolioFault, portfolioOf, upToDate, type Valued } from '@omnimargin/core/ledger'
import { InputError } from '../errors.ts'
import { accountAfter, type Damage, harmTo, heardAfter } from './damage.ts'
import { type Flow, ordersOf, type Spans } from './impact.ts'
import type { System } from './system.ts'

export type Remains = {
  readonly id: Hex
  /** Its funding is settled, its lines keep what is not lost. */
  readonly portfolio: Valued
  /** By place in the portfolio's positions: its profit is not there. */
  readonly isVoid: readonly boolean[]
  /** The prices that its positions are valued by, and those of its lines besides. */
  readonly traded: readonly number[]
  readonly feeds: readonly number[]
  /** What there is to sell and buy once it is closed. */
  readonly orders: Flow
  /** The widest spans within which it is known to be clear of maintenance: health.ts. */
  clear: Spans | undefined
}

/** Every account in the ledger's order. Throws InputError for one whose margin cannot be told. */
export type Survey = (damage: Damage) => readonly Remains[]

export function surveyOf(system: System): Survey {
  const accounts = [...system.ledger.accounts].map(([id, account]) => ({
    id,
    account,
    known: new Map<string, Remains>(),
  }))
  return (damage) =>
    accounts.map(({ id, account, known }) => {
      const harm = harmTo(account, system.ledger, damage)
      const found = known.get(harm) ?? remainsOf(system, id, damage)
      known.set(harm, found)
      return found
    })
}

function remainsOf({ ledger, now }: System, id: Hex, damage: Damage): Remains {
  const before = upToDate(ledger, id)
  const account = accountAfter(before, damage)
  const accounts = new Map([[id, account]])
  const portfolio = portfolioOf({ ...ledger, heard: heardAfter(ledger, damage), accounts }, id, now)
  if (typeof portfolio === 'string') throw new InputError(`Account ${id}: ${CURES[portfolio]}`)
  const { lines, positions, underlyings } = portfolio
  const open = [...account.positions].filter(([, position]) => isOpen(position))
  const traded = [...new Set(positions.flatMap(({ underlying }) => underlyings[underlying]?.feed ?? []))]
  return {
    id,
    portfolio,
    isVoid: open.map(([market]) => damage.lostMarkets.has(market)),
    traded,
    feeds: [...new Set([...traded, ...lines.map(({ feed }) => feed)])],
    orders: ordersOf(ledger, damage, before),
    clear: undefined,
  }
}

const CURES: Record<PortfolioFault, string> = {
  no_parameters: 'the clearing has no parameters to tell a margin by: set them first (no_parameters).',
  price_too_old: 'it holds what has no price that is fresh enough: see that a publisher pokes it (price_too_old).',
}
