/** Made-up prices: correlated, fat-tailed, and the same for ever. Integers only, so that every machine makes the same file. */
import { abs, max, min, rootUp, WAD } from '@omnimargin/core/wad'
import { joinBars, parseBars, type Series } from './bars.ts'
import { type Draw, drawBetween, drawsOf } from './random.ts'

/** Scales at 1e18. `common` is the asset's share in the move that all assets make together. */
export type AssetShape = {
  readonly symbol: string
  readonly first: bigint
  readonly deviation: bigint
  readonly common: bigint
  /** Digits after the point of its prices. */
  readonly digits: number
}

export type Shape = {
  readonly seed: bigint
  readonly start: number
  readonly interval: number
  readonly bars: number
  readonly assets: readonly AssetShape[]
}

const basisPoints = (n: bigint) => (n * WAD) / 10_000n
/** The made-up prices that are shipped. Bars begin in 2001, so that nobody takes them for a market's. */
export const MADE_UP: Shape = {
  seed: 20261124n,
  start: 978_307_200,
  interval: 3_600,
  bars: 4_000,
  assets: [
    { symbol: 'BTC', first: 40_000n * WAD, deviation: basisPoints(50n), common: basisPoints(9_000n), digits: 1 },
    { symbol: 'ETH', first: 2_000n * WAD, deviation: basisPoints(65n), common: basisPoints(8_800n), digits: 2 },
    { symbol: 'SOL', first: 100n * WAD, deviation: basisPoints(95n), common: basisPoints(7_500n), digits: 3 },
  ],
}

/** Three years of the same, with so many digits that rounding does not pull a price down. */
export const THREE_YEARS: Shape = {
  ...MADE_UP,
  bars: 3 * 8_760,
  assets: MADE_UP.assets.map((asset) => ({ ...asset, digits: 8 })),
}

/** The columns after the time: prices and volume as decimal text. */
export type SyntheticBar = { readonly time: number; readonly cells: readonly string[] }

/** One hour in so many is wild: its move is `WILD` times as wide. */
const WILD_EVERY = 40n
const WILD = 4n
/** How long the market remembers: activity keeps 97 % of itself, and 3 % of what just happened. */
const MEMORY = 97n
const CALMEST = WAD / 2n
const WILDEST = 4n * WAD
const GRAIN = 1n << 20n

/** Bars of each asset, all assets out of one stream of chance. */
export function makePrices(shape: Shape): Map<string, SyntheticBar[]> {
  const draw = drawsOf(shape.seed)
  const states = shape.assets.map((asset) => ({ asset, close: asset.first, bars: [] as SyntheticBar[] }))
  let activity = WAD
  for (let i = 0; i < shape.bars; i++) {
    const together = shock(draw)
    const scale = activity * (drawBetween(draw, 1n, WILD_EVERY) === 1n ? WILD : 1n)
    for (const state of states) {
      const { deviation, common } = state.asset
      const mixed = (together * common + shock(draw) * own(common)) / WAD
      const move = (((mixed * deviation) / WAD) * scale) / WAD
      const bar = barAfter(state.close, move, (deviation * scale) / WAD, state.asset, draw)
      state.close = bar.close
      state.bars.push({ time: shape.start + i * shape.interval, cells: bar.cells })
    }
    const felt = min(abs(together), 3n * WAD)
    activity = min(WILDEST, max(CALMEST, (activity * MEMORY + (felt + WAD / 5n) * (100n - MEMORY)) / 100n))
  }
  return new Map(states.map(({ asset, bars }) => [asset.symbol, bars]))
}

/** Near a normal draw of deviation one: twelve uniform ones, less their mean. */
function shock(draw: Draw): bigint {
  let sum = 0n
  for (let i = 0; i < 12; i++) sum += drawBetween(draw, -GRAIN, GRAIN)
  return (sum * WAD) / (2n * GRAIN)
}

/** The asset's own share, so that the deviation of both together is one. */
function own(common: bigint): bigint {
  return rootUp(WAD * WAD - common * common)
}

function barAfter(open: bigint, move: bigint, wideness: bigint, { digits }: AssetShape, draw: Draw) {
  const unit = 10n ** BigInt(18 - digits)
  const round = (price: bigint) => max(unit, price - (price % unit))
  // No hour takes more than half, or gives more than that.
  const close = round((open * (WAD + min(WAD / 2n, max(-WAD / 2n, move)))) / WAD)
  const reach = () => (((open * wideness) / WAD) * drawBetween(draw, 0n, GRAIN)) / (2n * GRAIN)
  const high = round(max(open, close) + reach())
  const low = round(min(open, close) - min(reach(), min(open, close) / 2n))
  const volume = drawBetween(draw, 100n, 999n)
  const text = (price: bigint) => {
    const all = (price / unit).toString().padStart(digits + 1, '0')
    return digits === 0 ? all : `${all.slice(0, -digits)}.${all.slice(-digits)}`
  }
  return { close, cells: [...[open, high, low, close].map(text), `${volume}`] }
}

/** The same prices as the files of them are read. */
export function seriesOf(shape: Shape): Series[] {
  return [...makePrices(shape)].map(([symbol, bars]) =>
    joinBars(symbol, [parseBars(symbol, bars.map(({ time, cells }) => `${time},${cells.join(',')}`).join('\n'))]),
  )
}
