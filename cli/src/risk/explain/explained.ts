/** What there is to tell of one listing's haircut: how it is measured now, and what the clearing and its policy make of it. */
import { type Bound, floorOf } from '@omnimargin/core/bounds'
import { ageOf, haircutsOf, type Ledger } from '@omnimargin/core/ledger'
import type { ListingTerms, Parameters, VaultTerms } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import type { Deployment } from '@omnimargin/service/deployment'
import type { SeenBlock } from '@omnimargin/service/reconcile/sides'
import type { Known } from '@omnimargin/service/steward/known'
import { type Measured, measurerOf, type Timed, type Unmeasured } from '@omnimargin/service/steward/measure'
import { boundOf, HAIRCUTS, movesOf, type PolicyTerms, unmeasuredTarget } from '@omnimargin/service/steward/step'
import { tokenOf } from '../../names.ts'

/** One haircut on chain: what is in force, within what it may move, and what the age of the round trip makes of it. */
export type OnChain = {
  readonly posted: bigint
  readonly widened: bigint
  /** With what a post would set now that takes whole steps; nothing where the policy lets no steward move it. */
  readonly bound: (Bound & { readonly floor: bigint; readonly next: bigint }) | undefined
}

/** A listing that is not measured, and since when (seconds): where the chain does not say, since the parameters were set. */
export type NotMeasured = {
  readonly name: string
  readonly why: Unmeasured['why']
  readonly since: bigint
  readonly isKnown: boolean
}

export type Explained = {
  readonly name: string
  readonly block: SeenBlock
  readonly measured: Measured | Unmeasured
  /** Of all listings those that are not measured, and whether there is no other. */
  readonly unmeasured: readonly NotMeasured[]
  readonly isAllUnmeasured: boolean
  readonly initial: OnChain
  readonly maintenance: OnChain
  readonly terms: ListingTerms
  readonly vault: VaultTerms
  /** Seconds: of the vault's round trip, and since the parameters were set, and since the steward posted. */
  readonly age: bigint
  readonly setAgo: bigint
  readonly life: number
  readonly lifeRamp: number
  readonly postedAgo: bigint | undefined
  readonly interval: bigint | undefined
  readonly breaker: 'normal' | 'tripped' | 'late'
  readonly version: number
}

export type Facts = {
  readonly deployment: Deployment
  readonly known: Known
  /** All of the clearing's, and what they made of it. */
  readonly events: readonly Timed[]
  readonly ledger: Ledger
  readonly policy: PolicyTerms | undefined
  readonly block: SeenBlock
  readonly listing: number
}

/** As a steward that begins now. Asserts that there are parameters, and the listing among them. */
export function explainedOf({ deployment, known, events, ledger, policy, block, listing }: Facts): Explained {
  const { parameters } = ledger
  const terms = parameters?.listings[listing]
  const vault = terms && parameters?.vaults[terms.vault]
  if (!parameters || !terms || !vault)
    throw new Error(`The parameters have no listing ${listing}, though it is listed.`)
  const now = block.time
  const nameOf = (i: number) => {
    const place = ledger.listings[i]
    return place ? tokenOf(deployment, place) : `listing ${i}`
  }
  const measurer = measurerOf(known)
  measurer.observe(events, Number(now))
  const all = parameters.listings.map((_, i) => measurer.measure(ledger, i, now, policy?.interval ?? 0n))
  const unmeasured = all.flatMap((one, i): NotMeasured[] => {
    if (!('why' in one)) return []
    const since = one.lastKnown ?? ledger.setAt
    return [{ name: nameOf(i), why: one.why, since, isKnown: one.lastKnown !== undefined }]
  })
  const measured = all[listing] ?? ({ why: 'not_in_configuration' } as const)
  const peer = vaultPeer(terms.vault)
  const age = ageOf(ledger, peer, now)
  const isLate = vault.isRemote && age >= BigInt(vault.tripAge)
  return {
    name: nameOf(listing),
    block,
    measured,
    unmeasured,
    isAllUnmeasured: unmeasured.length === all.length,
    ...onChainOf({ ledger, parameters, listing, policy, measured, now }),
    terms,
    vault,
    age,
    version: ledger.version,
    breaker: ledger.tripped.has(peer) ? 'tripped' : isLate ? 'late' : 'normal',
    setAgo: now - ledger.setAt,
    life: parameters.life,
    lifeRamp: parameters.lifeRamp,
    postedAgo: policy && policy.postedAt > 0n ? now - policy.postedAt : undefined,
    interval: policy?.interval,
  }
}

type Place = {
  readonly ledger: Ledger
  readonly parameters: Parameters
  readonly listing: number
  readonly policy: PolicyTerms | undefined
  readonly measured: Measured | Unmeasured
  readonly now: bigint
}

/** What the next post would set is what the steward's own function says, where it has not shortened its steps. */
function onChainOf({ ledger, parameters, listing, policy, measured, now }: Place) {
  const terms = parameters.listings[listing]
  if (!terms) throw new Error(`The parameters have no listing ${listing}, though it is listed.`)
  const bounds = policy?.bounds ?? []
  const [high, low] = HAIRCUTS.map((field) => boundOf(parameters, listing, field, bounds))
  const target =
    'why' in measured
      ? unmeasuredTarget(parameters, terms, high, { since: measured.lastKnown ?? ledger.setAt, now })
      : measured.haircut
  const move = movesOf(parameters, new Map([[listing, target]]), bounds, WAD)[listing]
  const widened = haircutsOf(ledger, parameters, listing, now)
  const tell = (field: (typeof HAIRCUTS)[number], bound: Bound | undefined, next: bigint): OnChain => {
    const limits = bound && { ...bound, floor: floorOf(bound), next }
    return { posted: terms[field], widened: widened[field], bound: limits }
  }
  return {
    initial: tell('initialHaircut', high, move?.initial.to ?? terms.initialHaircut),
    maintenance: tell('maintenanceHaircut', low, move?.maintenance.to ?? terms.maintenanceHaircut),
  }
}
