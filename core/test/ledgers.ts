/** A small clearing for tests: two chains with USDC and a venue each, one with WETH, and accounts on it. */
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Account, EMPTY_LEDGER, FLAT, type Ledger, type Line, type Position } from '@omnimargin/core/ledger'
import type { ListingTerms, Parameters } from '@omnimargin/core/parameters'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { size, wad } from './portfolios.ts'

export const NOW = 1_700_000_000n
export const [HOME, FAST] = [1n, 2n]
/** Listings and markets, by their numbers at the clearing. */
export const [WETH_FAST, USDC_FAST, USDC_HOME] = [0, 1, 2]
export const [ETH_HOME, ETH_FAST] = [0, 1]
const percent = (n: number) => (WAD * BigInt(n)) / 100n

const address = (digit: string): Hex => `0x${digit.repeat(40)}`
export const OWNER = address('a')
export const ID = accountOf(OWNER)
/** The account that tests owe cash with. */
export const DEBTOR = accountOf(address('d'))

type Figures = Pick<ListingTerms, 'feed' | 'decimals' | 'initialHaircut' | 'maintenanceHaircut' | 'cap'>
/** With no cap but the first, and no limit on what comes in. */
function listing(figures: Figures, vault = 0): ListingTerms {
  const most = 2n ** 112n - 1n
  const caps = { accountCap: most, assetCap: most, burst: most, refillTime: 1, capPrice: 0n }
  return { ...figures, ...caps, vault, secondFeed: 0, hasSecondFeed: false }
}

export const PARAMETERS: Parameters = {
  cashHaircut: percent(2),
  liquidationDiscount: percent(1),
  healthTarget: percent(125),
  maxPriceAge: 60,
  maxRecordAge: 600,
  venueLossShare: percent(25),
  maxMoveAge: 3_600,
  settleAfter: 86_400,
  settleShare: percent(10),
  saleDiscount: percent(1),
  closeGrace: 86_400,
  life: 2 ** 32 - 1,
  lifeRamp: 86_400,
  restoreAfter: 600,
  outageAfter: 1_800,
  outageGrace: 3_600,
  maxDispersion: percent(1),
  listings: [
    listing({ feed: 0, decimals: 18, initialHaircut: percent(20), maintenanceHaircut: percent(15), cap: wad(1_000) }),
    listing({ feed: 1, decimals: 6, initialHaircut: percent(3), maintenanceHaircut: percent(2), cap: 10n ** 12n }),
    listing({ feed: 1, decimals: 6, initialHaircut: percent(2), maintenanceHaircut: percent(1), cap: 10n ** 12n }, 1),
  ],
  underlyings: [
    {
      feed: 0,
      initialRate: percent(10),
      maintenanceRate: percent(5),
      basisRate: WAD / 200n,
      depth: wad(2_000_000),
      concentrationRate: percent(5),
    },
  ],
  markets: [0, 1].map((venue) => ({
    underlying: 0,
    band: percent(3),
    minSize: WAD / 100n,
    openInterestCap: wad(1_500),
    venue,
    instrument: 0,
    maxFunding: WAD,
  })),
  venues: [false, true].map((isRemote) => ({
    legShare: percent(5),
    calmAge: 60,
    warnAge: 300,
    deadAge: 3_600,
    isRemote,
    tripAge: 3_600,
  })),
  vaults: [true, false].map((isRemote) => ({
    cap: 10n ** 12n,
    calmAge: 60,
    warnAge: 3_600,
    zeroAge: 86_400,
    isRemote,
    tripAge: 3_600,
  })),
  credits: [],
}

export const CLEARING: Ledger = {
  ...EMPTY_LEDGER,
  version: 1,
  parameters: PARAMETERS,
  feeds: [address('1'), address('2')],
  listings: [
    { chainId: FAST, vault: address('4'), asset: address('5') },
    { chainId: FAST, vault: address('4'), asset: address('6') },
    { chainId: HOME, vault: address('7'), asset: address('8') },
  ],
  markets: [
    { chainId: HOME, venue: address('9'), item: '0x00' },
    { chainId: FAST, venue: address('b'), item: '0x00' },
  ],
  setAt: NOW,
  heard: new Map([
    [venuePeer(1), NOW - 10n],
    [vaultPeer(0), NOW - 10n],
  ]),
  prices: new Map([
    [0, { price: wad(2_000), publishTime: NOW - 5n }],
    [1, { price: WAD, publishTime: NOW - 5n }],
  ]),
}

export function account(parts: Partial<Account> = {}): Account {
  return { cash: 0n, debtSince: 0n, isPutUp: false, lines: [], positions: new Map(), ...parts }
}

export function line(listing: number, units: bigint, counted = units, holder: Hex = OWNER): Line {
  return { listing, holder, units, counted }
}

export function held(market: number, parts: Partial<Position>): Account['positions'] {
  return new Map([[market, { ...FLAT, ...parts }]])
}

export function clearingWith(...accounts: [Hex, Account][]): Ledger {
  return { ...CLEARING, accounts: new Map(accounts) }
}

const dollars = (most: number) => fc.bigInt({ min: 0n, max: BigInt(most) * 10n ** 6n })
const lineOf = (listing: number, units: fc.Arbitrary<bigint>): fc.Arbitrary<Line> =>
  fc.tuple(units, fc.bigInt({ min: 0n, max: 100n })).map(([all, share]) => line(listing, all, (all * share) / 100n))
const position: fc.Arbitrary<Position> = fc.record({
  size: size.map((one) => one / 20n),
  quote: fc.bigInt({ min: -wad(50_000), max: wad(50_000) }),
  buyOut: fc.constantFrom(0n, wad(3)),
  sellOut: fc.constantFrom(0n, wad(3)),
  asOf: fc.constantFrom(NOW, NOW - 600n),
  fundedTo: fc.constantFrom(0n, WAD, -WAD),
})

/** An account with cash either way, some lines and some positions. */
export const trader: fc.Arbitrary<Account> = fc
  .record({
    cash: fc.bigInt({ min: -wad(5_000), max: wad(40_000) }),
    lines: fc
      .subarray([0, 1, 2])
      .chain((listings) =>
        fc.tuple(...listings.map((l) => lineOf(l, l === 0 ? fc.bigInt({ min: 0n, max: wad(10) }) : dollars(40_000)))),
      ),
    positions: fc
      .subarray([0, 1])
      .chain((markets) => fc.tuple(...markets.map((m) => fc.tuple(fc.constant(m), position)))),
  })
  .map(({ cash, lines, positions }) =>
    account({ cash, debtSince: cash < 0n ? NOW - 100n : 0n, lines, positions: new Map(positions) }),
  )

/** One that owes cash, and may be put up. */
export const debtor: fc.Arbitrary<Account> = fc
  .record({
    owed: fc.bigInt({ min: 1n, max: wad(20_000) }),
    units: dollars(30_000),
    age: fc.bigInt({ min: 0n, max: 100_000n }),
    isPutUp: fc.boolean(),
  })
  .map(({ owed, units, age, isPutUp }) =>
    account({
      cash: -owed,
      debtSince: NOW - age,
      isPutUp,
      lines: [line(USDC_FAST, units), line(USDC_HOME, units / 2n)],
    }),
  )
