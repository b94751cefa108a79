/** What each failure would cost once everybody it drags down has been closed: spec/contagion.md. A what-if: nothing is changed. */
import type { Hex } from '@omnimargin/core/bytes'
import { max, type Ratio, type Usd, WAD } from '@omnimargin/core/wad'
import { type Damage, damageOf } from './contagion/damage.ts'
import { isBelow, leastBalance, shortfallOf } from './contagion/health.ts'
import { type Flow, proceedsOf, type Spans, spansOf, sumOf } from './contagion/impact.ts'
import { type Remains, type Survey, surveyOf } from './contagion/remains.ts'
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

/** `onProgress` is told the share that is done. */
export function contagionOf(system: System, onProgress: (share: number) => void = () => {}): Contagion {
  const trial = trialOf(system)
  const places = nodesOf(system)
  const accounts = largestOf(trial.calm.all)
  const lone = [...places, ...accounts.slice(0, ACCOUNT_NODES)].map((node) => [node])
  const paired = [...places, ...accounts.slice(0, PAIRED_ACCOUNTS)]
  const pairs = paired.flatMap((first, i) => paired.slice(i + 1).map((second) => [first, second]))
  let done = 0
  const outcomesOf = (all: readonly Node[][]) => {
    const outcomes = all.map((nodes) => {
      onProgress(done++ / (lone.length + pairs.length))
      return trial.lose(nodes)
    })
    return outcomes.sort(byCost)
  }
  return {
    calm: trial.lose([]),
    single: outcomesOf(lone),
    pairs: outcomesOf(pairs),
    margin: trial.calm.balances.reduce((total, balance) => total + max(0n, balance), 0n),
  }
}

/** The nodes are lost at once. */
export function loseAll(system: System, lost: readonly Node[]): Outcome {
  return trialOf(system).lose(lost)
}

/** What losses come to, before anybody sells: the same for all that lose the same places, whichever accounts fail besides. */
type Scene = {
  readonly damage: Damage
  readonly all: readonly Remains[]
  readonly spans: Spans
  readonly balances: readonly Usd[]
  readonly below: ReadonlySet<Remains>
}

function trialOf(system: System): { calm: Scene; lose: (lost: readonly Node[]) => Outcome } {
  const survey = surveyOf(system)
  const calm = sceneOf(system, [], survey)
  const scenes = new Map<string, Scene>()
  const lose = (lost: readonly Node[]) => {
    const places = lost.filter(({ kind }) => kind !== 'account')
    const key = places.map((place) => Object.values(place).join(' ')).join()
    const scene = scenes.get(key) ?? sceneOf(system, places, survey, calm)
    scenes.set(key, scene)
    return outcomeOf(system, lost, scene, calm)
  }
  return { calm, lose }
}

/** Whoever is left as before, at the prices before, is as in the calm. */
function sceneOf(system: System, places: readonly Node[], survey: Survey, calm?: Scene): Scene {
  const damage = damageOf(system, places)
  const all = survey(damage)
  const spans = spansOf(system, damage, NO_FLOW)
  const balances: Usd[] = []
  const below = new Set<Remains>()
  for (const [i, one] of all.entries()) {
    const isTouched = one !== calm?.all[i] || one.feeds.some((feed) => damage.left.has(feed))
    balances.push((isTouched ? undefined : calm?.balances[i]) ?? leastBalance(one, spans))
    if (isTouched ? isBelow(one, spans) : calm?.below.has(one)) below.add(one)
  }
  return { damage, all, spans, balances, below }
}

/**
 * Whoever is below maintenance is closed, which moves prices, which may bring others below. Nobody who is closed is
 * opened again and prices only widen their spans, so there are at most as many rounds as accounts.
 */
function outcomeOf(system: System, lost: readonly Node[], scene: Scene, calm: Scene): Outcome {
  const { damage, all, balances } = scene
  const failed = new Set(lost.flatMap((node) => (node.kind === 'account' ? [node.id] : [])))
  const closed = new Set(all.filter((one) => failed.has(one.id) || scene.below.has(one)))
  const waves = [[...closed].filter(({ id }) => !failed.has(id))]
  let flow = sumOf([...closed].map(({ orders }) => orders))
  let { spans } = scene
  for (let moved = true; moved; ) {
    const wider = spansOf(system, damage, flow)
    const movedFeeds = feedsApart(spans, wider)
    spans = wider
    const looked = all.filter((one) => !closed.has(one) && one.feeds.some((feed) => movedFeeds.has(feed)))
    const wave = looked.filter((one) => isBelow(one, wider))
    for (const one of wave) closed.add(one)
    flow = sumOf([flow, ...wave.map(({ orders }) => orders)])
    moved = wave.length > 0
    if (moved) waves.push(wave)
    if (waves.length > all.length + 1) throw new Error('Contagion went on for longer than there are accounts.')
  }
  const proceeds = proceedsOf(system, flow)
  const badDebt = [...closed].reduce((total, one) => total + shortfallOf(one, spans, proceeds), 0n)
  const gone = balances.map((balance, i) => max(0n, calm.balances[i] ?? 0n) - max(0n, balance))
  const [atOnce = [], ...dragged] = waves.map((wave) => wave.map(({ id }) => id))
  return {
    lost,
    marginGone: gone.reduce((total, one) => total + one, 0n),
    atOnce,
    below: [...atOnce, ...dragged.flat()],
    rounds: dragged.length,
    badDebt,
    uncovered: max(0n, badDebt - system.insurance),
    spans,
    deepestFall: deepestOf(system, spans),
  }
}

function deepestOf({ ledger }: System, spans: Spans): Ratio {
  return [...ledger.prices].reduce((deepest, [feed, { price }]) => {
    const low = spans.get(feed)?.low ?? price
    return price === 0n ? deepest : max(deepest, ((price - low) * WAD) / price)
  }, 0n)
}

const NO_FLOW: Flow = { sold: new Map(), bought: new Map(), soldThere: new Map() }

function feedsApart(some: Spans, others: Spans): Set<number> {
  const apart = [...others].filter(([feed, { low, high }]) => {
    const other = some.get(feed)
    return low !== other?.low || high !== other?.high
  })
  return new Set(apart.map(([feed]) => feed))
}

/** Bad debt, then what is dragged down, then the margin that goes. */
function byCost(a: Outcome, b: Outcome): number {
  if (a.badDebt !== b.badDebt) return a.badDebt > b.badDebt ? -1 : 1
  if (a.below.length !== b.below.length) return b.below.length - a.below.length
  return a.marginGone > b.marginGone ? -1 : a.marginGone < b.marginGone ? 1 : 0
}

/** Accounts that have anything to close, the largest first. */
function largestOf(all: readonly Remains[]): Node[] {
  const sizes = all.map(({ id, orders: { sold, bought } }) => {
    return { id, size: [...sold.values(), ...bought.values()].reduce((total, one) => total + one, 0n) }
  })
  return sizes
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.size > b.size ? -1 : a.size < b.size ? 1 : 0))
    .map(({ id }) => ({ kind: 'account', id }))
}
