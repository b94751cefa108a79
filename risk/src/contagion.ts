/** What each failure would cost once everybody it drags down has been closed: spec/contagion.md. A what-if: nothing is changed. */
import type { Hex } from '@omnimargin/core/bytes'
import { accountIn } from '@omnimargin/core/ledger'
import { max, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { type Damage, damageOf, withShares } from './contagion/damage.ts'
import { feedsOf, healthOf } from './contagion/health.ts'
import { type Flow, flowOf, proceedsOf, type Spans, spansOf } from './contagion/impact.ts'
import { type Node, nodesOf, type System } from './contagion/system.ts'

export type Outcome = {
  readonly lost: readonly Node[]
  /** What is gone at once of the accounts' maintenance margin balances, none of them counted below zero. */
  readonly marginGone: Usd
  /** Below maintenance at once; and those, too, that only the selling of others drags down. An account that failed is among neither. */
  readonly atOnce: readonly Hex[]
  readonly below: readonly Hex[]
  /** How many times those who were closed dragged others down. */
  readonly rounds: number
  /** What the closed accounts owe beyond all that is got for what they hold, where prices are worst for each of them. */
  readonly badDebt: Usd
  /** What of it the insurance does not pay. */
  readonly uncovered: Usd
  readonly spans: Spans
  /** Of the prices, by how much the one that falls the most does. */
  readonly deepestFall: Ratio
}

export type Contagion = {
  /** With nothing lost. */
  readonly calm: Outcome
  /** Each node lost on its own, the costliest first. */
  readonly single: readonly Outcome[]
  /** Two of them lost together, the costliest first. */
  readonly pairs: readonly Outcome[]
  /** Maintenance margin balance of all accounts that have one, as it is. */
  readonly margin: Usd
}

/** Of the accounts, those with the most to sell and buy are taken as nodes: so many alone, so many in pairs with others. */
export const ACCOUNT_NODES = 32
export const PAIRED_ACCOUNTS = 8

export function contagionOf(system: System): Contagion {
  const places = nodesOf(system)
  const accounts = largestOf(system)
  const lone = [...places, ...accounts.slice(0, ACCOUNT_NODES)]
  const paired = [...places, ...accounts.slice(0, PAIRED_ACCOUNTS)]
  const pairs = paired.flatMap((first, i) => paired.slice(i + 1).map((second) => [first, second]))
  const before = balancesOf(system)
  const outcomesOf = (all: readonly Node[][]) => all.map((nodes) => loseAll(system, nodes, before)).sort(byCost)
  return {
    calm: loseAll(system, [], before),
    single: outcomesOf(lone.map((node) => [node])),
    pairs: outcomesOf(pairs),
    margin: before.reduce((total, balance) => total + max(0n, balance), 0n),
  }
}

/**
 * The nodes are lost at once. Whoever is below maintenance is closed, which moves prices, which may bring others below.
 * Nobody who is closed is opened again and prices only widen their spans, so there are at most as many rounds as accounts.
 */
export function loseAll(system: System, lost: readonly Node[], before: readonly Usd[] = balancesOf(system)): Outcome {
  const damage = damageOf(system, lost)
  const ids = [...system.ledger.accounts.keys()]
  let flow = NO_FLOW
  let spans = spansOf(system, damage, flow)
  const isBelow = (id: Hex) => healthOf(id, damage, spans, system.now).isBelow
  const atFirst = ids.map((id) => healthOf(id, damage, spans, system.now))
  const waves = [ids.filter((id, i) => !damage.failed.has(id) && atFirst[i]?.isBelow)]
  const closed = new Set([...damage.failed, ...waves.flat()])
  for (let moved = true; moved; ) {
    flow = flowOf(system, damage, closed)
    const wider = spansOf(system, damage, flow)
    const looked = ids.filter((id) => !closed.has(id) && dependsOnMoved(id, damage, spans, wider))
    spans = wider
    const wave = looked.filter(isBelow)
    for (const id of wave) closed.add(id)
    moved = wave.length > 0
    if (moved) waves.push(wave)
    if (waves.length > ids.length + 1) throw new Error('Contagion went on for longer than there are accounts.')
  }
  const sold = { ...damage, ledger: withShares(damage.ledger, proceedsOf(system, flow)) }
  const badDebt = [...closed].reduce((total, id) => total + healthOf(id, sold, spans, system.now).shortfall, 0n)
  const gone = atFirst.map(({ balance }, i) => max(0n, before[i] ?? 0n) - max(0n, balance))
  return {
    lost,
    marginGone: gone.reduce((total, one) => total + one, 0n),
    atOnce: waves[0] ?? [],
    below: waves.flat(),
    rounds: waves.length - 1,
    badDebt,
    uncovered: max(0n, badDebt - system.insurance),
    spans,
    deepestFall: deepestOf(system, spans),
  }
}

/** Maintenance margin balances with nothing lost, in the order of the accounts. */
function balancesOf(system: System): Usd[] {
  const nothing = damageOf(system, [])
  const spans = spansOf(system, nothing, NO_FLOW)
  return [...system.ledger.accounts.keys()].map((id) => healthOf(id, nothing, spans, system.now).balance)
}

function deepestOf({ ledger }: System, spans: Spans): Ratio {
  return [...ledger.prices].reduce((deepest, [feed, { price }]) => {
    const low = spans.get(feed)?.low ?? price
    return price === 0n ? deepest : max(deepest, ((price - low) * WAD) / price)
  }, 0n)
}

const NO_FLOW: Flow = { sold: new Map(), bought: new Map(), soldThere: new Map() }

function dependsOnMoved(id: Hex, { ledger }: Damage, before: Spans, after: Spans): boolean {
  return feedsOf(accountIn(ledger, id), ledger).some((feed) => {
    const [was, is] = [before.get(feed), after.get(feed)]
    return was?.low !== is?.low || was?.high !== is?.high
  })
}

/** Bad debt, then what is dragged down, then the margin that goes. */
function byCost(a: Outcome, b: Outcome): number {
  if (a.badDebt !== b.badDebt) return a.badDebt > b.badDebt ? -1 : 1
  if (a.below.length !== b.below.length) return b.below.length - a.below.length
  return a.marginGone > b.marginGone ? -1 : a.marginGone < b.marginGone ? 1 : 0
}

/** Accounts that have anything to close, the largest first. */
function largestOf(system: System): Node[] {
  const nothing = damageOf(system, [])
  const sizes = [...system.ledger.accounts.keys()].map((id) => {
    const { sold, bought } = flowOf(system, nothing, [id])
    return { id, size: [...sold.values(), ...bought.values()].reduce((total, one) => total + one, 0n) }
  })
  return sizes
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.size > b.size ? -1 : a.size < b.size ? 1 : 0))
    .map(({ id }) => ({ kind: 'account', id }))
}
