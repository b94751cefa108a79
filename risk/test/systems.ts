/** A small clearing for tests of contagion: three chains, two prices, three listings, two venues, and accounts on it. */
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Account, EMPTY_LEDGER, FLAT, type Ledger } from '@omnimargin/core/ledger'
import type { Parameters } from '@omnimargin/core/parameters'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import type { Node, System } from '@omnimargin/risk/contagion/system'
import fc from 'fast-check'

export const NOW = 1_700_000_000n
export const [HOME, FAST, SLOW] = [1n, 2n, 3n]
/** Listings, markets and feeds, by their numbers at the clearing. */
export const [WETH_SLOW, USDC_FAST, USDC_HOME] = [0, 1, 2]
export const [ETH_HOME, ETH_FAST] = [0, 1]
export const [ETH, USDC] = [0, 1]

export const wad = (n: number) => BigInt(n) * WAD
export const dollars = (n: number) => BigInt(n) * 10n ** 6n
const percent = (n: number) => (WAD * BigInt(n)) / 100n
const address = (digit: string): Hex => `0x${digit.repeat(40)}`

/** None that anything here would reach. */
function capsOf(vault: number) {
  const most = 2n ** 112n - 1n
  const caps = { cap: most, accountCap: most, assetCap: most, burst: most, refillTime: 1, capPrice: 0n }
  return { ...caps, vault, secondFeed: 0, hasSecondFeed: false }
}

const PARAMETERS: Parameters = {
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
  life: 86_400,
  lifeRamp: 86_400,
  restoreAfter: 600,
  outageAfter: 1_800,
  outageGrace: 3_600,
  maxDispersion: percent(1),
  listings: [
    { feed: ETH, decimals: 18, initialHaircut: percent(20), maintenanceHaircut: percent(15), ...capsOf(0) },
    { feed: USDC, decimals: 6, initialHaircut: percent(3), maintenanceHaircut: percent(2), ...capsOf(1) },
    { feed: USDC, decimals: 6, initialHaircut: percent(2), maintenanceHaircut: percent(1), ...capsOf(2) },
  ],
  underlyings: [
    {
      feed: ETH,
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
    openInterestCap: wad(100_000),
    venue,
    instrument: 0,
    maxFunding: WAD,
  })),
  venues: [false, true].map((isRemote) => ({
    legShare: isRemote ? percent(5) : 0n,
    calmAge: 60,
    warnAge: 300,
    deadAge: 3_600,
    isRemote,
    tripAge: 3_600,
  })),
  vaults: [true, true, false].map((isRemote) => ({
    cap: 10n ** 12n,
    calmAge: 60,
    warnAge: 3_600,
    zeroAge: 86_400,
    isRemote,
    tripAge: 3_600,
  })),
  credits: [],
}

const LEDGER: Ledger = {
  ...EMPTY_LEDGER,
  version: 1,
  parameters: PARAMETERS,
  feeds: [address('1'), address('2')],
  listings: [
    { chainId: SLOW, vault: address('3'), asset: address('5') },
    { chainId: FAST, vault: address('4'), asset: address('6') },
    { chainId: HOME, vault: address('7'), asset: address('8') },
  ],
  markets: [
    { chainId: HOME, venue: address('9'), item: '0x00' },
    { chainId: FAST, venue: address('b'), item: '0x00' },
  ],
  setAt: NOW,
  heard: new Map([venuePeer(1), vaultPeer(0), vaultPeer(1)].map((peer) => [peer, NOW - 10n])),
  prices: new Map([
    [ETH, { price: wad(2_000), publishTime: NOW - 5n }],
    [USDC, { price: WAD, publishTime: NOW - 5n }],
  ]),
}

/** Its issuer owes all USDC. */
export function systemWith(accounts: readonly Account[], parts: Partial<System> = {}): System {
  return {
    ledger: { ...LEDGER, accounts: new Map(accounts.map((one, i) => [idOf(i), one])) },
    now: NOW,
    homeChain: HOME,
    impactFactor: WAD,
    insurance: 0n,
    depths: [
      { stressed: wad(400_000_000), dailyVolatility: percent(4), fall: percent(40) },
      { stressed: wad(10_000_000_000), dailyVolatility: percent(1), fall: 0n },
    ],
    stressedThere: [wad(4_000_000), wad(10_000_000_000), wad(10_000_000_000)],
    issuers: [{ name: 'Circle', listings: [USDC_FAST, USDC_HOME], loss: WAD }],
    ...parts,
  }
}

/** Of the account that was given at that place. */
export function idOf(place: number): Hex {
  return accountOf(address('a'), BigInt(place))
}

/** Units by listing; sizes by market, all entered at 2,000. */
export function account(
  units: Readonly<Record<number, bigint>>,
  sizes: Readonly<Record<number, bigint>> = {},
  cash = 0n,
): Account {
  const lines = Object.entries(units).map(([listing, held]) => {
    return { listing: Number(listing), holder: address('c'), units: held, counted: held }
  })
  const positions = Object.entries(sizes).map(([market, size]) => {
    return [Number(market), { ...FLAT, size, quote: -size * 2_000n }] as const
  })
  return { cash, debtSince: 0n, isPutUp: false, lines, positions: new Map(positions) }
}

