/** The clearing's accounts, rebuilt from its events alone (CLR-08). Twin of contracts/src/clearing/Ledger.sol. */
import type { Hex } from './bytes.ts'
import { positionValue } from './instrument.ts'
import { type Ages, type Lateness, lateAt, latenessAt, widen } from './lateness.ts'
import {
  computeMargin,
  type Margin,
  type Portfolio,
  type Position as PositionInput,
  type Venue as VenueInput,
} from './margin.ts'
import { type Parameters, unpackParameters, type VenueTerms, vaultAges, venueAges } from './parameters.ts'
import { type Peer, vaultPeer, venuePeer } from './peer.ts'
import { peerKey } from './record.ts'
import { abs, min, mulDown, type Price, type Ratio, type Size, type Units, type Usd, WAD } from './wad.ts'

export type Listing = { readonly chainId: bigint; readonly vault: Hex; readonly asset: Hex }
export type Market = { readonly chainId: bigint; readonly venue: Hex; readonly item: Hex }
export type Line = { readonly listing: number; readonly holder: Hex; readonly units: Units; readonly counted: Units }
export type Position = {
  readonly size: Size
  readonly quote: Usd
  readonly buyOut: Size
  readonly sellOut: Size
  /** Up to when (seconds) it is known what was filled of these limits. */
  readonly asOf: bigint
  /** The market's funding index up to which it has paid and received. */
  readonly fundedTo: Usd
}
export type Account = {
  readonly cash: Usd
  /** Since when (seconds) the cash has been below zero; 0 while it is not. */
  readonly debtSince: bigint
  /** Whether its lines may be bought for what it owes. */
  readonly isPutUp: boolean
  readonly lines: readonly Line[]
  /** By market index; a market that the account has nothing in may be absent or all zero. */
  readonly positions: ReadonlyMap<number, Position>
}

export type Ledger = {
  readonly version: number
  readonly parameters: Parameters | undefined
  readonly feeds: readonly Hex[]
  readonly listings: readonly Listing[]
  readonly markets: readonly Market[]
  /** When the parameters were set (seconds). */
  readonly setAt: bigint
  /** The newest time (seconds) of this clearing that a peer is known to have heard. */
  readonly heard: ReadonlyMap<Peer, bigint>
  /** Those that give no new risk until they have stayed healthy again. */
  readonly tripped: ReadonlySet<Peer>
  /** Those that contradicted themselves or were closed: nothing is traded there any more. */
  readonly over: ReadonlySet<Peer>
  /** By `peerKey`: until when (seconds) a guardian holds the peer. */
  readonly frozen: ReadonlyMap<Hex, bigint>
  /** By listing: what of its burst was used up (units) at a time (seconds). */
  readonly inflow: ReadonlyMap<number, { readonly used: Units; readonly at: bigint }>
  /** When the last outage of the clearing's chain ended (seconds); 0 if there was none. */
  readonly resumedAt: bigint
  /** By the clearing's number of a venue that is closed: until when its last records are still learned (seconds). */
  readonly closed: ReadonlyMap<number, bigint>
  /** The markets of closed venues whose one last price is fixed, with that price. */
  readonly priced: ReadonlyMap<number, Price>
  /** By market: what a base unit long has paid in funding since the market was added, less what it received. */
  readonly funding: ReadonlyMap<number, Usd>
  readonly prices: ReadonlyMap<number, { readonly price: Price; readonly publishTime: bigint }>
  readonly accounts: ReadonlyMap<Hex, Account>
}

export const EMPTY_LEDGER: Ledger = {
  version: 0,
  setAt: 0n,
  parameters: undefined,
  feeds: [],
  listings: [],
  markets: [],
  heard: new Map(),
  tripped: new Set(),
  over: new Set(),
  frozen: new Map(),
  inflow: new Map(),
  resumedAt: 0n,
  closed: new Map(),
  priced: new Map(),
  funding: new Map(),
  prices: new Map(),
  accounts: new Map(),
}

