/** Random portfolios for property tests, and the plain ones that worked examples start from. */
import type { Credit, Line, Portfolio, Position, Underlying, Venue } from '@omnimargin/core/margin'
import { mulDown, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'

export const wad = (n: number | bigint) => BigInt(n) * WAD
export const ratio = fc.bigInt({ min: 0n, max: WAD })
export const money = fc.bigInt({ min: -wad(1_000_000), max: wad(1_000_000) })
export const size = fc.bigInt({ min: -wad(1_000), max: wad(1_000) })
const usd = fc.bigInt({ min: 0n, max: wad(10_000_000) })
const price = fc.bigInt({ min: 1n, max: wad(100_000) })
const limit = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: wad(100) }))

export const UNDERLYINGS = 3
export const VENUES = 3

export const UNDERLYING: Underlying = {
  initialRate: WAD / 10n,
  maintenanceRate: WAD / 20n,
  basisRate: WAD / 200n,
  depth: wad(10_000_000),
  concentrationRate: WAD / 20n,
  price: wad(2_000),
}
export const VENUE: Venue = { initialLegShare: WAD / 10n, maintenanceLegShare: WAD / 10n }
export const NOTHING: Portfolio = {
  cash: 0n,
  cashHaircut: 0n,
  lines: [],
  positions: [],
  underlyings: [],
  venues: [],
  credits: [],
  venueLossShare: 0n,
}

export const line = fc
  .record({
    units: fc.bigInt({ min: 0n, max: wad(10_000) }),
    share: ratio,
    unit: fc.constantFrom(10n ** 6n, WAD),
    price,
    haircuts: fc.tuple(ratio, ratio),
  })
  .map(({ units, share, haircuts: [a, b], ...rest }): Line => {
    const [maintenanceHaircut, initialHaircut] = a < b ? [a, b] : [b, a]
    return { ...rest, units, counted: mulDown(units, share), initialHaircut, maintenanceHaircut }
  })

const ordered = fc.tuple(ratio, ratio).map(([a, b]) => (a < b ? ([a, b] as const) : ([b, a] as const)))

const underlying: fc.Arbitrary<Underlying> = fc
  .record({ rates: ordered, basisRate: ratio, depth: fc.oneof(fc.constant(0n), usd), concentrationRate: ratio, price })
  .map(({ rates: [maintenanceRate, initialRate], ...rest }) => ({ ...rest, initialRate, maintenanceRate }))

const venue: fc.Arbitrary<Venue> = ordered.map(([maintenanceLegShare, initialLegShare]) => ({
  initialLegShare,
  maintenanceLegShare,
}))

/** Any three ratios up to a half: no underlying shares more than all of its risk. */
const credits: fc.Arbitrary<Credit[]> = fc.tuple(ratio, ratio, ratio).map(([a, b, c]) => [
  { first: 0, second: 1, ratio: a / 2n },
  { first: 0, second: 2, ratio: b / 2n },
  { first: 1, second: 2, ratio: c / 2n },
])

const position: fc.Arbitrary<Position> = fc
  .record({
    size,
    quote: money,
    buyOut: limit,
    sellOut: limit,
    bands: ordered,
    underlying: fc.nat(UNDERLYINGS - 1),
    venue: fc.nat(VENUES - 1),
  })
  .map(({ bands: [band, initialBand], ...rest }) => ({ ...rest, band, initialBand }))

export const portfolio: fc.Arbitrary<Portfolio> = fc.record({
  cash: money,
  cashHaircut: ratio,
  lines: fc.array(line, { maxLength: 5 }),
  positions: fc.array(position, { maxLength: 6 }),
  underlyings: fc.tuple(underlying, underlying, underlying),
  venues: fc.tuple(venue, venue, venue),
  credits,
  venueLossShare: ratio,
})