const trader: fc.Arbitrary<Account> = fc
  .record({
    weth: fc.integer({ min: 0, max: 60 }),
    fast: fc.integer({ min: 0, max: 60_000 }),
    home: fc.integer({ min: 0, max: 60_000 }),
    near: fc.integer({ min: -400, max: 400 }),
    far: fc.integer({ min: -400, max: 400 }),
    cash: fc.integer({ min: -5_000, max: 20_000 }),
  })
  .map(({ weth, fast, home, near, far, cash }) =>
    account(
      { [WETH_SLOW]: wad(weth), [USDC_FAST]: dollars(fast), [USDC_HOME]: dollars(home) },
      { [ETH_HOME]: wad(near), [ETH_FAST]: wad(far) },
      wad(cash),
    ),
  )
export const traders = fc.array(trader, { minLength: 1, maxLength: 6 })

export const NODES: readonly Node[] = [
  { kind: 'asset', feed: ETH },
  { kind: 'issuer', issuer: 0 },
  { kind: 'chain', chainId: SLOW },
  { kind: 'chain', chainId: FAST },
  { kind: 'vault', chainId: SLOW, address: address('3') },
  { kind: 'vault', chainId: FAST, address: address('4') },
  { kind: 'venue', chainId: FAST, address: address('b') },
  { kind: 'account', id: idOf(0) },
]
export const someNodes = fc.subarray([...NODES])

/** A second underlying besides, which shares risk with the first; its venue on the slow chain goes by the number of the fast one's. */
const [BTC, BTC_HOME, BTC_SLOW] = [2, 2, 3]
const BUSY: Ledger = {
  ...LEDGER,
  parameters: {
    ...PARAMETERS,
    underlyings: [...PARAMETERS.underlyings, ...PARAMETERS.underlyings.map((terms) => ({ ...terms, feed: BTC }))],
    markets: [...PARAMETERS.markets, ...PARAMETERS.markets.map((terms) => ({ ...terms, underlying: 1 }))],
    credits: [{ first: 0, second: 1, ratio: percent(45) }],
  },
  feeds: [...LEDGER.feeds, address('d')],
  markets: [
    ...LEDGER.markets,
    { chainId: HOME, venue: address('9'), item: '0x01' },
    { chainId: SLOW, venue: address('e'), item: '0x01' },
  ],
  prices: new Map([...LEDGER.prices, [BTC, { price: wad(60_000), publishTime: NOW }]]),
}

const busyTrader: fc.Arbitrary<Account> = fc
  .record({
    units: fc.tuple(fc.nat(60), fc.nat(60_000), fc.nat(60_000)),
    isHeld: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    sizes: fc.array(fc.integer({ min: -400, max: 400 }), { minLength: 4, maxLength: 4 }),
    isOpen: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    entry: fc.integer({ min: -5, max: 5 }),
    limit: fc.nat(20),
    cash: fc.integer({ min: -5_000, max: 20_000 }),
  })
  .map(({ units: [weth, fast, home], isHeld, sizes, isOpen, entry, limit, cash }) => {
    const held = { [WETH_SLOW]: wad(weth), [USDC_FAST]: dollars(fast), [USDC_HOME]: dollars(home) }
    const scale = (market: number) => (market < BTC_HOME ? 1 : 30)
    const given = sizes.flatMap((size, market) => (isOpen[market] ? [[market, wad(size) / BigInt(scale(market))]] : []))
    const { lines, positions, ...rest } = account(held, Object.fromEntries(given), wad(cash))
    const entered = [...positions].map(([market, position]) => {
      const quote = (position.quote * BigInt(scale(market) * (100 + entry))) / 100n
      return [market, { ...position, quote, buyOut: wad(limit) / BigInt(scale(market)), asOf: NOW - 20n }] as const
    })
    return { ...rest, lines: lines.filter((_, i) => isHeld[i]), positions: new Map(entered) }
  })

/** Of many accounts on markets that a few of them move, with funding unsettled and, in some, a closed market priced. */
export const busySystems: fc.Arbitrary<System> = fc
  .record({
    accounts: fc.array(busyTrader, { minLength: 1, maxLength: 12 }),
    thinner: fc.bigInt({ min: 1n, max: 500n }),
    loss: fc.integer({ min: 1, max: 100 }),
    isPriced: fc.boolean(),
  })
  .map(({ accounts, thinner, loss, isPriced }) => {
    const { ledger, depths, ...system } = systemWith(accounts)
    const busy = {
      ...BUSY,
      accounts: ledger.accounts,
      funding: new Map([[ETH_FAST, wad(3) / 7n]]),
      priced: new Map(isPriced ? [[BTC_SLOW, wad(59_000)]] : []),
    }
    return {
      ...system,
      ledger: busy,
      depths: [...depths, ...depths.slice(0, 1)].map((one) => ({ ...one, stressed: one.stressed / thinner })),
      stressedThere: system.stressedThere.map((there) => there / thinner),
      issuers: [{ name: 'Circle', listings: [USDC_FAST, USDC_HOME], loss: percent(loss) }],
    }
  })