/** The clearing's events that carry state, as a client decodes them. */
export type LedgerEvent =
  | { eventName: 'FeedAdded'; args: { feed: bigint; feedId: Hex } }
  | { eventName: 'AssetListed'; args: { listing: bigint; chainId: bigint; vault: Hex; asset: Hex } }
  | { eventName: 'MarketAdded'; args: { market: bigint; chainId: bigint; venue: Hex; item: Hex } }
  | { eventName: 'VenueHeard'; args: { venue: bigint; timestamp: bigint } }
  | { eventName: 'VaultHeard'; args: { vault: bigint; timestamp: bigint } }
  | { eventName: 'BreakerTripped'; args: { isVault: boolean; number: bigint; cause: number } }
  | { eventName: 'BreakerReset'; args: { isVault: boolean; number: bigint } }
  | { eventName: 'Frozen'; args: { chainId: bigint; peer: Hex; until: bigint } }
  | { eventName: 'InflowChanged'; args: { listing: bigint; used: bigint; at: bigint } }
  | { eventName: 'Resumed'; args: { resumedAt: bigint } }
  | { eventName: 'VenueClosed'; args: { venue: bigint; closedAt: bigint } }
  | { eventName: 'ClosePriceFixed'; args: { market: bigint; price: bigint } }
  | { eventName: 'FundingIndexChanged'; args: { market: bigint; index: bigint } }
  | { eventName: 'ParametersSet'; args: { version: number; blob: Hex; setAt: bigint } }
  | { eventName: 'IndexPriceUpdated'; args: { feed: bigint; price: bigint; publishTime: bigint } }
  | { eventName: 'LineOpened'; args: { account: Hex; index: bigint; listing: bigint; holder: Hex } }
  | { eventName: 'LineChanged'; args: { account: Hex; index: bigint; units: bigint; counted: bigint } }
  | { eventName: 'PositionChanged'; args: { account: Hex; market: bigint; size: bigint; quote: bigint; cash: bigint } }
  | { eventName: 'OutstandingChanged'; args: { account: Hex; market: bigint; buy: bigint; sell: bigint; asOf: number } }
  | { eventName: 'CashChanged'; args: { account: Hex; cash: bigint } }
  | { eventName: 'FundingPaid'; args: { account: Hex; market: bigint; index: bigint } }
  | { eventName: 'DebtChanged'; args: { account: Hex; debtSince: number; isPutUp: boolean } }

/** The first cause of a tripped breaker that lasts for ever, of `Peers.Cause`; the other is that the peer was closed. */
const CONTRADICTION = 3

/** The most lines, and the most markets, of an account. */
export const MAX_LINES = 16
export const MAX_ACCOUNT_MARKETS = 16
/** The most units of a line. */
export const MAX_UNITS: Units = (1n << 112n) - 1n

export const FLAT: Position = { size: 0n, quote: 0n, buyOut: 0n, sellOut: 0n, asOf: 0n, fundedTo: 0n }
const NEW_ACCOUNT: Account = { cash: 0n, debtSince: 0n, isPutUp: false, lines: [], positions: new Map() }

/**
 * The ledger after more of the clearing's events, in their order; one that carries no state leaves it as it is. The accounts are copied
 * once, not event by event.
 */
export function applyEvents(ledger: Ledger, events: readonly LedgerEvent[]): Ledger {
  const accounts = new Map(ledger.accounts)
  let after: Ledger = { ...ledger, accounts }
  for (const event of events) {
    if (!isOfAccount(event)) {
      after = afterEvent(after, event)
      continue
    }
    const { account: id } = event.args
    accounts.set(id, accountAfter(accountIn(after, id), event, after.funding))
  }
  return after
}

