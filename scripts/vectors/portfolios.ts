/** The named portfolios of vectors/margin.json, each named after what it stresses. */
import type { Credit, Line, Portfolio, Position, Underlying, Venue } from '@omnimargin/core/margin'
import { WAD } from '@omnimargin/core/wad'

export const usd = (n: number | bigint) => BigInt(n) * WAD
export const percent = (n: number) => (BigInt(n) * WAD) / 100n

const WETH: Line = {
  units: usd(10),
  counted: usd(10),
  unit: WAD,
  price: usd(2_000),
  initialHaircut: percent(20),
  maintenanceHaircut: percent(15),
}
const USDC: Line = {
  units: 8_000_000_000n,
  counted: 8_000_000_000n,
  unit: 10n ** 6n,
  price: WAD,
  initialHaircut: percent(3),
  maintenanceHaircut: percent(2),
}
const ETH: Underlying = {
  initialRate: percent(10),
  maintenanceRate: percent(5),
  basisRate: WAD / 200n,
  depth: usd(1_000_000),
  concentrationRate: percent(5),
  price: usd(2_000),
}
const BTC: Underlying = { ...ETH, price: usd(60_000) }
const SOL: Underlying = { ...ETH, initialRate: percent(16), maintenanceRate: percent(8), price: usd(150) }

const HERE: Venue = { initialLegShare: 0n, maintenanceLegShare: 0n }
const CALM: Venue = { initialLegShare: percent(5), maintenanceLegShare: percent(5) }
const LATE: Venue = { initialLegShare: percent(60), maintenanceLegShare: percent(20) }
const SILENT: Venue = { initialLegShare: WAD, maintenanceLegShare: WAD }

const ETH_BTC: Credit = { first: 0, second: 1, ratio: percent(45) }
const ETH_SOL: Credit = { first: 0, second: 2, ratio: percent(30) }
const BTC_SOL: Credit = { first: 1, second: 2, ratio: percent(25) }
const CREDITS = [ETH_BTC, ETH_SOL, BTC_SOL]

const BASE: Portfolio = {
  cash: 0n,
  cashHaircut: percent(2),
  lines: [],
  positions: [],
  underlyings: [ETH, BTC, SOL],
  venues: [HERE, CALM, CALM],
  credits: [],
  venueLossShare: percent(25),
}

/** A position at the price of the shared underlyings: long above zero. */
function hold(size: number, underlying = 0, venue = 0, change: Partial<Position> = {}): Position {
  const price = [2_000, 60_000, 150][underlying] ?? 0
  return {
    size: usd(size),
    quote: usd(-size * price),
    buyOut: 0n,
    sellOut: 0n,
    band: percent(3),
    initialBand: percent(3),
    underlying,
    venue,
    ...change,
  }
}

/** The base with ETH at another price. */
function at(price: number | bigint, change: Partial<Portfolio>): Portfolio {
  return {
    ...BASE,
    underlyings: [{ ...ETH, price: typeof price === 'bigint' ? price : usd(price) }, BTC, SOL],
    ...change,
  }
}

const of = (change: Partial<Portfolio>): Portfolio => ({ ...BASE, ...change })
const limits = (buy: number, sell: number): Partial<Position> => ({ buyOut: usd(buy), sellOut: usd(sell) })

const COLLATERAL: Record<string, Portfolio> = {
  nothing_at_all: BASE,
  one_line: of({ lines: [WETH] }),
  six_decimals: of({ lines: [USDC] }),
  no_decimals: of({ lines: [{ ...USDC, units: 7n, counted: 7n, unit: 1n }] }),
  uncounted_units_above_a_cap: of({ lines: [{ ...WETH, counted: usd(3) }] }),
  counted_nothing: of({ lines: [{ ...WETH, counted: 0n }] }),
  whole_haircut: of({ lines: [{ ...WETH, initialHaircut: WAD, maintenanceHaircut: WAD }] }),
  no_haircut: of({ lines: [{ ...WETH, initialHaircut: 0n, maintenanceHaircut: 0n }] }),
  dust_that_rounds_to_nothing: of({ lines: [{ ...WETH, units: 1n, counted: 1n, price: 1n }] }),
  dust_that_rounds_down: of({ lines: [{ ...USDC, units: 1n, counted: 1n, price: 1_999_999n }] }),
  largest_line: of({ lines: [{ ...WETH, units: 2n ** 112n - 1n, counted: 2n ** 112n - 1n, price: 2n ** 96n - 1n }] }),
  line_above_the_largest_value: of({
    lines: [{ ...WETH, units: 2n ** 112n - 1n, counted: 2n ** 112n - 1n, price: 2n ** 96n - 1n, unit: 1n }],
  }),
  sixteen_lines: of({ lines: Array.from({ length: 16 }, (_, i) => (i % 2 ? USDC : WETH)) }),
  positive_cash_after_its_haircut: of({ cash: usd(1_000) }),
  negative_cash_in_full: of({ cash: -usd(1_000) }),
  one_unit_of_cash: of({ cash: 1n }),
}

