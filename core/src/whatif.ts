/** What an account's margin would be after changes that nobody has made: spec/whatif.md. */
import { ownerOf } from './account.ts'
import type { Hex } from './bytes.ts'
import { setUnits } from './counting.ts'
import {
  accountIn,
  countedOf,
  FLAT,
  frozenUntil,
  hasUnpriced,
  isMargined,
  isNormal,
  isOpen,
  type Ledger,
  MAX_ACCOUNT_MARKETS,
  MAX_LINES,
  MAX_UNITS,
  marginOf,
  marketsOf,
  type PortfolioFault,
  type Position,
  portfolioOf,
  upToDate,
  withAccount,
  without,
} from './ledger.ts'
import { computeMargin, isLiquidatable, type Margin, meetsInitial } from './margin.ts'
import { feedOfMarket, type MarketTerms, type Parameters, venueAges } from './parameters.ts'
import { type Peer, vaultPeer, venuePeer } from './peer.ts'
import { book } from './position.ts'
import {
  abs,
  MAX_PRICE,
  max,
  min,
  mulDown,
  mulUp,
  type Price,
  type Ratio,
  type Size,
  type Units,
  type Usd,
  WAD,
} from './wad.ts'

/** Numbers are the clearing's; sizes and shock ratios are signed. A trade without a price is made at the index. */
export type Change =
  | { readonly kind: 'deposit'; readonly listing: number; readonly units: Units }
  | { readonly kind: 'withdraw'; readonly listing: number; readonly units: Units }
  | { readonly kind: 'trade'; readonly market: number; readonly size: Size; readonly price?: Price | undefined }
  | { readonly kind: 'shock'; readonly feed: number; readonly ratio: Ratio }
  | { readonly kind: 'lose'; readonly chainId: bigint }

/** Why a change cannot even be imagined, in the order in which it is looked for. */
export const REJECTIONS = [
  /** The clearing has no parameters, or none for this listing or market. */
  'no_parameters',
  'no_such_listing',
  'no_such_market',
  'no_such_feed',
  /** The clearing itself is on that chain: without it there is no margin account. */
  'clearing_lost',
  /** The venue is closed, or contradicted itself: nothing is traded there any more. */
  'venue_closed',
  /** A size, an amount or a price of nothing. */
  'nothing_asked',
  'amount_too_large',
  /** The clearing knows no price for what is traded or shocked. */
  'no_price',
  /** The shock leaves no price above zero. */
  'price_gone',
  'below_min_size',
  /** Farther from the index than the clearing believes of a fill. */
  'outside_band',
  'too_many_lines',
  'too_many_markets',
  /** More than the account's lines of the listing have. */
  'not_enough_units',
  /** A side of the market would be beyond its cap, and this adds to it. */
  'open_interest_full',
] as const
export type Rejection = (typeof REJECTIONS)[number]

export type World = {
  /** Seconds; ages are judged by it. */
  readonly now: bigint
  /** The clearing's own. */
  readonly homeChain: bigint
}

/**
 * What a change of the account's owner needs at the moment it is made: initial margin, or maintenance margin alone; or what is not
 * so, a venue that gives new risk, a vault that no guardian holds, a price for its positions at a closed venue. A price or a lost
 * chain asks nobody.
 */
export type Need = 'nothing' | 'maintenance' | 'initial' | 'new_risk' | 'thaw' | 'close_price'

/** A change and whether the clearing would let it be made, at that point. */
export type Step = {
  readonly change: Change
  readonly need: Need
  /** The margin that is judged: of a trade, with the limit that it is made under still open. */
  readonly judged: Margin
  readonly isAllowed: boolean
}

export type Answer = {
  readonly before: Margin
  readonly after: Margin
  readonly steps: readonly Step[]
  readonly mayBeMade: boolean
  readonly wouldBeLiquidatable: boolean
}

/** `change` counts from zero; nothing if it is the account as it is that cannot be told. */
export type Refusal = { readonly change?: number; readonly code: Rejection | PortfolioFault }

const MAX_SIZE: Size = (1n << 112n) - 1n

/** The changes one after the other, in their order; the first that cannot be imagined is named. */
export function whatIf(ledger: Ledger, id: Hex, changes: readonly Change[], world: World): Answer | Refusal {
  const before = marginOf(ledger, id, world.now)
  if (typeof before === 'string') return { code: before }
  const steps: Step[] = []
  let [now, after] = [ledger, before]
  for (const [i, change] of changes.entries()) {
    const next = apply(now, id, change, world)
    if (typeof next === 'string') return { change: i, code: next }
    const margin = marginOf(next, id, world.now)
    if (typeof margin === 'string') return { change: i, code: margin }
    const step = judge(now, next, id, change, world)
    if (typeof step === 'string') return { change: i, code: step }
    steps.push(step)
    now = next
    after = margin
  }
  const mayBeMade = steps.every(({ isAllowed }) => isAllowed)
  return { before, after, steps, mayBeMade, wouldBeLiquidatable: isLiquidatable(after) }
}