function afterEvent(ledger: Ledger, event: LedgerEvent): Ledger {
  switch (event.eventName) {
    case 'FeedAdded':
      return { ...ledger, feeds: [...ledger.feeds, event.args.feedId] }
    case 'AssetListed': {
      const { chainId, vault, asset } = event.args
      return { ...ledger, listings: [...ledger.listings, { chainId, vault, asset }] }
    }
    case 'MarketAdded': {
      const { chainId, venue, item } = event.args
      return { ...ledger, markets: [...ledger.markets, { chainId, venue, item }] }
    }
    case 'VenueHeard':
      return heard(ledger, venuePeer(Number(event.args.venue)), event.args.timestamp)
    case 'VaultHeard':
      return heard(ledger, vaultPeer(Number(event.args.vault)), event.args.timestamp)
    case 'BreakerTripped':
      return {
        ...ledger,
        tripped: new Set(ledger.tripped).add(peerOf(event.args)),
        over: event.args.cause < CONTRADICTION ? ledger.over : new Set(ledger.over).add(peerOf(event.args)),
      }
    case 'BreakerReset': {
      const reset = peerOf(event.args)
      return { ...ledger, tripped: new Set([...ledger.tripped].filter((peer) => peer !== reset)) }
    }
    case 'Frozen': {
      const { chainId, peer, until } = event.args
      return { ...ledger, frozen: new Map(ledger.frozen).set(peerKey(chainId, peer), until) }
    }
    case 'InflowChanged': {
      const { listing, used, at } = event.args
      return { ...ledger, inflow: new Map(ledger.inflow).set(Number(listing), { used, at }) }
    }
    case 'VenueClosed': {
      const { venue, closedAt } = event.args
      const until = closedAt + BigInt(ledger.parameters?.closeGrace ?? 0)
      return { ...ledger, closed: new Map(ledger.closed).set(Number(venue), until) }
    }
    case 'Resumed':
      return { ...ledger, resumedAt: event.args.resumedAt }
    case 'ClosePriceFixed':
      return { ...ledger, priced: new Map(ledger.priced).set(Number(event.args.market), event.args.price) }
    case 'FundingIndexChanged': {
      const { market, index } = event.args
      return { ...ledger, funding: new Map(ledger.funding).set(Number(market), index) }
    }
    case 'ParametersSet': {
      const { version, blob, setAt } = event.args
      return { ...ledger, version, setAt, parameters: unpackParameters(blob) }
    }
    case 'IndexPriceUpdated': {
      const { feed, price, publishTime } = event.args
      return { ...ledger, prices: new Map(ledger.prices).set(Number(feed), { price, publishTime }) }
    }
    default:
      return ledger
  }
}

function heard(ledger: Ledger, peer: Peer, timestamp: bigint): Ledger {
  return { ...ledger, heard: new Map(ledger.heard).set(peer, timestamp) }
}

function peerOf({ isVault, number }: { isVault: boolean; number: bigint }): Peer {
  return isVault ? vaultPeer(Number(number)) : venuePeer(Number(number))
}

type AccountEvent = Extract<LedgerEvent, { args: { account: Hex } }>

const ACCOUNT_EVENTS: readonly string[] = [
  'LineOpened',
  'LineChanged',
  'PositionChanged',
  'OutstandingChanged',
  'CashChanged',
  'FundingPaid',
  'DebtChanged',
] satisfies AccountEvent['eventName'][]

function isOfAccount(event: LedgerEvent): event is AccountEvent {
  return ACCOUNT_EVENTS.includes(event.eventName)
}

/** One that nobody has heard of has nothing. */
export function accountIn(ledger: Ledger, id: Hex): Account {
  return ledger.accounts.get(id) ?? NEW_ACCOUNT
}

/** The ledger with that account as it is given. */
export function withAccount(ledger: Ledger, id: Hex, account: Account): Ledger {
  return { ...ledger, accounts: new Map(ledger.accounts).set(id, account) }
}

function accountAfter(account: Account, event: AccountEvent, funding: Ledger['funding']): Account {
  switch (event.eventName) {
    case 'LineOpened': {
      const { listing, holder } = event.args
      return { ...account, lines: [...account.lines, { listing: Number(listing), holder, units: 0n, counted: 0n }] }
    }
    case 'LineChanged': {
      const { index, units, counted } = event.args
      return {
        ...account,
        lines: account.lines.map((line, i) => (i === Number(index) ? { ...line, units, counted } : line)),
      }
    }
    case 'PositionChanged': {
      const { market, size, quote, cash } = event.args
      const before = account.positions.get(Number(market)) ?? FLAT
      // No size changes before its funding is settled.
      const fundedTo = size === before.size ? before.fundedTo : (funding.get(Number(market)) ?? 0n)
      return { ...account, cash, positions: withPosition(account, market, { size, quote, fundedTo }) }
    }
    case 'OutstandingChanged': {
      const { market, buy, sell, asOf } = event.args
      return {
        ...account,
        positions: withPosition(account, market, { buyOut: buy, sellOut: sell, asOf: BigInt(asOf) }),
      }
    }
    // What was paid or received is in the cash that changes next.
    case 'FundingPaid':
      return { ...account, positions: withPosition(account, event.args.market, { fundedTo: event.args.index }) }
    case 'CashChanged':
      return { ...account, cash: event.args.cash }
    case 'DebtChanged': {
      const { debtSince, isPutUp } = event.args
      return { ...account, debtSince: BigInt(debtSince), isPutUp }
    }
  }
}

