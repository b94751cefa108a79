// `npm run calibrate [-- --prices DIR --hours N]`: random books over hourly prices, and whether those that were said to cross maintenance did.
import { parseArgs } from 'node:util'
import { accountOf } from '@omnimargin/core/account'
import { EMPTY_LEDGER, FLAT, type Ledger, portfolioOf } from '@omnimargin/core/ledger'
import { computeMargin } from '@omnimargin/core/margin'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import { InputError } from '@omnimargin/risk/errors'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { candlesOf } from '@omnimargin/risk/estimate/candle'
import { type Crossings, crossingsOf } from '@omnimargin/risk/estimate/crossing'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import { outlookOf } from '@omnimargin/risk/estimate/outlook'
import { type Reliability, reliabilityOf } from '@omnimargin/risk/estimate/reliability'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import { MADE_UP, seriesOf } from '@omnimargin/risk/synthetic'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { findPrices, readStretches } from '@omnimargin/service/prices'

const HOUR = 3_600
const NOW = 1_000_000n
const YEAR = 8_760
const SYMBOLS = ['ETH', 'BTC'] as const
const [ETH, BTC] = [0, 1]
const OWNER = accountOf(`0x${'1'.repeat(40)}`)
const NOTIONAL = 100_000n
const THRESHOLD = 0.05
/** What a book holds, in parts of its notional: of ether and bitcoin, and ether as collateral. */
const BOOKS = {
  'long ETH': [1, 0, 0],
  'short ETH': [-1, 0, 0],
  'long BTC': [0, 1, 0],
  'short BTC': [0, -1, 0],
  'long ETH on WETH': [1, 0, 0.5],
  'long both': [0.5, 0.5, 0],
  'long ETH, short BTC': [1, -1, 0],
} as const
type BookName = keyof typeof BOOKS
const SINGLE = (Object.keys(BOOKS) as BookName[]).filter((name) => BOOKS[name][0] === 0 || BOOKS[name][1] === 0)

type Trial = {
  readonly book: BookName
  readonly said: number
  /** The same with the first year's quantile for ever, and no scores. */
  readonly still: number
  /** By the closes, and by the worst that the bars allow within the hour; the same where there is one price. */
  readonly least: number
  readonly most: number
}

type Followed = {
  readonly observe: ReturnType<typeof observerOf>
  readonly crossings: Crossings
  expected: number | undefined
  still: number | undefined
}

const { prices, seed, hours } = parseArgs({
  options: {
    prices: { type: 'string' },
    seed: { type: 'string', default: '1' },
    hours: { type: 'string', default: '1' },
  },
}).values
const AHEAD = Number(hours)

try {
  if (!/^([1-9]|1\d|2[0-4])$/.test(hours)) throw new InputError(`--hours ${hours}: give 1 to 24.`)
  if (!/^\d{1,18}$/.test(seed)) throw new InputError(`--seed ${seed}: give a whole number.`)
  report(replay(seriesAsked(prices), BigInt(seed)))
} catch (failure) {
  if (!(failure instanceof InputError)) throw failure
  process.stderr.write(`${failure.message}\n`)
  process.exitCode = 1
}

function seriesAsked(folder: string | undefined): Map<number, Candle>[] {
  const files = folder === undefined ? undefined : findPrices(folder)
  const shape = { ...MADE_UP, bars: 3 * YEAR, assets: MADE_UP.assets.map((asset) => ({ ...asset, digits: 8 })) }
  const madeUp = files ? [] : seriesOf(shape)
  return SYMBOLS.map((symbol) => {
    if (files && !files.bySymbol.has(symbol)) throw new InputError(`${folder} has no prices of ${symbol}: add them.`)
    const stretches = files ? readStretches(symbol, files) : madeUp.filter((one) => one.symbol === symbol)
    return new Map(stretches.flatMap(candlesOf).map((candle) => [candle.time, candle]))
  })
}

