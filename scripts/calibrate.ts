// `npm run calibrate [-- --prices DIR --symbols ETH,BTC --hours N]`: random books over two hourly prices, and whether those that were said to cross maintenance did.
import { parseArgs } from 'node:util'
import { accountOf } from '@omnimargin/core/account'
import { EMPTY_LEDGER, FLAT, type Ledger, marginOf } from '@omnimargin/core/ledger'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import { InputError } from '@omnimargin/risk/errors'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { hourlyOf } from '@omnimargin/risk/estimate/candle'
import { chanceOf, type Past, pastOf } from '@omnimargin/risk/estimate/crossing'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { observerOf } from '@omnimargin/risk/estimate/observer'
import { outlookOf } from '@omnimargin/risk/estimate/outlook'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import { seriesOf, THREE_YEARS } from '@omnimargin/risk/synthetic'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { findPrices, readStretches } from '@omnimargin/service/prices'
import { report, type Trial } from '../cli/src/calibrate/report.ts'
import { complain, progressOf } from '../cli/src/terminal/progress.ts'
import { screenOn } from '../cli/src/terminal/screen.ts'

const HOUR = 3_600
const NOW = 1_000_000n
const YEAR = 8_760
const [FIRST, SECOND] = [0, 1]
const OWNER = accountOf(`0x${'1'.repeat(40)}`)
const NOTIONAL = 100_000n
/** What a book holds, in parts of its notional: of the first price and the second, and of the first as collateral. */
const BOOKS = {
  'long first': [1, 0, 0],
  'short first': [-1, 0, 0],
  'long second': [0, 1, 0],
  'short second': [0, -1, 0],
  'long first on itself': [1, 0, 0.5],
  'long both': [0.5, 0.5, 0],
  hedged: [1, -1, 0],
  'half hedged': [1, -0.5, 0],
} as const
type BookName = keyof typeof BOOKS
const SINGLE = (Object.keys(BOOKS) as BookName[]).filter((name) => BOOKS[name][0] === 0 || BOOKS[name][1] === 0)

type Followed = {
  readonly observe: ReturnType<typeof observerOf>
  readonly past: Past
  expected: number | undefined
  still: number | undefined
}

const USAGE = 'npm run calibrate -- [--prices DIR] [--symbols ETH,BTC] [--hours 1] [--seed 1]'

const { prices, symbols, seed, hours } = asked()
const AHEAD = Number(hours)
const SYMBOLS = symbols.split(',')
/** Spans that overlap by more say little that is new. */
const EVERY = 1 + Math.ceil(AHEAD / 2)

try {
  if (!/^([1-9]|1\d|2[0-4])$/.test(hours)) throw new InputError(`--hours ${hours}: give 1 to 24.`)
  if (SYMBOLS.length !== 2 || SYMBOLS[0] === SYMBOLS[1])
    throw new InputError(`--symbols ${symbols}: give two, as in ETH,BTC.`)
  if (!/^\d{1,18}$/.test(seed)) throw new InputError(`--seed ${seed}: give a whole number.`)
  const trials = replay(seriesAsked(prices), BigInt(seed))
  if (trials.length === 0)
    throw new InputError(`${symbols}: give ${YEAR + 2 * AHEAD} hours that both have, the first ${YEAR} are history.`)
  report(screenOn(process.stdout), { trials, symbols: SYMBOLS, hours: AHEAD, isMadeUp: prices === undefined })
} catch (failure) {
  if (!(failure instanceof InputError)) throw failure
  complain(failure.message)
  process.exitCode = 1
}

function seriesAsked(folder: string | undefined): Map<number, Candle>[] {
  const files = folder === undefined ? undefined : findPrices(folder)
  const madeUp = files ? [] : seriesOf(THREE_YEARS)
  return SYMBOLS.map((symbol) => {
    if (files && !files.bySymbol.has(symbol)) throw new InputError(`${folder} has no prices of ${symbol}: add them.`)
    const stretches = files ? readStretches(symbol, files) : madeUp.filter((one) => one.symbol === symbol)
    if (stretches.length === 0)
      throw new InputError(`There are no made-up prices of ${symbol}: ask for ${names(madeUp)}.`)
    return new Map(hourlyOf(stretches).map((candle) => [candle.time, candle]))
  })
}

function names(series: readonly { readonly symbol: string }[]): string {
  return series.map(({ symbol }) => symbol).join(', ')
}

