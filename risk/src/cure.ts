/** What keeps an account from liquidation: the least deposit, asset by asset, or the least part of a position to close. spec/warnings.md */
import type { Hex } from '@omnimargin/core/bytes'
import { admit } from '@omnimargin/core/counting'
import { accountIn, countedOf, type Ledger, marginOf, upToDate, withAccount } from '@omnimargin/core/ledger'
import { feedOfMarket } from '@omnimargin/core/parameters'
import { abs, divUp, min, mulUp, type Ratio, type Size, type Units, type Usd, WAD } from '@omnimargin/core/wad'
import { apply, type Change, type World } from '@omnimargin/core/whatif'
import { type Move, shocked } from './estimate/outlook.ts'

export type Deposit = { readonly listing: number; readonly units: Units; readonly usd: Usd }
/** `size` is what is traded: below zero to sell. */
export type Close = { readonly market: number; readonly size: Size; readonly share: Ratio; readonly usd: Usd }
/** Each sorted by its dollars; empty where nothing of the kind would do. */
export type Cures = { readonly deposits: readonly Deposit[]; readonly closes: readonly Close[] }

/** Found to a millionth of itself, from above: it cures, and so much less might not. */
const GRAINS = 20
const MOST_DOUBLINGS = 112
/** More than any line may hold. */
const MOST_UNITS: Units = 1n << 112n

/** Where a cure leads: to the maintenance margin balance being so much of what is required, and still above it after those moves. */
export type Aim = { readonly health: Ratio; readonly moves: readonly Move[] }

/** The account is not there yet. */
export function curesOf(ledger: Ledger, id: Hex, { health, moves }: Aim, world: World): Cures {
  const settled = withAccount(ledger, id, upToDate(ledger, id))
  const cures = (change: Change) => {
    const next = apply(settled, id, change, world)
    if (typeof next === 'string' || !isHealthy(next, id, health, world)) return false
    return isHealthy(shocked(next, moves), id, WAD, world)
  }
  return {
    deposits: depositsOf(settled, id, world.now, cures).sort(byDollars),
    closes: closesOf(settled, id, cures).sort(byDollars),
  }
}

/** At or above it, by the clearing's own margin. */
export function isHealthy(ledger: Ledger, id: Hex, health: Ratio, { now }: World): boolean {
  const margin = marginOf(ledger, id, now)
  return typeof margin !== 'string' && margin.maintenanceMarginBalance >= mulUp(margin.maintenanceMargin, health)
}

function depositsOf(ledger: Ledger, id: Hex, now: bigint, cures: (change: Change) => boolean): Deposit[] {
  const { parameters, prices } = ledger
  const account = accountIn(ledger, id)
  return [...(parameters?.listings.entries() ?? [])].flatMap(([listing, terms]) => {
    const price = prices.get(terms.feed)?.price
    // Nothing more counts where a vault is late or its breaker tripped, nor beyond a cap.
    const most = admit(ledger, listing, MOST_UNITS, countedOf(account, listing), now).admitted
    if (price === undefined || most === 0n) return []
    const units = least(most, (units) => cures({ kind: 'deposit', listing, units }))
    if (units === undefined) return []
    return [{ listing, units, usd: divUp(units * price, 10n ** BigInt(terms.decimals)) }]
  })
}

function closesOf(ledger: Ledger, id: Hex, cures: (change: Change) => boolean): Close[] {
  const { parameters, prices } = ledger
  return [...accountIn(ledger, id).positions].flatMap(([market, { size }]) => {
    const terms = parameters?.markets[market]
    const price = parameters && prices.get(feedOfMarket(parameters, market) ?? -1)?.price
    if (size === 0n || !terms || price === undefined) return []
    const signed = (part: Size) => (size > 0n ? -part : part)
    // Less than the market's least size cannot be traded, unless it is all there is.
    const part = least(
      abs(size),
      (some) => some >= terms.minSize && cures({ kind: 'trade', market, size: signed(some) }),
    )
    if (part === undefined) return []
    return [{ market, size: signed(part), share: divUp(part * WAD, abs(size)), usd: mulUp(part, price) }]
  })
}

/** The least amount up to `most` that does, if more always does too; nothing if none was found. */
function least(most: bigint, does: (amount: bigint) => boolean): bigint | undefined {
  let high = 1n
  for (let i = 0; !does(min(high, most)); i += 1) {
    if (high >= most || i >= MOST_DOUBLINGS) return undefined
    high *= 2n
  }
  high = min(high, most)
  let low = high / 2n
  for (let i = 0; i < GRAINS && high - low > 1n; i += 1) {
    const middle = (low + high) / 2n
    if (does(middle)) high = middle
    else low = middle
  }
  return high
}

function byDollars(one: { readonly usd: Usd }, other: { readonly usd: Usd }): number {
  return one.usd < other.usd ? -1 : one.usd > other.usd ? 1 : 0
}