const POSITIONS: Record<string, Portfolio> = {
  long_at_entry: of({ lines: [WETH, USDC], positions: [hold(60)] }),
  long_at_a_loss: at(1_680, { lines: [WETH, USDC], positions: [hold(60)] }),
  long_at_a_profit_which_initial_ignores: at(2_400, { lines: [WETH], positions: [hold(60)] }),
  short_at_a_loss: at(2_400, { lines: [WETH], positions: [hold(-60)] }),
  short_loss_rounds_away_from_zero: at(1n, { positions: [hold(0, 0, 0, { size: -1n })] }),
  long_gain_rounds_to_nothing: at(1n, { positions: [hold(0, 0, 0, { size: 1n })] }),
  requirement_rounds_up: at(1n, {
    positions: [hold(0, 0, 0, { size: 1n })],
    underlyings: [{ ...ETH, initialRate: 1n, maintenanceRate: 1n, basisRate: 1n, price: 1n }],
  }),
  no_rate_at_all: of({
    positions: [hold(60)],
    underlyings: [{ ...ETH, initialRate: 0n, maintenanceRate: 0n, basisRate: 0n }],
  }),
  two_markets_of_one_venue_are_one_leg: of({ positions: [hold(60, 0, 1), hold(-20, 0, 1)] }),
  two_markets_of_one_venue_flat: of({ positions: [hold(60, 0, 1), hold(-60, 0, 1)] }),
  sixteen_positions: of({
    credits: CREDITS,
    positions: Array.from({ length: 16 }, (_, i) => hold(i % 2 ? 5 : -3, i % 3, (i >> 1) % 3)),
  }),
  largest_position: at(2n ** 96n - 1n, { positions: [hold(0, 0, 1, { size: 2n ** 126n })] }),
}

const NETTING: Record<string, Portfolio> = {
  two_venues_flat: of({ lines: [WETH], positions: [hold(60), hold(-60, 0, 1)] }),
  two_venues_net_long: of({ lines: [WETH], positions: [hold(60), hold(-20, 0, 1)] }),
  two_venues_same_side: of({ lines: [WETH], positions: [hold(60), hold(20, 0, 1)] }),
  three_venues_flat: of({ lines: [WETH], positions: [hold(60), hold(-40, 0, 1), hold(-20, 0, 2)] }),
  loss_on_one_leg_gain_on_the_other: at(1_500, { lines: [WETH], positions: [hold(60), hold(-60, 0, 1)] }),
  flat_pair_without_charges: of({
    positions: [hold(60), hold(-60, 0, 1)],
    underlyings: [{ ...ETH, basisRate: 0n }],
    venues: [HERE, HERE],
    venueLossShare: 0n,
  }),
  basis_as_high_as_the_rate: of({
    positions: [hold(60), hold(-60, 0, 1)],
    underlyings: [{ ...ETH, basisRate: percent(10) }],
  }),
  one_leg_at_a_late_venue: of({ positions: [hold(60), hold(-60, 0, 1)], venues: [HERE, LATE] }),
  one_leg_at_a_silent_venue: of({ positions: [hold(60), hold(-60, 0, 1)], venues: [HERE, SILENT] }),
  both_legs_at_silent_venues: of({ positions: [hold(60), hold(-60, 0, 1)], venues: [SILENT, SILENT] }),
  a_lone_leg_at_a_silent_venue: of({ positions: [hold(60, 0, 1)], venues: [HERE, SILENT] }),
  late_for_initial_only: of({
    positions: [hold(60), hold(-60, 0, 1)],
    venues: [HERE, { initialLegShare: percent(80), maintenanceLegShare: percent(5) }],
  }),
}

const VENUE_LOSS: Record<string, Portfolio> = {
  no_share_of_venue_loss: of({ positions: [hold(60), hold(-60, 0, 1)], venueLossShare: 0n }),
  whole_share_of_venue_loss: of({ positions: [hold(60), hold(-60, 0, 1)], venueLossShare: WAD }),
  venue_loss_below_the_directional_risk: of({ positions: [hold(60), hold(-10, 0, 1)] }),
  venue_loss_just_above_the_directional_risk: of({ positions: [hold(60), hold(-46, 0, 1)] }),
  the_worst_venue_counts: of({ positions: [hold(60), hold(-50, 0, 1), hold(-10, 0, 2)] }),
  the_lost_venue_holds_two_underlyings: of({
    positions: [hold(60, 0, 1), hold(-60, 0, 0), hold(-2, 1, 1), hold(2, 1, 0)],
  }),
  a_single_venue_cannot_be_lost: of({ credits: CREDITS, positions: [hold(60), hold(-2, 1)], venueLossShare: WAD }),
  loss_looks_at_the_rest_without_credits: of({
    credits: CREDITS,
    positions: [hold(60, 0, 1), hold(-2, 1, 1), hold(-60, 0, 0), hold(2, 1, 0)],
  }),
}