/** Two books an hour, once a year has been seen; what is said of them knows no later bar. */
function replay(bars: readonly Map<number, Candle>[], seed: bigint): Trial[] {
  const draw = drawsOf(seed)
  const names = Object.keys(BOOKS) as BookName[]
  const markets = bars.map(
    (): Followed => ({
      ...{
        observe: observerOf(DEFAULTS, YEAR),
        crossings: crossingsOf(DEFAULTS),
        expected: undefined,
        still: undefined,
      },
    }),
  )
  const times = [...(bars[0]?.keys() ?? [])].filter((time) => bars.every((one) => one.has(time))).sort((a, b) => a - b)
  const trials: Trial[] = []
  let before: (Candle | undefined)[] = []
  for (const [i, time] of times.entries()) {
    const candles = bars.map((one) => one.get(time) as Candle)
    for (const [m, market] of markets.entries()) {
      const [last, candle] = [before[m], candles[m] as Candle]
      if (last && market.expected) market.crossings.add(last, candle, market.expected)
      const { 'QR+ACI': expected, static: still } = market.observe(candle)
      market.expected = expected
      market.still = still
    }
    before = candles
    const next = bars.map((one) => spanOf(one, time + HOUR))
    if (i < YEAR || next.some((one) => !one) || markets.some(({ expected, still }) => !expected || !still)) continue
    for (let book = 0; book < 2; book += 1) {
      const name = names[Number(drawBetween(draw, 0n, BigInt(names.length - 1)))] as BookName
      // Log-uniform from 0.1 % to 15 % of the notional.
      const buffer = 0.001 * 150 ** (Number(drawBetween(draw, 0n, 1_000_000n)) / 1e6)
      trials.push(trialOf(name, buffer, candles, next as Candle[], markets))
    }
  }
  return trials
}

/** So many bars as one; nothing where one of them is missing. */
function spanOf(bars: ReadonlyMap<number, Candle>, from: number): Candle | undefined {
  const all = Array.from({ length: AHEAD }, (_, i) => bars.get(from + i * HOUR)).filter((one) => one !== undefined)
  const [first, last] = [all[0], all.at(-1)]
  if (!first || !last || all.length < AHEAD) return undefined
  const high = Math.max(...all.map((one) => one.high))
  const low = Math.min(...all.map((one) => one.low))
  return { ...first, high, low, close: last.close }
}

function trialOf(book: BookName, buffer: number, now: Candle[], next: Candle[], markets: readonly Followed[]): Trial {
  const ledger = ledgerWith(
    book,
    buffer,
    now.map(({ close }) => close),
  )
  const expectations = new Map(
    markets.map(({ expected = 0, crossings }, feed) => [feed, { quantile: expected, chanceOf: crossings.chanceOf }]),
  )
  const outlook = outlookOf(ledger, OWNER, NOW, expectations, AHEAD * HOUR)
  if (typeof outlook === 'string') throw new Error(outlook)
  const main = outlook.shocks.reduce((most, one) => (one.taken > most.taken ? one : most), outlook.shocks[0]!)
  const { expected = 0, still = 1 } = markets[main.feed] ?? {}
  const falls = (prices: number[]) => spareOf(ledger, prices) < 0n
  const [eth, btc] = next as [Candle, Candle]
  const isSingle = SINGLE.includes(book)
  const corners = [eth.low, eth.high].flatMap((a) => [btc.low, btc.high].map((b) => [a, b]))
  const most = corners.some(falls)
  const least = isSingle ? most : falls([eth.close, btc.close])
  const chanceStill = crossingsOf(DEFAULTS).chanceOf((outlook.quantiles * expected) / still, main.direction)
  return { book, said: outlook.chance, still: Math.min(1, chanceStill), least: Number(least), most: Number(most) }
}

/* THE CLEARING */

function priced(ledger: Ledger, prices: readonly number[]): Ledger {
  const all = [...prices, 1].map((price, feed) => {
    return [feed, { price: BigInt(Math.round(price * 1e8)) * 10n ** 10n, publishTime: NOW }] as const
  })
  return { ...ledger, prices: new Map(all) }
}

