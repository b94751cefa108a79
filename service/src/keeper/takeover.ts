/**
 * Which of the keeper's accounts takes over whom. An account has so many lines and markets, and a line once opened is its for ever: one
 * that is full of what others held cannot take what it has no line for, but the next can.
 */
import { accountOf, ownerOf } from '@omnimargin/core/account'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import {
  type Account,
  accountIn,
  isOpen,
  type Ledger,
  type Listing,
  MAX_ACCOUNT_MARKETS,
  MAX_LINES,
} from '@omnimargin/core/ledger'

/** One of the keeper's accounts, with what it is about to take. */
type Room = { readonly id: Hex; lines: number; readonly listings: Set<number>; readonly markets: Set<number> }

export type Takeover = { readonly account: Hex; readonly liquidator: Hex }
export type NewLine = { readonly liquidator: Hex; readonly listing: Listing }

/** The account with number 0, and those of the same owner that the clearing has heard of, by their numbers. */
function ownAccounts(ledger: Ledger, owner: Hex): Hex[] {
  const all = [...ledger.accounts.keys()].filter((id) => isSame(ownerOf(id), owner))
  return [...new Set([accountOf(owner), ...all.sort()])]
}

/**
 * Each by the owner's first account that has room for all of it, and the lines that are opened for that, each once. What none has room for
 * the first is to try, so that the refusal is seen.
 */
export function takeovers(ledger: Ledger, owner: Hex, due: readonly Hex[]): { lines: NewLine[]; attempts: Takeover[] } {
  const rooms = ownAccounts(ledger, owner).map((id) => roomOf(id, accountIn(ledger, id)))
  const lines: NewLine[] = []
  const attempts = due.map((account): Takeover => {
    const held = heldOf(accountIn(ledger, account))
    const room = rooms.find((each) => fits(each, held))
    for (const listing of room ? take(room, held) : []) {
      const entry = ledger.listings[listing]
      if (room && entry) lines.push({ liquidator: room.id, listing: entry })
    }
    return { account, liquidator: room?.id ?? accountOf(owner) }
  })
  return { lines, attempts }
}

function roomOf(id: Hex, { lines, positions }: Account): Room {
  const markets = [...positions].flatMap(([market, position]) => (isOpen(position) ? [market] : []))
  return { id, lines: lines.length, listings: new Set(lines.map(({ listing }) => listing)), markets: new Set(markets) }
}

/** What moves to the liquidator: limits do not. */
function heldOf({ lines, positions }: Account) {
  return {
    listings: new Set(lines.flatMap(({ units, listing }) => (units > 0n ? [listing] : []))),
    markets: new Set(
      [...positions].flatMap(([market, { size, quote }]) => (size !== 0n || quote !== 0n ? [market] : [])),
    ),
  }
}

function fits(room: Room, { listings, markets }: ReturnType<typeof heldOf>): boolean {
  const lines = room.lines + missingOf(listings, room.listings).length
  const open = room.markets.size + missingOf(markets, room.markets).length
  return lines <= MAX_LINES && open <= MAX_ACCOUNT_MARKETS
}

/** The listings that it has had no line for. */
function take(room: Room, { listings, markets }: ReturnType<typeof heldOf>): number[] {
  const missing = missingOf(listings, room.listings)
  room.lines += missing.length
  for (const listing of missing) room.listings.add(listing)
  for (const market of markets) room.markets.add(market)
  return missing
}

function missingOf(wanted: ReadonlySet<number>, had: ReadonlySet<number>): number[] {
  return [...wanted].filter((one) => !had.has(one))
}
