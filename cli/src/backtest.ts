/** `omnimargin backtest`: every estimator of haircuts over recorded prices, judged by the hour that came after. */
import type { Series } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { type RowName, SPEEDS, type Speed, verdictOf, type Walk, walk } from '@omnimargin/risk/estimate/backtest'
import { hourlyOf } from '@omnimargin/risk/estimate/candle'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import type { Verdict } from '@omnimargin/risk/estimate/statistics'
import { seriesOf, THREE_YEARS } from '@omnimargin/risk/synthetic'
import { findPrices, readStretches } from '@omnimargin/service/prices'
import { formatBacktest } from './backtest/report.ts'
import { type Asked, formatTime, parseTime } from './compare/span.ts'
import { complain, progressOf } from './terminal/progress.ts'

export type BacktestOptions = Asked & {
  readonly prices?: string | undefined
  readonly asset?: readonly string[] | undefined
  /** `SYMBOL=FLOOR`, of what is to be worth one dollar, besides those that are known. */
  readonly peg?: readonly string[] | undefined
  readonly format: 'table' | 'csv' | 'json'
}

export type Span = { readonly from: number; readonly to: number }
export type Judged = { readonly name: RowName; readonly speed: Speed; readonly verdict: Verdict }
export type AssetReport = {
  readonly symbol: string
  readonly span: Span
  readonly rows: readonly Judged[]
  readonly crashes: readonly { readonly month: string; readonly rows: readonly Judged[] }[]
}

/** Of a folder, what cannot be judged. */
export type Refused = { readonly symbol: string; readonly reason: string }
export type Report = {
  readonly reports: readonly AssetReport[]
  readonly refused: readonly Refused[]
  readonly isMadeUp: boolean
}

/** Months in which markets broke. */
export const CRASHES = ['2020-03', '2021-05', '2022-05', '2022-11', '2023-03', '2024-08', '2025-10']

const PEG_FLOORS: ReadonlyMap<string, number> = new Map(Object.entries(DEFAULTS.peg.floor))
const HOUR = 3600
const YEAR_BARS = 8760
/** Before the first hour that is judged: enough for the plain estimators, the finer ones join in. */
const LEAST_CALIBRATION = 504

/** Returns what is to be printed. Throws InputError with the place of what cannot be used. */
export function backtest(options: BacktestOptions): string {
  const { prices } = options
  const sources = prices === undefined ? madeUp(options) : recorded(prices, options)
  const pegFloors = pegFloorsOf(options, sources)
  const progress = progressOf()
  const reports: AssetReport[] = []
  const refused: Refused[] = []
  for (const { symbol, read } of sources) {
    try {
      reports.push(reportOn(symbol, read(), { ...options, pegFloors }, (share) => progress(symbol, share)))
    } catch (failure) {
      // Of a whole folder the rest can be judged; what was asked for by name must be.
      if (!(failure instanceof InputError) || options.asset !== undefined) throw failure
      refused.push({ symbol, reason: failure.message })
    }
  }
  const reasons = [...new Set(refused.map(({ reason }) => reason))].join('\n')
  if (reports.length === 0) throw new InputError(reasons)
  if (reasons !== '') complain(`Not judged:\n${reasons}`)
  return formatBacktest({ reports, refused, isMadeUp: prices === undefined }, options.format)
}

type WalkAsked = Asked & { readonly pegFloors?: ReadonlyMap<string, number> }
type Source = { readonly symbol: string; readonly read: () => Series[] }

function madeUp({ asset }: BacktestOptions): Source[] {
  const symbols = chosen(
    THREE_YEARS.assets.map(({ symbol }) => symbol),
    asset,
    'The set of made-up prices',
  )
  let all: Series[] | undefined
  const read = (symbol: string) => {
    all ??= seriesOf(THREE_YEARS)
    return all.filter((one) => one.symbol === symbol)
  }
  return symbols.map((symbol) => ({ symbol, read: () => read(symbol) }))
}

function recorded(folder: string, { asset }: BacktestOptions): Source[] {
  const files = findPrices(folder)
  if (files.unread.length > 0)
    complain(`Not read, as their names are not like btcusdt_1h.csv.gz: ${files.unread.join(', ')}`)
  const symbols = chosen([...files.bySymbol.keys()], asset, folder)
  return symbols.map((symbol) => ({ symbol, read: () => readStretches(symbol, files) }))
}

