/**
 * What a sentinel does about both sides of every route: what does not add up twice, one reading after another, freezes its
 * peer. It looks for what a forged record would show: more at the reader than its writer ever wrote.
 */
import type { Ledger } from '@omnimargin/core/ledger'
import { abs, min, WAD } from '@omnimargin/core/wad'
import type { Fills, Lines, MarketSides, PeerPlace, Sides, TokenSides } from '../reconcile/sides.ts'
import { addUp, firstBeyond, holds, NO_FILLS, total } from '../reconcile/sums.ts'

export type SentinelState = {
  /** What the last reading found, by peer: once may be two readings of a chain that moved on between. */
  readonly suspected: ReadonlyMap<string, Fault>
  /** Until when (seconds) a freeze that was asked for holds, by peer. */
  readonly frozenUntil: ReadonlyMap<string, bigint>
  /** How long a freeze holds, and how long after it the same peer cannot be frozen again, in seconds. */
  readonly freezeSeconds: bigint
}

export type Fault = { readonly peer: PeerPlace; readonly what: string }

export type SentinelEvent =
  /** Both sides of everything, and the clearing's time in seconds. */
  | { readonly type: 'read'; readonly sides: Sides; readonly now: bigint }
  | { readonly type: 'frozen'; readonly peer: PeerPlace; readonly now: bigint }

export type SentinelEffect =
  /** The asset's two feeds differ by more than its clearing allows; to be said again for as long as they do. */
  | { readonly type: 'trip'; readonly listing: number }
  | { readonly type: 'freeze'; readonly peer: PeerPlace; readonly what: string }
  /** Something does not add up that no freeze of a peer would stop: people have to look. */
  | { readonly type: 'alarm'; readonly what: string }

/** As in `Breakers`, seconds. */
const MAX_APART = 5n

/**
 * A fault freezes its peer at the second reading that shows it. What no freeze of a peer would stop is an alarm; a fault hides those
 * of its own peer alone.
 */
export function step(state: SentinelState, event: SentinelEvent): { state: SentinelState; effects: SentinelEffect[] } {
  if (event.type === 'frozen') {
    const until = event.now + state.freezeSeconds
    return { state: { ...state, frozenUntil: new Map(state.frozenUntil).set(nameOf(event.peer), until) }, effects: [] }
  }
  const faults = new Map(faultsOf(event.sides).map((fault) => [nameOf(fault.peer), fault]))
  const freezes = [...faults.values()].flatMap((fault): SentinelEffect[] => {
    const name = nameOf(fault.peer)
    const isDue = event.now >= (state.frozenUntil.get(name) ?? 0n)
    return state.suspected.has(name) && isDue ? [{ type: 'freeze', ...fault }] : []
  })
  const alarms = alarmsOf(event.sides, faults)
  const trips = dispersed(event.sides.ledger).map((listing): SentinelEffect => ({ type: 'trip', listing }))
  return { state: { ...state, suspected: faults }, effects: [...freezes, ...trips, ...alarms] }
}

/** Listings whose asset has two prices of one moment, as the clearing judges it, that are too far apart. */
function dispersed({ parameters, prices }: Ledger): number[] {
  if (!parameters) return []
  return [...parameters.listings.entries()].flatMap(([listing, { feed, hasSecondFeed, secondFeed }]) => {
    const [one, other] = [prices.get(feed), prices.get(secondFeed)]
    if (!hasSecondFeed || !one || !other || abs(one.publishTime - other.publishTime) > MAX_APART) return []
    const isFar = abs(one.price - other.price) * WAD > min(one.price, other.price) * parameters.maxDispersion
    return isFar ? [listing] : []
  })
}

/** Each peer's first fault: a line, an account or a balance that has more on one side than the other ever had. */
export function faultsOf({ tokens, markets }: Sides): Fault[] {
  const faults = [...tokens.flatMap(faultOfToken), ...markets.flatMap(faultOfMarket)]
  return [...new Map(faults.reverse().map((fault) => [nameOf(fault.peer), fault])).values()].reverse()
}

function faultOfToken({ name, vault: peer, ...sides }: TokenSides): Fault[] {
  const owed = total(sides.owed.values())
  const forged = beyond(sides.grantsLearned, sides.granted)
  const unpaid = beyond(sides.honored, sides.released)
  const whats = [
    forged && `${name}: ${forged} learned as granted that the vault never wrote`,
    unpaid && `${name}: ${unpaid} honored that the clearing never released`,
    sides.held < owed && `${name}: the vault holds ${sides.held} and owes ${owed}`,
  ]
  return whats.flatMap((what) => (what ? [{ peer, what }] : []))
}

function faultOfMarket({ name, venue: peer, written, learned }: MarketSides): Fault[] {
  const forged = [...learned].find(([account, known]) => {
    const wrote = written.get(account) ?? NO_FILLS
    return (Object.keys(NO_FILLS) as (keyof Fills)[]).some((field) => known[field] > wrote[field])
  })
  const sum = (field: keyof Fills) => total([...written.values()].map((fills) => fills[field]))
  const whats = [
    forged && `${name}: fills of account ${forged[0]} learned that the venue never wrote`,
    sum('bought') !== sum('sold') && `${name}: ${sum('bought')} bought and ${sum('sold')} sold`,
    sum('paid') !== sum('received') && `${name}: ${sum('paid')} paid and ${sum('received')} received`,
  ]
  return whats.flatMap((what) => (what ? [{ peer, what }] : []))
}

/** What the equations of `reconcile` say beside: the clearing against itself. What is of a faulty peer is said already. */
function alarmsOf(sides: Sides, faults: ReadonlyMap<string, Fault>): SentinelEffect[] {
  return addUp(sides)
    .filter((sum) => !holds(sum) && !(sum.peer && faults.has(nameOf(sum.peer))))
    .map(({ what, left, right, culprit }) => {
      const where = culprit === undefined ? '' : `. First of all: ${culprit}`
      return { type: 'alarm', what: `${what}: ${left} against ${right}${where}` }
    })
}

function beyond(known: Lines, all: Lines): string | undefined {
  const found = firstBeyond(known, all)
  return found && `${found.line}: ${found.known - found.all}`
}

function nameOf({ chainId, address }: PeerPlace): string {
  return `${chainId}:${address.toLowerCase()}`
}
