/** The devnet's listings, markets and risk parameters. */
import { INSTRUMENT } from '@omnimargin/core/instrument'
import type { ListingTerms, Parameters } from '@omnimargin/core/parameters'

/** Pyth's own feed ids. */
export const FEEDS = [
  { symbol: 'ETH/USD', feedId: '0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace' },
  { symbol: 'BTC/USD', feedId: '0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43' },
  { symbol: 'USDC/USD', feedId: '0xeaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a' },
] as const

/** What every venue trades, in its own order, and the chains that have a venue, in the clearing's order. */
export const MARKETS = [
  { symbol: 'ETH-USD', feed: 0 },
  { symbol: 'BTC-USD', feed: 1 },
] as const
export const VENUES = ['trading', 'fast'] as const

/** Which token is locked on which chain, in the order of the listings; a chain has one wrapped coin at most. */
export const TOKENS = [
  { chain: 'slow', symbol: 'WETH', decimals: 18, isWrappedCoin: true },
  { chain: 'fast', symbol: 'USDC', decimals: 6, isWrappedCoin: false },
  { chain: 'trading', symbol: 'USDC', decimals: 6, isWrappedCoin: false },
] as const

/** The venue's band is narrower than the clearing's by what the index may move between two pokes. */
export const VENUE_BAND = 2n * 10n ** 16n
export const MIN_SIZE = 10n ** 16n
/** Funding takes at most half a percent of the index in eight hours. */
export const MAX_PREMIUM = 5n * 10n ** 15n
export const FUNDING_PERIOD_SECONDS = 8 * 3600
export const PRICE_POLICY = { maxAge: 60, maxSkew: 60, maxConfidence: 10n ** 16n }
export const HEARTBEAT_SECONDS = 10n
export const LEASE_SECONDS = 3_600n
/** For how long what governance does is seen before it holds: days, where somebody has to have time to leave. */
export const GOVERNANCE_DELAY_SECONDS = 20

/** The clearing believes no more funding a second than this share of the price: 0.1 % an hour. */
const MAX_FUNDING = 10n ** 15n / 3_600n

const percent = (value: bigint) => value * 10n ** 16n
const permille = (value: bigint) => value * 10n ** 15n
const usd = (value: bigint) => value * 10n ** 18n

type Place = { readonly cap: bigint; readonly vault: number; readonly capPrice: bigint }
type Figures = Pick<ListingTerms, 'feed' | 'decimals' | 'initialHaircut' | 'maintenanceHaircut'>

/** With a cap in whole tokens; one account counts a tenth of it, and as much of what is new counts at once, again after ten minutes. */
function listing(figures: Figures, { cap, vault, capPrice }: Place): ListingTerms {
  const whole = 10n ** BigInt(figures.decimals)
  const tenth = (cap * whole) / 10n
  return {
    ...figures,
    cap: cap * whole,
    accountCap: tenth,
    assetCap: 2n * cap * 10n ** 6n,
    burst: tenth,
    refillTime: 600,
    vault,
    capPrice,
    secondFeed: 0,
    hasSecondFeed: false,
  }
}

export const PARAMETERS: Parameters = {
  cashHaircut: percent(2n),
  liquidationDiscount: percent(1n),
  healthTarget: percent(125n),
  maxPriceAge: 60,
  maxRecordAge: 600,
  venueLossShare: percent(25n),
  maxMoveAge: 3_600,
  settleAfter: 86_400,
  settleShare: percent(10n),
  saleDiscount: permille(10n),
  closeGrace: 86_400,
  // Parameters are good for a day; a week after that no collateral counts for new risk.
  life: 86_400,
  lifeRamp: 7 * 86_400,
  restoreAfter: 15,
  // Half of what a venue's silence may last before it is dead, so that no shorter gap looks like its death.
  outageAfter: 150,
  outageGrace: 3_600,
  maxDispersion: percent(1n),
  listings: [
    listing(
      { feed: 0, decimals: 18, initialHaircut: percent(20n), maintenanceHaircut: percent(15n) },
      { cap: 100_000n, vault: 0, capPrice: usd(2_000n) },
    ),
    listing(
      { feed: 2, decimals: 6, initialHaircut: percent(3n), maintenanceHaircut: percent(2n) },
      { cap: 100_000_000n, vault: 1, capPrice: usd(1n) },
    ),
    listing(
      { feed: 2, decimals: 6, initialHaircut: percent(2n), maintenanceHaircut: percent(1n) },
      { cap: 100_000_000n, vault: 2, capPrice: usd(1n) },
    ),
  ],
  underlyings: [0, 1].map((feed) => ({
    feed,
    // With the basis of its one leg, a lone position is asked for 10 % and 5 %.
    initialRate: permille(95n),
    maintenanceRate: permille(45n),
    basisRate: permille(5n),
    depth: 2_000_000n * 10n ** 18n,
    concentrationRate: percent(5n),
  })),
  markets: VENUES.flatMap((_, venue) =>
    [10_000n, 500n].map((cap, underlying) => ({
      underlying,
      band: percent(3n),
      minSize: MIN_SIZE,
      openInterestCap: cap * 10n ** 18n,
      venue,
      instrument: INSTRUMENT.PERPETUAL,
      maxFunding: MAX_FUNDING,
    })),
  ),
  venues: VENUES.map((name) => ({
    legShare: name === 'trading' ? 0n : percent(5n),
    // Short, so that a story can wait for it: on real chains these are minutes, hours and days.
    calmAge: 30,
    warnAge: 90,
    deadAge: 300,
    isRemote: name !== 'trading',
    tripAge: 300,
  })),
  vaults: TOKENS.map(({ chain }) => ({
    cap: 200_000_000n,
    calmAge: 30,
    tripAge: 60,
    warnAge: 90,
    zeroAge: 300,
    isRemote: chain !== 'trading',
  })),
  credits: [{ first: 0, second: 1, ratio: percent(45n) }],
}