function withPosition(account: Account, market: bigint, change: Partial<Position>): ReadonlyMap<number, Position> {
  const index = Number(market)
  return new Map(account.positions).set(index, { ...(account.positions.get(index) ?? FLAT), ...change })
}

/**
 * The account brought up to date: its funding settled up to the newest known index, what it owes rounded up, what it gets down; and
 * positions in closed markets that have their price turned into cash.
 */
export function upToDate(ledger: Ledger, id: Hex): Account {
  const account = accountIn(ledger, id)
  const positions = new Map<number, Position>()
  let { cash } = account
  for (const [market, position] of account.positions) {
    const { size, quote, fundedTo } = position
    const index = ledger.funding.get(market) ?? 0n
    const growth = index - fundedTo
    cash += mulDown(growth > 0n ? -size : size, abs(growth))
    const price = ledger.priced.get(market)
    if (price === undefined) positions.set(market, { ...position, fundedTo: index })
    else cash += positionValue(size, price) + quote
  }
  return { ...account, cash, positions }
}

/** Why an account's margin cannot be told: nothing is known to value it by, or only something too old. */
export type PortfolioFault = 'no_parameters' | 'price_too_old'

type Fed<Entry> = Entry & { readonly feed: number; readonly price: Price }
/** A portfolio that says which prices it is valued at. */
export type Valued = Omit<Portfolio, 'lines' | 'underlyings'> & {
  readonly lines: readonly Fed<Portfolio['lines'][number] & Pick<Line, 'listing'>>[]
  readonly underlyings: readonly Fed<Portfolio['underlyings'][number]>[]
}

/**
 * All that the margin formula needs of an account at time `now` (seconds), or why it cannot be told. An account that
 * nobody has heard of has an empty portfolio.
 */
export function portfolioOf(ledger: Ledger, id: Hex, now: bigint): Valued | PortfolioFault {
  const { parameters } = ledger
  if (!parameters) return 'no_parameters'
  const account = accountIn(ledger, id)
  const isShed = ({ listing }: Line) => entryOf(parameters.listings, listing).maintenanceHaircut === WAD
  const held = account.lines.filter((line) => line.units > 0n && !isShed(line))
  const open = [...account.positions].filter(([, position]) => isOpen(position))
  const lines = held.map((line) => {
    const terms = entryOf(parameters.listings, line.listing)
    const haircuts = haircutsOf(ledger, parameters, line.listing, now)
    return { ...line, ...haircuts, unit: 10n ** BigInt(terms.decimals), feed: terms.feed }
  })
  const positions = open.map(([market, position]): PositionInput => {
    const { underlying, venue, band } = entryOf(parameters.markets, market)
    const initialBand = bandAt(band, now - position.asOf, entryOf(parameters.venues, venue))
    return { ...position, underlying, venue, band, initialBand }
  })
  const traded = positions.map(({ underlying }) => entryOf(parameters.underlyings, underlying))
  const oldest = now - BigInt(parameters.maxPriceAge)
  const used = [...lines, ...traded].map(({ feed }) => ledger.prices.get(feed))
  if (used.some((cached) => !cached || cached.publishTime < oldest)) return 'price_too_old'
  const priceOf = (feed: number): Price => ledger.prices.get(feed)?.price ?? 0n
  return {
    cash: account.cash,
    cashHaircut: parameters.cashHaircut,
    lines: lines.map((line) => ({ ...line, price: priceOf(line.feed) })),
    positions,
    underlyings: parameters.underlyings.map((terms) => ({ ...terms, price: priceOf(terms.feed) })),
    venues: parameters.venues.map((terms, venue) => venueInput(ledger, terms, venuePeer(venue), now)),
    credits: parameters.credits,
    venueLossShare: parameters.venueLossShare,
  }
}

/**
 * The account's margin at time `now` (seconds), as `Clearing.marginOf` tells it: without the funding that is not settled yet. Or why
 * it cannot be told.
 */
export function marginOf(ledger: Ledger, id: Hex, now: bigint): Margin | PortfolioFault {
  const portfolio = portfolioOf(ledger, id, now)
  return typeof portfolio === 'string' ? portfolio : computeMargin(portfolio)
}

/** Whether the position takes one of its account's markets. */
export function isOpen({ size, quote, buyOut, sellOut }: Position): boolean {
  return size !== 0n || quote !== 0n || buyOut + sellOut > 0n
}