const CREDIT: Record<string, Portfolio> = {
  two_underlyings_without_a_credit: of({ positions: [hold(60), hold(-2, 1)] }),
  opposite_and_equal: of({ credits: CREDITS, positions: [hold(60), hold(-2, 1)] }),
  opposite_and_unequal: of({ credits: CREDITS, positions: [hold(60), hold(-1, 1)] }),
  same_side_has_no_credit: of({ credits: CREDITS, positions: [hold(60), hold(2, 1)] }),
  one_against_two: of({ credits: CREDITS, positions: [hold(60), hold(-1, 1), hold(-400, 2)] }),
  all_three_alternate: of({ credits: CREDITS, positions: [hold(-60), hold(2, 1), hold(-800, 2)] }),
  a_whole_credit_is_netting: of({ credits: [{ ...ETH_BTC, ratio: WAD }], positions: [hold(60), hold(-2, 1)] }),
  a_credit_of_nothing: of({ credits: [{ ...ETH_BTC, ratio: 0n }], positions: [hold(60), hold(-2, 1)] }),
  a_credit_for_what_is_not_held: of({ credits: CREDITS, positions: [hold(60)] }),
  a_credit_for_what_is_flat: of({ credits: CREDITS, positions: [hold(60), hold(-2, 1), hold(2, 1, 1)] }),
  a_credit_across_chains: of({ credits: CREDITS, positions: [hold(60, 0, 1), hold(-2, 1, 2)] }),
  rates_of_different_height: of({ credits: CREDITS, positions: [hold(60), hold(-500, 2)] }),
  limits_that_would_undo_the_credit: of({ credits: CREDITS, positions: [hold(60), hold(-2, 1, 0, limits(4, 0))] }),
  a_credit_smaller_than_its_rounding: of({
    credits: [{ ...ETH_BTC, ratio: WAD }],
    positions: [hold(0, 0, 0, { size: 1n }), hold(0, 1, 0, { size: -1n })],
  }),
}

const LIMITS: Record<string, Portfolio> = {
  limits_without_a_position: of({ lines: [WETH], positions: [hold(0, 0, 0, limits(5, 3))] }),
  limits_that_grow_the_position: of({ lines: [WETH], positions: [hold(60, 0, 0, limits(10, 0))] }),
  limits_that_shrink_the_position: of({ lines: [WETH], positions: [hold(60, 0, 0, limits(0, 10))] }),
  limits_that_flip_the_position: of({ lines: [WETH], positions: [hold(60, 0, 0, limits(0, 200))] }),
  limits_on_both_sides_of_a_flat_pair: of({
    positions: [hold(60, 0, 0, limits(1, 2)), hold(-60, 0, 1, limits(3, 4))],
  }),
  limits_at_a_silent_venue: of({ positions: [hold(0, 0, 1, limits(5, 5))], venues: [HERE, SILENT] }),
  limits_that_could_open_the_hedge: of({ positions: [hold(60), hold(0, 0, 1, limits(0, 60))] }),
  no_band_no_reserve: of({ positions: [hold(60, 0, 0, { ...limits(10, 0), band: 0n, initialBand: 0n })] }),
  a_whole_band: of({ positions: [hold(60, 0, 0, { ...limits(10, 10), band: WAD, initialBand: WAD })] }),
  limits_known_of_long_ago: of({ positions: [hold(60, 0, 0, { ...limits(10, 10), initialBand: percent(40) })] }),
}

const CONCENTRATION: Record<string, Portfolio> = {
  just_at_the_depth: of({ positions: [hold(500)] }),
  one_unit_beyond_the_depth: of({ positions: [hold(500, 0, 0, { size: usd(500) + 1n })] }),
  far_beyond_the_depth: of({ positions: [hold(5_000)] }),
  netted_below_the_depth: of({ positions: [hold(5_000), hold(-4_900, 0, 1)] }),
  limits_reach_beyond_the_depth: of({ positions: [hold(400, 0, 0, limits(200, 0))] }),
  no_depth: of({ positions: [hold(60)], underlyings: [{ ...ETH, depth: 0n }] }),
  beyond_two_depths: of({ positions: [hold(600), hold(-20, 1)], credits: CREDITS }),
}

export const PORTFOLIOS: Record<string, Portfolio> = {
  ...COLLATERAL,
  ...POSITIONS,
  ...NETTING,
  ...VENUE_LOSS,
  ...CREDIT,
  ...LIMITS,
  ...CONCENTRATION,
}
