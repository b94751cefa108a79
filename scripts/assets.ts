// Writes the histories in risk/assets/: made-up prices of made-up assets, for `omnimargin risk list-asset`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { max, min, WAD } from '@omnimargin/core/wad'
import { formatDecimal } from '@omnimargin/risk/decimal'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import { makePrices } from '@omnimargin/risk/synthetic'

const folder = join(import.meta.dirname, '..', 'risk', 'assets')
const SEED = 20261125n
/** Bars begin in 2001, so that nobody takes them for a market's. */
const START = 978_307_200
const INTERVAL = 4 * 3_600
/** 366 days. */
const BARS = 6 * 366
const basisPoints = (n: bigint) => (n * WAD) / 10_000n

function coin(): string[] {
  const shape = { symbol: 'COIN', first: 20n * WAD, deviation: basisPoints(130n), common: WAD / 2n, digits: 3 }
  const bars =
    makePrices({ seed: SEED, start: START, interval: INTERVAL, bars: BARS, assets: [shape] }).get('COIN') ?? []
  return bars.map(({ time, cells }) => `${time},${cells.join(',')}`)
}

/** A dollar that is a little off at every bar, and four cents below for half a day. */
function dollar(): string[] {
  const draw = drawsOf(SEED)
  let open = WAD
  return Array.from({ length: BARS }, (_, i) => {
    const isBadDay = i >= 1_000 && i < 1_003
    const close = WAD + basisPoints(drawBetween(draw, -5n, 5n)) - (isBadDay ? basisPoints(400n) : 0n)
    const cells = [open, max(open, close), min(open, close), close].map(formatDecimal)
    open = close
    return `${START + i * INTERVAL},${cells.join(',')},${drawBetween(draw, 100n, 999n)}`
  })
}

for (const [name, rows] of Object.entries({ coin: coin(), dollar: dollar() })) {
  writeFileSync(join(folder, `${name}.csv`), `ts,open,high,low,close,volume\n${rows.join('\n')}\n`)
}