export function marketsOf({ positions }: Account): number {
  return [...positions.values()].filter(isOpen).length
}

/** Without positions, limits and debt there is nothing that collateral must stay for. */
export function isMargined(account: Account): boolean {
  return marketsOf(account) > 0 || account.cash < 0n
}

/** The line once units have left it: those that are not counted go first. */
export function without(line: Line, units: Units): Line {
  const left = line.units - units
  return { ...line, units: left, counted: min(line.counted, left) }
}

/** What may have been filled at a remote venue since it was known may have lost more than the band: so it widens. */
function bandAt(band: Ratio, age: bigint, { isRemote, calmAge, tripAge }: VenueTerms): Ratio {
  return isRemote ? widen(band, lateAt(age, calmAge, tripAge)) : band
}

/** Until when (seconds) a guardian holds what is at the listing's vault; 0 if none ever did. */
export function frozenUntil({ frozen, listings }: Ledger, listing: number): bigint {
  const place = listings[listing]
  return (place && frozen.get(peerKey(place.chainId, place.vault))) ?? 0n
}

/** Whether it has a position at a closed venue whose grace is over and that has no price yet: it is not worth the index any more. */
export function hasUnpriced(ledger: Ledger, id: Hex, now: bigint): boolean {
  return [...upToDate(ledger, id).positions].some(([market, { size }]) => {
    const until = ledger.closed.get(ledger.parameters?.markets[market]?.venue ?? -1)
    return size !== 0n && until !== undefined && now > until
  })
}

/** Seconds since the newest time of the clearing that the peer is known to have heard. */
export function ageOf(ledger: Ledger, peer: Peer, now: bigint): bigint {
  return now - (ledger.heard.get(peer) ?? 0n)
}

/** Whether new risk may rest on a peer: its breaker is not tripped, and a remote one younger than its `tripAge`. */
export function isNormal(ledger: Ledger, peer: Peer, { isRemote, tripAge }: Ages, now: bigint): boolean {
  return !ledger.tripped.has(peer) && !(isRemote && ageOf(ledger, peer, now) >= BigInt(tripAge))
}

function latenessOf(ledger: Ledger, peer: Peer, ages: Ages, now: bigint): Lateness {
  return latenessAt(ages, ageOf(ledger, peer, now), ledger.tripped.has(peer))
}

/**
 * A listing's haircuts as they are now: widened by the age of its vault's round trip, and for new risk by parameters that
 * outlived their life.
 */
export function haircutsOf(ledger: Ledger, parameters: Parameters, listing: number, now: bigint) {
  const terms = entryOf(parameters.listings, listing)
  const late = latenessOf(ledger, vaultPeer(terms.vault), vaultAges(entryOf(parameters.vaults, terms.vault)), now)
  const stale = lateAt(now - ledger.setAt, parameters.life, parameters.life + parameters.lifeRamp)
  return {
    initialHaircut: widen(terms.initialHaircut, widen(late.initial, stale)),
    maintenanceHaircut: widen(terms.maintenanceHaircut, late.maintenance),
  }
}

function venueInput(ledger: Ledger, terms: VenueTerms, peer: Peer, now: bigint): VenueInput {
  const late = latenessOf(ledger, peer, venueAges(terms), now)
  return {
    initialLegShare: widen(terms.legShare, late.initial),
    maintenanceLegShare: widen(terms.legShare, late.maintenance),
  }
}

/** The accounts' own parts of one listing, summed: what is counted and what is owned. */
export function unitsOfListing(ledger: Ledger, listing: number): { units: Units; counted: Units } {
  const lines = [...ledger.accounts.values()].flatMap(({ lines }) => lines.filter((line) => line.listing === listing))
  const units = lines.reduce((total, line) => total + line.units, 0n)
  const counted = lines.reduce((total, line) => total + min(line.units, line.counted), 0n)
  return { units, counted }
}

/** What counts of a listing on all lines of an account, whoever their holders are. */
export function countedOf({ lines }: Account, listing: number): Units {
  return lines.reduce((total, line) => (line.listing === listing ? total + min(line.units, line.counted) : total), 0n)
}

function entryOf<Entry>(entries: readonly Entry[], index: number): Entry {
  const entry = entries[index]
  if (entry === undefined) throw new Error(`The parameters have no entry ${index}, though an account uses it.`)
  return entry
}
