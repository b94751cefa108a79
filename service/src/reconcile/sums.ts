/** Adding up both sides. What is under way between two chains is shown and counted, and is no difference. */
import type { Hex } from '@omnimargin/core/bytes'
import type { Fills, Lines, MarketSides, PeerPlace, Sides, TokenSides } from './sides.ts'

/** One equation: two numbers that must be the same. */
export type Sum = {
  readonly what: string
  /** The vault or venue that it is of; nothing where it is of all. */
  readonly peer?: PeerPlace
  readonly left: bigint
  /** With what is under way. */
  readonly right: bigint
  /** Of both numbers; 0 for things that are counted. */
  readonly decimals: number
  readonly underWay: readonly UnderWay[]
  /** What differs first, where that can be told. */
  readonly culprit?: string | undefined
}

export type UnderWay = { readonly what: string; readonly amount: bigint }

const USD_DECIMALS = 18
export const NO_FILLS: Fills = { bought: 0n, sold: 0n, paid: 0n, received: 0n }

/** Every equation that must hold: by token, by market, and of the clearing as a whole. */
export function addUp({ tokens, markets, ledger, differing }: Sides): Sum[] {
  return [
    ...tokens.flatMap(tokenSums),
    balanceSum(tokens),
    ...markets.map((market, i) => marketSum(market, sizesOf(ledger, i))),
    cashSum(ledger, markets),
    accountSum(ledger, differing),
  ]
}

export function holds({ left, right }: Sum): boolean {
  return left === right
}

function tokenSums({ name, vault: peer, decimals, held, owed, pool, ...lines }: TokenSides): Sum[] {
  const owedInAll = total(owed.values())
  const gifts = held > owedInAll ? held - owedInAll : 0n
  const { granted, grantsLearned, released, honored, units } = lines
  const grants = missing(granted, grantsLearned)
  const releases = missing(released, honored)
  return [
    {
      what: `${name}: vault holds = free + pools`,
      peer,
      left: held,
      right: owedInAll + gifts,
      decimals,
      underWay: shown([{ what: 'sent without a deposit', amount: gifts }]),
    },
    {
      what: `${name}: vault's pool = units at the clearing`,
      peer,
      left: pool,
      right: total(units.values()) + grants + releases,
      decimals,
      underWay: shown([
        { what: 'granted, not learned', amount: grants },
        { what: 'released, not honored', amount: releases },
      ]),
      culprit: culpritOf(grantsLearned, granted, 'learned as granted') ?? culpritOf(honored, released, 'honored'),
    },
  ]
}

/** Everything each vault owes, balance by balance. */
function balanceSum(tokens: readonly TokenSides[]): Sum {
  const balances = tokens.flatMap(({ name, owed, owedOnChain }) =>
    [...new Set([...owed.keys(), ...owedOnChain.keys()])].map((whose) => {
      const [rebuilt, onChain] = [owed.get(whose) ?? 0n, owedOnChain.get(whose) ?? 0n]
      return { rebuilt, onChain, what: `${name}, ${whose}: ${rebuilt} by events, ${onChain} on chain` }
    }),
  )
  const different = balances.filter(({ rebuilt, onChain }) => rebuilt !== onChain)
  return {
    what: 'vault balances rebuilt from events = on chain',
    left: BigInt(balances.length - different.length),
    right: BigInt(balances.length),
    decimals: 0,
    underWay: [],
    culprit: different[0]?.what,
  }
}

function marketSum({ name, venue: peer, written, learned }: MarketSides, sizes: readonly bigint[]): Sum {
  const { bought, sold } = fillsUnderWay({ written, learned })
  const longs = sizes.filter((size) => size > 0n)
  const shorts = sizes.filter((size) => size < 0n)
  return {
    what: `${name}: longs = shorts`,
    peer,
    left: total(longs) + bought,
    right: sold - total(shorts),
    decimals: USD_DECIMALS,
    underWay: shown([
      { what: 'bought, not learned', amount: bought },
      { what: 'sold, not learned', amount: sold },
    ]),
  }
}

function cashSum({ accounts, markets: known }: Sides['ledger'], markets: readonly MarketSides[]): Sum {
  const parts = [...accounts.values()].flatMap(({ cash, positions }) => [
    cash,
    ...[...positions.values()].map(({ quote }) => quote),
  ])
  const fills = markets.map(fillsUnderWay)
  const paid = total(fills.map((one) => one.paid))
  const received = total(fills.map((one) => one.received))
  return {
    what: 'cash + quotes over all accounts = 0',
    left: total(parts) + received - paid,
    right: 0n,
    decimals: USD_DECIMALS,
    underWay: shown([
      { what: 'paid, not learned', amount: paid },
      { what: 'received, not learned', amount: received },
    ]),
    culprit: unnamedIn(known.length, markets.length),
  }
}

/** What a market writes that nobody was told of is not under way for who adds up. */
function unnamedIn(known: number, named: number): string | undefined {
  return known > named
    ? `the clearing has ${known} markets and the deployment ${named}: add the others to it`
    : undefined
}

function accountSum({ accounts }: Sides['ledger'], differing: readonly Hex[]): Sum {
  return {
    what: 'accounts rebuilt from events = accounts on chain',
    left: BigInt(accounts.size - differing.length),
    right: BigInt(accounts.size),
    decimals: 0,
    underWay: [],
    culprit: differing[0] && `account ${differing[0]}`,
  }
}

function sizesOf({ accounts }: Sides['ledger'], market: number): bigint[] {
  return [...accounts.values()].map(({ positions }) => positions.get(market)?.size ?? 0n)
}

/** What venues wrote and the clearing has not learned. Learned beyond what was written is never under way: it shows. */
function fillsUnderWay({ written, learned }: Pick<MarketSides, 'written' | 'learned'>): Fills {
  const left = [...written].map(([account, now]) => {
    const known = learned.get(account) ?? NO_FILLS
    const rest = (name: keyof Fills) => (now[name] > known[name] ? now[name] - known[name] : 0n)
    return { bought: rest('bought'), sold: rest('sold'), paid: rest('paid'), received: rest('received') }
  })
  const sum = (name: keyof Fills) => total(left.map((fills) => fills[name]))
  return { bought: sum('bought'), sold: sum('sold'), paid: sum('paid'), received: sum('received') }
}

/** The sum of what each line of `all` has beyond its part in `known`. */
function missing(all: Lines, known: Lines): bigint {
  return total([...all].map(([line, amount]) => amount - (known.get(line) ?? 0n)).filter((rest) => rest > 0n))
}

function culpritOf(known: Lines, all: Lines, verb: string): string | undefined {
  const found = firstBeyond(known, all)
  return found && `${found.line}: ${found.known} ${verb}, of ${found.all}`
}

/** The first line that has more at its reader than its writer ever wrote. */
export function firstBeyond(known: Lines, all: Lines): { line: string; known: bigint; all: bigint } | undefined {
  const amounts = [...known].map(([line, amount]) => ({ line, known: amount, all: all.get(line) ?? 0n }))
  return amounts.find((one) => one.known > one.all)
}

function shown(parts: readonly UnderWay[]): UnderWay[] {
  return parts.filter(({ amount }) => amount !== 0n)
}

export function total(amounts: Iterable<bigint>): bigint {
  return [...amounts].reduce((sum, amount) => sum + amount, 0n)
}