function chosen(all: readonly string[], asked: readonly string[] | undefined, place: string): readonly string[] {
  const symbols = asked?.map((symbol) => symbol.toUpperCase()) ?? all
  const missing = symbols.find((symbol) => !all.includes(symbol))
  if (missing === undefined) return symbols
  throw new InputError(`${place} has no prices of ${missing}: ask for ${all.join(', ')}.`)
}

/** By symbol. Throws InputError at what is no floor, or of no symbol that is walked. */
function pegFloorsOf({ peg = [] }: BacktestOptions, sources: readonly Source[]): ReadonlyMap<string, number> {
  const asked = peg.map((text): [string, number] => {
    const [, name = '', digits = ''] = /^([a-z0-9]+)=(\d*\.?\d+)$/i.exec(text) ?? []
    const [symbol, floor] = [name.toUpperCase(), Number(digits)]
    if (name === '' || floor > 1)
      throw new InputError(`--peg ${text}: give SYMBOL=FLOOR, the least of its haircut from 0 to 1, as PYUSD=0.01.`)
    if (sources.some((source) => source.symbol === symbol)) return [symbol, floor]
    throw new InputError(`--peg ${text}: ${symbol} is none of ${sources.map((source) => source.symbol).join(', ')}.`)
  })
  return new Map([...PEG_FLOORS, ...asked])
}

function reportOn(
  symbol: string,
  stretches: readonly Series[],
  asked: WalkAsked,
  onProgress: (share: number) => void,
): AssetReport {
  const { walked, span } = walkOf(symbol, stretches, asked, onProgress)
  const judgedIn = (within: Span): Judged[] =>
    SPEEDS.flatMap((speed) =>
      walked.names.flatMap((name) => {
        const verdict = verdictOf(walked, name, speed, within, DEFAULTS.alpha)
        return verdict ? [{ name, speed, verdict }] : []
      }),
    )
  const crashes = CRASHES.map((month) => ({ month, rows: judgedIn(spanOfMonth(month)) }))
  return { symbol, span, rows: judgedIn(span), crashes: crashes.filter(({ rows }) => rows.length > 0) }
}

/** Walks one asset's bars; the span is that of the hours that are judged. */
export function walkOf(
  symbol: string,
  stretches: readonly Series[],
  asked: WalkAsked,
  onProgress?: (share: number) => void,
): { walked: Walk; span: Span } {
  const candles = hourlyOf(stretches)
  const end = (candles.at(-1)?.time ?? 0) + HOUR
  const from = asked.from === undefined ? undefined : parseTime(asked.from)
  const to = asked.to === undefined ? end : Math.min(end, parseTime(asked.to))
  const before = from === undefined ? Math.floor(candles.length / 3) : candles.filter(({ time }) => time < from).length
  // So many bars have one loss fewer, and one more for each gap: all estimators are judged from the same hour on.
  const history = candles.slice(0, Math.min(YEAR_BARS + 1, before))
  const calibration = history.filter(({ time }, i) => i > 0 && time - (history[i - 1]?.time ?? 0) === HOUR).length
  const start = from ?? candles[history.length]?.time ?? end
  if (before < LEAST_CALIBRATION) {
    throw new InputError(
      `${symbol} has ${candles.length} bars to ${formatTime(end)}, ${before} before the first hour that is judged: give at least ${LEAST_CALIBRATION} before it; without --from it is a third of the way.`,
    )
  }
  if (start + HOUR >= to) {
    const later = asked.to === undefined ? '' : 'a later --to, or '
    throw new InputError(
      `${symbol} has bars to ${formatTime(end)}; the first hour that is judged is ${formatTime(start)}, the end is ${formatTime(to)}: give ${later}an earlier --from.`,
    )
  }
  const pegFloor = (asked.pegFloors ?? PEG_FLOORS).get(symbol)
  const walked = walk(candles, DEFAULTS, { calibration, pegFloor, onProgress })
  return { walked, span: { from: start, to } }
}

function spanOfMonth(month: string): Span {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return { from: Date.UTC(year, number - 1) / 1000, to: Date.UTC(year, number) / 1000 }
}