/** Entered at these prices, with so much more than maintenance needs, as a share of the notional. */
function ledgerWith(book: BookName, buffer: number, prices: readonly number[]): Ledger {
  const [eth, btc, weth] = BOOKS[book]
  const [ether = 1, bitcoin = 1] = prices
  const units = (part: number, price: number) => BigInt(Math.round((part * Number(NOTIONAL) * 1e9) / price)) * 10n ** 9n
  const index = (feed: number) => priced(EMPTY_LEDGER, prices).prices.get(feed)?.price ?? 0n
  const position = (size: bigint, feed: number) => ({ ...FLAT, size, quote: (-size * index(feed)) / WAD })
  const [long, other] = [units(eth, ether), units(btc, bitcoin)]
  const account = {
    ...{ cash: 0n, debtSince: 0n, isPutUp: false },
    lines: [{ listing: 0, holder: OWNER, units: units(weth, ether), counted: units(weth, ether) }],
    positions: new Map([
      [ETH, position(long, ETH)],
      [BTC, position(other, BTC)],
    ]),
  }
  const bare: Ledger = {
    ...priced(EMPTY_LEDGER, prices),
    ...{ parameters: PARAMETERS, version: 1, setAt: NOW },
    heard: new Map([0, 1, 2].flatMap((peer) => [[venuePeer(peer), NOW] as const, [vaultPeer(peer), NOW] as const])),
    accounts: new Map([[OWNER, account]]),
  }
  const missing = BigInt(Math.round(buffer * Number(NOTIONAL) * 1e6)) * 10n ** 12n - spareOf(bare, prices)
  const cash = missing > 0n ? (missing * WAD) / (WAD - PARAMETERS.cashHaircut) : missing
  return { ...bare, accounts: new Map([[OWNER, { ...account, cash }]]) }
}

function spareOf(ledger: Ledger, prices: readonly number[]): bigint {
  const portfolio = portfolioOf(priced(ledger, prices), OWNER, NOW)
  if (typeof portfolio === 'string') throw new Error(portfolio)
  const { maintenanceMarginBalance, maintenanceMargin } = computeMargin(portfolio)
  return maintenanceMarginBalance - maintenanceMargin
}

/* THE REPORT */

function report(trials: readonly Trial[]): void {
  const single = trials.filter(({ book }) => SINGLE.includes(book))
  print(`One price: ${single.length} books. Crossing is by the low and the high of the next ${AHEAD} h.\n`)
  printBins(
    reliabilityOf(
      single.map(({ said }) => said),
      single.map(({ most }) => most),
    ),
  )
  const still = reliabilityOf(
    single.map(({ still }) => still),
    single.map(({ most }) => most),
  )
  print(`The first year’s quantile for ever, Student’s law: Brier ${still.brier.toFixed(4)}.\n`)
  for (const book of ['long both', 'long ETH, short BTC'] as const) {
    const some = trials.filter((trial) => trial.book === book)
    print(`${book}: ${some.length} books. Crossing by the closes; by the worst corner of lows and highs.\n`)
    const said = some.map((trial) => trial.said)
    const [least, most] = [
      reliabilityOf(
        said,
        some.map((t) => t.least),
      ),
      reliabilityOf(
        said,
        some.map((t) => t.most),
      ),
    ]
    printBins(least, most)
  }
  const warned = single.filter(({ said }) => said >= THRESHOLD)
  const crossed = single.filter(({ most }) => most === 1)
  const both = warned.filter(({ most }) => most === 1).length
  print(
    `Warned at ${percent(THRESHOLD)}, one price: ${percent(both / crossed.length)} of crossings had been warned of, ${percent(both / warned.length)} of warnings crossed within ${AHEAD} h, ${percent(warned.length / single.length)} of books were warned.\n`,
  )
}

function printBins({ bins, brier, brierOfMean }: Reliability, worst?: Reliability): void {
  print(`| said | books | mean said | came true |${worst ? ' at worst |' : ''}`)
  print(`|---|---:|---:|---:|${worst ? '---:|' : ''}`)
  for (const [i, { from, count, said, came }] of bins.entries()) {
    const to = bins[i + 1]?.from ?? 1
    const last = worst ? ` ${percent(worst.bins[i]?.came ?? 0)} |` : ''
    print(`| ${percent(from)} to ${percent(to)} | ${count} | ${percent(said)} | ${percent(came)} |${last}`)
  }
  const skill = (of: Reliability) => `Brier ${of.brier.toFixed(4)}, ${of.brierOfMean.toFixed(4)} of the mean for ever`
  print(`\n${skill({ bins, brier, brierOfMean })}${worst ? `; at worst ${skill(worst)}` : ''}.\n`)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