/** Two books at a time, once a year has been seen; what is said of them knows no later bar. */
function replay(bars: readonly Map<number, Candle>[], seed: bigint): Trial[] {
  const draw = drawsOf(seed)
  const names = Object.keys(BOOKS) as BookName[]
  const markets = bars.map(
    (): Followed => ({
      observe: observerOf(DEFAULTS, YEAR),
      past: pastOf(DEFAULTS),
      expected: undefined,
      still: undefined,
    }),
  )
  const times = [...(bars[0]?.keys() ?? [])].filter((time) => bars.every((one) => one.has(time))).sort((a, b) => a - b)
  const trials: Trial[] = []
  const progress = progressOf()
  let before: (Candle | undefined)[] = []
  for (const [i, time] of times.entries()) {
    progress(SYMBOLS.join(' and '), i / times.length)
    const candles = bars.map((one) => one.get(time) as Candle)
    for (const [m, market] of markets.entries()) {
      const [last, candle] = [before[m], candles[m] as Candle]
      if (last && market.expected) market.past.add(last, candle, market.expected)
      const { 'QR+ACI': expected, static: still } = market.observe(candle)
      market.expected = expected
      market.still = still
    }
    before = candles
    if (i % EVERY > 0) continue
    const next = bars.map((one) => hoursFrom(one, time + HOUR))
    if (i < YEAR || next.some((one) => !one) || markets.some(({ expected, still }) => !expected || !still)) continue
    for (let book = 0; book < 2; book += 1) {
      const name = names[Number(drawBetween(draw, 0n, BigInt(names.length - 1)))] as BookName
      // Log-uniform from 0.1 % to 15 % of the notional.
      const buffer = 0.001 * 150 ** (Number(drawBetween(draw, 0n, 1_000_000n)) / 1e6)
      trials.push(trialOf(name, buffer, candles, next as Candle[][], markets))
    }
  }
  return trials
}

/** So many bars from that time on; nothing where one of them is missing. */
function hoursFrom(bars: ReadonlyMap<number, Candle>, from: number): Candle[] | undefined {
  const all = Array.from({ length: AHEAD }, (_, i) => bars.get(from + i * HOUR)).filter((one) => one !== undefined)
  return all.length < AHEAD ? undefined : all
}

function trialOf(book: BookName, buffer: number, now: Candle[], next: Candle[][], markets: readonly Followed[]): Trial {
  const ledger = ledgerWith(
    book,
    buffer,
    now.map(({ close }) => close),
  )
  const expectations = new Map(markets.map(({ expected = 0, past }, feed) => [feed, { quantile: expected, past }]))
  const outlook = outlookOf(ledger, OWNER, NOW, expectations, AHEAD * HOUR)
  if (typeof outlook === 'string') throw new Error(outlook)
  const main = outlook.shocks.reduce((most, one) => (one.taken > most.taken ? one : most), outlook.shocks[0]!)
  const { expected = 0, still = 1 } = markets[main.feed] ?? {}
  const unseen = [{ past: pastOf(DEFAULTS), taken: 1 }]
  const chanceStill = chanceOf(unseen, (outlook.quantiles * expected) / still, AHEAD * HOUR)
  const isSingle = SINGLE.includes(book)
  return { book, isSingle, said: outlook.chance, still: chanceStill, ...cameOf(ledger, next, isSingle) }
}

function cameOf(ledger: Ledger, [first = [], second = []]: Candle[][], isSingle: boolean) {
  const falls = (prices: number[]) => spareOf(ledger, prices) < 0n
  const fallsAt = (kind: 'low' | 'high' | 'close') =>
    first.some((candle, hour) => falls([candle[kind], second[hour]?.[kind] ?? 0]))
  const ends = (bars: Candle[]) => [Math.min(...bars.map(({ low }) => low)), Math.max(...bars.map(({ high }) => high))]
  const most = ends(first).some((a) => ends(second).some((b) => falls([a, b])))
  const closes = isSingle ? most : most && fallsAt('close')
  const joint = isSingle ? most : closes || (most && (fallsAt('low') || fallsAt('high')))
  return { closes: Number(closes), joint: Number(joint), most: Number(most) }
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
    cash: 0n,
    debtSince: 0n,
    isPutUp: false,
    lines: [{ listing: 0, holder: OWNER, units: units(weth, ether), counted: units(weth, ether) }],
    positions: new Map([
      [FIRST, position(long, FIRST)],
      [SECOND, position(other, SECOND)],
    ]),
  }
  const bare: Ledger = {
    ...priced(EMPTY_LEDGER, prices),
    parameters: PARAMETERS,
    version: 1,
    setAt: NOW,
    heard: new Map([0, 1, 2].flatMap((peer) => [[venuePeer(peer), NOW] as const, [vaultPeer(peer), NOW] as const])),
    accounts: new Map([[OWNER, account]]),
  }
  const missing = BigInt(Math.round(buffer * Number(NOTIONAL) * 1e6)) * 10n ** 12n - spareOf(bare, prices)
  const cash = missing > 0n ? (missing * WAD) / (WAD - PARAMETERS.cashHaircut) : missing
  return { ...bare, accounts: new Map([[OWNER, { ...account, cash }]]) }
}

function spareOf(ledger: Ledger, prices: readonly number[]): bigint {
  const margin = marginOf(priced(ledger, prices), OWNER, NOW)
  if (typeof margin === 'string') throw new Error(margin)
  return margin.maintenanceMarginBalance - margin.maintenanceMargin
}

/** Ends the process where that is all there is to do. */
function asked() {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        prices: { type: 'string' },
        symbols: { type: 'string', default: 'ETH,BTC' },
        seed: { type: 'string', default: '1' },
        hours: { type: 'string', default: '1' },
      },
    })
    if (!values.help) return values
    process.stdout.write(`${USAGE}\n`)
    process.exit(0)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    complain(`${cause.message}\n${USAGE}`)
    process.exit(2)
  }
}
