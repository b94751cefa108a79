/** A folder of OHLCV files, by symbol. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Bars, joinBars, parseBars, type Series, stretchesOf } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'

/** A symbol's files in a folder: one, or one a month or day; and those whose names say nothing. */
export type PriceFiles = {
  readonly folder: string
  readonly bySymbol: ReadonlyMap<string, readonly string[]>
  readonly unread: readonly string[]
}

/** btcusdt_1h.csv.gz, BTC.csv, BTC-USD.csv, BTCUSDT-1h-2024-01.csv, btcusdt_1h_2020_2024.csv, Binance_BTCUSDT_1h.csv: perhaps an exchange, symbol, perhaps a quote currency, interval, and the day, month or years of it. */
const EXCHANGES =
  'binance|binanceus|bitfinex|bitstamp|bittrex|bybit|cexio|coinbase|exmo|ftx|gemini|huobi|kraken|kucoin|okcoin|okex|okx|poloniex'
const FILE_NAME = new RegExp(
  String.raw`^(?:(?:${EXCHANGES})[-_])??([a-z0-9]+?)([-_]?(?:usdt|usdc|usd))?([-_]\d+[smhdw])?([-_]\d{4}(?:[-_]\d{4}|(?:-\d{2}){1,2})?)?\.csv(?:\.gz)?$`,
  'i',
)
const HOURLY = /^[-_](?:1h|60m|3600s)$/i
/** Names that end as a pair in dollars does and are one coin's: without the end each would be another's, and its peg forgotten. */
const COINS = ['BUSD', 'CRVUSD', 'CUSD', 'FDUSD', 'GUSD', 'LUSD', 'PYUSD', 'RLUSD', 'SUSD', 'TUSD']
/** So many names are told of a folder that has none that says anything. */
const MAX_TOLD = 5
const MAX_FILE_BYTES = 256 * 1024 * 1024

/** Looks at names only. Throws InputError where the folder cannot be read or names no symbol. */
export function findPrices(folder: string): PriceFiles {
  const all = namesIn(folder)
  const names = all.filter((name) => /\.csv(\.gz)?$/i.test(name))
  const named = Map.groupBy(names, (name) => partsOf(name)?.symbol)
  const unread = named.get(undefined) ?? []
  named.delete(undefined)
  const bySymbol = new Map([...named].map(([symbol, all]) => [symbol as string, hourlyAmong(all)]))
  if (bySymbol.size > 0) return { folder, bySymbol, unread }
  const told = [...all.slice(0, MAX_TOLD), ...(all.length > MAX_TOLD ? [`${all.length - MAX_TOLD} more`] : [])]
  throw new InputError(
    `${folder} has no price file, but ${told.join(', ') || 'nothing'}: name them after their symbol, as in BTC.csv, btcusdt_1h.csv.gz or Binance_BTCUSDT_1h.csv.`,
  )
}

/** One symbol's series, out of all its files. Throws InputError with the first fault's file and line. */
export function readSeries(symbol: string, files: PriceFiles): Series {
  return joinBars(symbol, readBars(symbol, files))
}

/** The same where the market may have been closed for a while: its stretches without a gap, in order. */
export function readStretches(symbol: string, files: PriceFiles): Series[] {
  return stretchesOf(symbol, readBars(symbol, files))
}

/** Where a symbol's files say that they have several intervals, those of hours; else all of them. */
function hourlyAmong(names: readonly string[]): readonly string[] {
  const hourly = names.filter((name) => HOURLY.test(partsOf(name)?.interval ?? ''))
  const isToldApart = names.every((name) => partsOf(name)?.interval !== undefined)
  return isToldApart && hourly.length > 0 ? hourly : names
}

function readBars(symbol: string, { folder, bySymbol }: PriceFiles): Bars[] {
  const names = bySymbol.get(symbol) ?? []
  const kinds = new Set(names.map((name) => partsOf(name)?.interval))
  const isWhole = names.some((name) => partsOf(name)?.month === undefined)
  if (kinds.size > 1 || (isWhole && names.length > 1)) {
    throw new InputError(`${folder} has several series of ${symbol} (${names.join(', ')}): keep one of them there.`)
  }
  const files = names.map((name) => join(folder, name))
  return files.map((file) => parseBars(file, readText(file)))
}

type NameParts = { readonly symbol: string; readonly interval: string | undefined; readonly month: string | undefined }

/** A name that ends in USD alone is a coin's as likely as a pair's: it is taken for a pair where a dash before it, an interval or a month says that it is an exchange's. */
function partsOf(name: string): NameParts | undefined {
  const [, base = '', quote = '', interval, month] = FILE_NAME.exec(name) ?? []
  if (base === '') return undefined
  const whole = (base + quote).toUpperCase()
  const isPair = quote.toUpperCase() !== 'USD' || interval !== undefined || month !== undefined
  return { symbol: isPair && !COINS.includes(whole) ? base.toUpperCase() : whole, interval, month }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (cause) {
    throw new InputError(
      `${folder}: cannot be read (${cause instanceof Error ? cause.message : cause}): give a folder.`,
    )
  }
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file)
    return (file.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES }) : bytes).toString('utf8')
  } catch (cause) {
    throw new InputError(`${file}: cannot be read (${cause instanceof Error ? cause.message : cause}): fetch it again.`)
  }
}