/** The ledger once the change has been made to that account, or the first reason why it cannot be. */
export function apply(ledger: Ledger, id: Hex, change: Change, world: World): Ledger | Rejection {
  const { parameters } = ledger
  if (!parameters) return 'no_parameters'
  switch (change.kind) {
    case 'deposit':
      return deposit(ledger, id, change, world)
    case 'withdraw':
      return withdraw(ledger, id, change)
    case 'trade':
      return trade(ledger, id, change, parameters)
    case 'shock':
      return shock(ledger, change)
    case 'lose':
      return change.chainId === world.homeChain ? 'clearing_lost' : lose(ledger, change.chainId, parameters)
  }
}

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>

function deposit(ledger: Ledger, id: Hex, { listing, units }: Of<'deposit'>, { now }: World) {
  if (!ledger.listings[listing]) return 'no_such_listing'
  if (!ledger.parameters?.listings[listing]) return 'no_parameters'
  if (units <= 0n) return 'nothing_asked'
  const account = accountIn(ledger, id)
  const index = account.lines.findIndex((line) => line.listing === listing)
  const line = account.lines[index] ?? { listing, holder: ownerOf(id), units: 0n, counted: 0n }
  if (line.units + units > MAX_UNITS) return 'amount_too_large'
  if (index < 0 && account.lines.length >= MAX_LINES) return 'too_many_lines'
  const after = setUnits(ledger, line, line.units + units, countedOf(account, listing), now)
  const lines =
    index < 0 ? [...account.lines, after.line] : account.lines.map((each, i) => (i === index ? after.line : each))
  return withAccount(after.ledger, id, { ...account, lines })
}

/** From the account's lines of the listing, whoever their holders are, the first one first. */
function withdraw(ledger: Ledger, id: Hex, { listing, units }: Of<'withdraw'>) {
  if (!ledger.listings[listing]) return 'no_such_listing'
  if (units <= 0n) return 'nothing_asked'
  const account = upToDate(ledger, id)
  let missing = units
  const lines = account.lines.map((line) => {
    const taken = line.listing === listing ? min(line.units, missing) : 0n
    missing -= taken
    return without(line, taken)
  })
  return missing > 0n ? 'not_enough_units' : withAccount(ledger, id, { ...account, lines })
}

function trade(ledger: Ledger, id: Hex, change: Of<'trade'>, parameters: Parameters): Ledger | Rejection {
  const { market, size } = change
  const terms = parameters.markets[market]
  if (!ledger.markets[market]) return 'no_such_market'
  if (!terms) return 'no_parameters'
  if (ledger.over.has(venuePeer(terms.venue))) return 'venue_closed'
  if (size === 0n || change.price === 0n) return 'nothing_asked'
  if (abs(size) > MAX_SIZE || (change.price ?? 0n) > MAX_PRICE) return 'amount_too_large'
  const index = ledger.prices.get(feedOfMarket(parameters, market) ?? -1)?.price
  if (index === undefined) return 'no_price'
  if (abs(size) < terms.minSize) return 'below_min_size'
  const price = change.price ?? index
  if (price < mulDown(index, WAD - terms.band) || price > mulUp(index, WAD + terms.band)) return 'outside_band'
  const account = upToDate(ledger, id)
  const before = account.positions.get(market) ?? { ...FLAT, fundedTo: ledger.funding.get(market) ?? 0n }
  if (!isOpen(before) && marketsOf(account) >= MAX_ACCOUNT_MARKETS) return 'too_many_markets'
  // What the buyer pays the seller receives, rounded up.
  const notional = mulUp(abs(size), price)
  const booked = book(before.size, before.quote, size, size > 0n ? -notional : notional)
  const after = { ...before, size: booked.size, quote: booked.quote }
  if (isBeyondCap(ledger, market, before, after, terms)) return 'open_interest_full'
  const positions = new Map(account.positions).set(market, after)
  return withAccount(ledger, id, { ...account, cash: account.cash + booked.realized, positions })
}

/** A side of the market that grows beyond its cap, were every outstanding limit filled. */
function isBeyondCap(ledger: Ledger, market: number, before: Position, after: Position, terms: MarketTerms): boolean {
  const side = (of: (position: Position) => bigint) => {
    const all = [...ledger.accounts.values()].map(({ positions }) => max(0n, of(positions.get(market) ?? FLAT)))
    const growth = max(0n, of(after)) - max(0n, of(before))
    return growth > 0n && all.reduce((total, one) => total + one, growth) > terms.openInterestCap
  }
  return side(({ size, buyOut }) => size + buyOut) || side(({ size, sellOut }) => sellOut - size)
}

function shock(ledger: Ledger, { feed, ratio }: Of<'shock'>): Ledger | Rejection {
  if (feed < 0 || feed >= ledger.feeds.length) return 'no_such_feed'
  if (ratio === 0n) return 'nothing_asked'
  const cached = ledger.prices.get(feed)
  if (!cached) return 'no_price'
  const price = mulDown(cached.price, WAD + ratio)
  if (price <= 0n) return 'price_gone'
  if (price > MAX_PRICE) return 'amount_too_large'
  return { ...ledger, prices: new Map(ledger.prices).set(feed, { ...cached, price }) }
}

/** Nothing is heard of the chain any more: legs there are charged in full, and what is locked there counts nothing. */
function lose(ledger: Ledger, chainId: bigint, parameters: Parameters): Ledger {
  const venues = ledger.markets.flatMap((market, i) => {
    const venue = parameters.markets[i]?.venue
    return market.chainId === chainId && venue !== undefined ? [venuePeer(venue)] : []
  })
  const vaults = ledger.listings.flatMap((listing, i) => {
    const vault = parameters.listings[i]?.vault
    return listing.chainId === chainId && vault !== undefined ? [vaultPeer(vault)] : []
  })
  const silent = [...venues, ...vaults].map((peer): [Peer, bigint] => [peer, 0n])
  return { ...ledger, heard: new Map([...ledger.heard, ...silent]) }
}

/** By the clearing's own rules: of a release the margin after it, of a trade that of the limit it needs. */
function judge(before: Ledger, after: Ledger, id: Hex, change: Change, world: World): Step | PortfolioFault {
  const isTrade = change.kind === 'trade'
  const state = isTrade ? withLimit(before, id, change, world) : after
  const judged = marginOf(state, id, world.now)
  if (typeof judged === 'string') return judged
  const need = isTrade ? needOfLimit(before, state, id, change.market, world) : needOf(after, id, change, world)
  const isAllowed =
    need === 'nothing' ||
    (need === 'initial' && meetsInitial(judged)) ||
    (need === 'maintenance' && !isLiquidatable(judged))
  return { change, need, judged, isAllowed }
}

function needOf(after: Ledger, id: Hex, change: Change, { now }: World): Need {
  if (change.kind !== 'withdraw') return 'nothing'
  if (now < frozenUntil(after, change.listing)) return 'thaw'
  if (!isMargined(accountIn(after, id))) return 'nothing'
  return hasUnpriced(after, id, now) ? 'close_price' : 'initial'
}

/** A limit that can only shrink the position, and bares nothing else, needs maintenance margin; any other a healthy venue too. */
function needOfLimit(before: Ledger, limited: Ledger, id: Hex, market: number, world: World): Need {
  if (hasUnpriced(limited, id, world.now)) return 'close_price'
  const { size, buyOut, sellOut } = accountIn(limited, id).positions.get(market) ?? FLAT
  const shrinks = size > 0n ? buyOut === 0n && sellOut <= size : sellOut === 0n && buyOut <= -size
  if (!shrinks) return givesNewRisk(before, market, world) ? 'initial' : 'new_risk'
  const unlimited = withAccount(before, id, upToDate(before, id))
  return unbanded(limited, id, world) <= unbanded(unlimited, id, world) ? 'maintenance' : 'initial'
}

function givesNewRisk(ledger: Ledger, market: number, { now }: World): boolean {
  const venue = ledger.parameters?.markets[market]?.venue
  const terms = venue === undefined ? undefined : ledger.parameters?.venues[venue]
  return venue !== undefined && terms !== undefined && isNormal(ledger, venuePeer(venue), venueAges(terms), now)
}

/** The initial margin without the band on what is outstanding: what is required if limits fill at the index, or not at all. */
function unbanded(ledger: Ledger, id: Hex, { now }: World): Usd {
  const portfolio = portfolioOf(ledger, id, now)
  if (typeof portfolio === 'string') throw new Error(`A margin that was just told cannot be told again: ${portfolio}.`)
  const positions = portfolio.positions.map((position) => ({ ...position, band: 0n, initialBand: 0n }))
  return computeMargin({ ...portfolio, positions }).initialMargin
}

/** With a limit of the trade's size raised, and nothing filled of it. */
function withLimit(ledger: Ledger, id: Hex, { market, size }: Of<'trade'>, { now }: World): Ledger {
  const account = upToDate(ledger, id)
  const position = account.positions.get(market) ?? FLAT
  const [buy, sell] = size > 0n ? [size, 0n] : [0n, -size]
  const asOf = position.buyOut + position.sellOut > 0n ? position.asOf : now
  const limited = { ...position, buyOut: position.buyOut + buy, sellOut: position.sellOut + sell, asOf }
  return withAccount(ledger, id, { ...account, positions: new Map(account.positions).set(market, limited) })
}
