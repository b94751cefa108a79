/** OHLCV files as they are published, read strictly: a fault names its file and line, and nothing is repaired. */
import { MAX_PRICE, type Price } from '@omnimargin/core/wad'
import { parseDecimal } from './decimal.ts'
import { InputError } from './errors.ts'

/** What the bars of one stretch say, at 1e18, bar by bar. */
type Columns = {
  readonly opens: readonly Price[]
  readonly highs: readonly Price[]
  readonly lows: readonly Price[]
  readonly closes: readonly Price[]
  /** In base units, as the file has it. */
  readonly volumes: readonly bigint[]
}
const NAMES = ['opens', 'highs', 'lows', 'closes', 'volumes'] as const

/** The rows of one file: opening times in seconds, the columns, and where each row stood. */
export type Bars = Columns & {
  readonly file: string
  readonly times: readonly number[]
  readonly lines: readonly number[]
}

/** Bars without a gap: the bar `i` opens at `start + i * interval` and closes at the end of it. */
export type Series = Columns & {
  readonly symbol: string
  readonly start: number
  readonly interval: number
}

/** Without a header: `ts,open,high,low,close,volume`, or those and the six that Binance's public dumps add. */
const COLUMNS = [6, 12]
const TIMES = [
  'ts',
  'timestamp',
  'unix',
  'unix_timestamp',
  'open_time',
  'opentime',
  'time',
  'datetime',
  'date_time',
  'date',
]
/** What a header calls them, in lower case; of several names the first that is there. What else there is is not looked at. */
const CALLED = {
  time: new RegExp(`^(?:${TIMES.join('|')})$`),
  prices: [/^o(?:pen)?$/, /^h(?:igh)?$/, /^l(?:ow)?$/, /^c(?:lose)?$/],
  volume: /^(?:v|vol|volume.*)$/,
}
/** Where each stands in a row; a volume may be missing, and is none. */
type Layout = { readonly width: number; readonly time: number; readonly values: readonly number[] }
/** Archives say above the header where they are. */
const ADDRESS = /^\s*"?(?:https?:\/\/|www\.)[^\s,;]*\s*$/i
/** Dumps tell time in seconds, milliseconds or, from 2025 on, microseconds: told apart by their size. */
const SECONDS_BELOW = 100_000_000_000
const MILLISECONDS_BELOW = 1000 * SECONDS_BELOW
const MAX_BARS = 1_000_000

/** Reads one file's text. Throws InputError with the first fault. */
export function parseBars(file: string, text: string): Bars {
  const rows = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (rows.at(-1) === '') rows.pop()
  const top = ADDRESS.test(rows[0] ?? '') ? 1 : 0
  const title = rows[top] ?? ''
  const separator = [',', ';', '\t'].find((one) => title.includes(one)) ?? ','
  const head = cellsOf(title, separator)
  const isNamed = /^(?:[a-z]|$)/i.test(head[0] ?? '')
  const first = isNamed ? top + 1 : top
  if (rows.length <= first) throw new InputError(`${file}: has no bars: give it at least two.`)
  if (rows.length > MAX_BARS)
    throw new InputError(`${file}: has ${rows.length} lines, the limit is ${MAX_BARS}: cut it.`)
  const layout = isNamed
    ? layoutOf(`${file}:${first}`, title, head)
    : { width: head.length, time: 0, values: [1, 2, 3, 4, 5] }
  const bars = { file, times: [] as number[], lines: [] as number[], ...columns(() => [] as bigint[]) }
  for (let i = first; i < rows.length; i++) {
    const place = `${file}:${i + 1}`
    const { time, values } = parseRow(place, cellsOf(rows[i] ?? '', separator), layout, isNamed)
    bars.times.push(time)
    for (const [column, name] of NAMES.entries()) bars[name].push(values[column] ?? 0n)
    bars.lines.push(i + 1)
  }
  const isNewestFirst = (bars.times[0] ?? 0) > (bars.times.at(-1) ?? 0)
  if (isNewestFirst) for (const name of ['times', 'lines', ...NAMES] as const) bars[name].reverse()
  return bars
}

/** Without the blanks and quotes around them. */
function cellsOf(row: string, separator: string): string[] {
  return row.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
}

function columns<Values>(of: (name: (typeof NAMES)[number]) => Values) {
  return {
    opens: of('opens'),
    highs: of('highs'),
    lows: of('lows'),
    closes: of('closes'),
    volumes: of('volumes'),
  }
}

/** One series out of a symbol's files, in any order. Throws InputError at the first bar that is not where it must be. */
export function joinBars(symbol: string, parts: readonly Bars[]): Series {
  const [whole, next] = joinStretches(symbol, parts)
  if (whole === undefined || next !== undefined) {
    throw new InputError(`${next?.place ?? symbol}: ${next?.fault ?? `${symbol} has no bars.`}`)
  }
  return whole.series
}

/** As joinBars, but a gap only ends a stretch: what a market that was closed for months is like. */
export function stretchesOf(symbol: string, parts: readonly Bars[]): Series[] {
  return joinStretches(symbol, parts).map(({ series }) => series)
}

/** A stretch, and for all but the first where it begins and what is wrong with that. */
type Stretch = { readonly series: Series; readonly place?: string; readonly fault?: string }

function joinStretches(symbol: string, parts: readonly Bars[]): Stretch[] {
  const inOrder = parts.filter(({ times }) => times.length > 0).sort((a, b) => (a.times[0] ?? 0) - (b.times[0] ?? 0))
  const times = inOrder.flatMap((part) => part.times)
  const all = columns((name) => inOrder.flatMap((part) => part[name]))
  const places = inOrder.flatMap(({ file, lines }) => lines.map((line) => `${file}:${line}`))
  const [start] = times
  if (start === undefined || times.length < 2) {
    throw new InputError(`${places[0] ?? symbol}: ${symbol} has ${times.length} bars: give it at least two.`)
  }
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  const interval = steps.reduce((least, step) => (step > 0 && step < least ? step : least), Number.MAX_SAFE_INTEGER)
  const wrong = steps.findIndex((step) => step <= 0 || step % interval !== 0)
  if (wrong >= 0)
    throw new InputError(`${places[wrong + 1]}: ${faultOf(steps[wrong] ?? 0, times[wrong] ?? 0, interval)}`)
  const gaps = [-1, ...steps.flatMap((step, i) => (step === interval ? [] : [i])), times.length - 1]
  return gaps.slice(1).map((last, i) => {
    const before = gaps[i] ?? -1
    const cut = columns((name) => all[name].slice(before + 1, last + 1))
    const series = { symbol, start: times[before + 1] ?? start, interval, ...cut }
    if (before < 0) return { series }
    return {
      series,
      place: places[before + 1] ?? symbol,
      fault: faultOf(steps[before] ?? 0, times[before] ?? 0, interval),
    }
  })
}

function faultOf(step: number, before: number, interval: number): string {
  if (step === 0) return `time ${before} is there twice: keep one of the two bars.`
  if (step < 0) return `time ${before + step} comes after ${before}: sort the bars by time.`
  return `time ${before + step} follows ${before}, a gap in bars of ${interval} s: fill in what is missing from the source, or cut there.`
}

function layoutOf(place: string, title: string, head: readonly string[]): Layout {
  const names = head.map((name) => name.toLowerCase().replaceAll(' ', '_'))
  const placeOf = (called: RegExp) => names.findIndex((name) => called.test(name))
  const [time, prices, volume] = [placeOf(CALLED.time), CALLED.prices.map(placeOf), placeOf(CALLED.volume)]
  if ([time, ...prices].every((place) => place >= 0))
    return { width: head.length, time, values: volume < 0 ? prices : [...prices, volume] }
  throw new InputError(
    `${place}: the columns are "${title}": they must be called open, high, low, close, volume if there is one, and the time one of ${TIMES.join(', ')}; in any order.`,
  )
}

/** The time, and open, high, low, close and volume. */
function parseRow(place: string, cells: readonly string[], { width, time, values }: Layout, isNamed: boolean) {
  if (cells.length !== width || !(isNamed || COLUMNS.includes(width))) {
    const remedy = isNamed
      ? `its header has ${width}: give as many in every line.`
      : 'give ts,open,high,low,close,volume, or the 12 columns of a Binance dump, in every line, or a header.'
    throw new InputError(`${place}: has ${cells.length} columns: ${remedy}`)
  }
  const at = parseTime(place, cells[time] ?? '')
  const numbers = values.map((column) => {
    const value = parseDecimal(plain(cells[column] ?? ''))
    if (value === undefined)
      throw new InputError(`${place}: column ${column + 1} is "${cells[column]}": give a plain decimal number.`)
    return value
  })
  const [open = 0n, high = 0n, low = 0n, close = 0n] = numbers
  const [opened, highest, lowest, closed] = values.map((column) => cells[column])
  for (const [name, value] of Object.entries({ open, high, low, close })) {
    if (value === 0n) throw new InputError(`${place}: ${name} is zero: a price is above zero; correct the bar.`)
    if (value > MAX_PRICE) throw new InputError(`${place}: ${name} is above 2^96 - 1 at 1e18: correct the bar.`)
  }
  if (high < low) throw new InputError(`${place}: high ${highest} is below low ${lowest}: correct the bar.`)
  if (open > high || open < low || close > high || close < low) {
    throw new InputError(
      `${place}: open ${opened} or close ${closed} is outside ${lowest}..${highest}: correct the bar.`,
    )
  }
  return { time: at, values: numbers }
}

/** "1.7e+10" as "17000000000", "4e-05" as "0.00004": how scripts write volumes that are huge and prices of coins that are worth nothing. Digits that no integer at 1e18 has are cut. */
function plain(text: string): string {
  return withoutExponent(text).replace(/(\.\d{18})\d+$/, '$1')
}

function withoutExponent(text: string): string {
  const [, whole = '', fraction = '', sign, exponent = ''] = /^(\d)(?:\.(\d+))?e([+-])(\d\d?)$/i.exec(text) ?? []
  const places = Number(exponent)
  if (whole === '' || places === 0) return text
  if (sign === '-') return `0.${whole.padStart(places, '0')}${fraction}`
  return places < fraction.length ? text : `${whole}${fraction.padEnd(places, '0')}`
}

/** Of a clock that says nothing else it is that of Greenwich. */
const CLOCK =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d{2})(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.0+)?)?(?:Z|\+00:?00| ?UTC)?)?$/

/** Seconds since 1970; nothing where it is no such clock's, or no day of the calendar. */
function clockTime(text: string): number | undefined {
  const found = CLOCK.exec(text)
  if (!found) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map((part) => Number(part ?? 0))
  const [first, next] = [dayOf(year, month), dayOf(year, month + 1)]
  if (year < 1970 || day < 1 || day > next - first) return undefined
  return (((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second
}

/** Days from 1970 to the first of a month; the thirteenth is the next year's first. */
function dayOf(year: number, month: number): number {
  // Counted from March, so that a leap day is the last of its year.
  const [from, months] = month > 2 ? [year, month - 3] : [year - 1, month + 9]
  const whole = (value: number) => value - (value % 1)
  const leapDays = whole(from / 4) - whole(from / 100) + whole(from / 400)
  return 365 * from + leapDays + whole((153 * months + 2) / 5) - 719_468
}

function parseTime(place: string, text: string): number {
  const shown = clockTime(text)
  if (shown !== undefined) return shown
  const digits = text.replace(/\.0+$/, '')
  const time = Number(digits)
  const divisor = time < SECONDS_BELOW ? 1 : time < MILLISECONDS_BELOW ? 1_000 : 1_000_000
  if (/^\d{1,16}$/.test(digits) && time % divisor === 0) return time / divisor
  throw new InputError(
    `${place}: time is "${text}": give whole seconds, as seconds, milliseconds or microseconds since 1970, or as 2024-01-01 12:00:00.`,
  )
}

/** How many whole bars fit a time (seconds): at least one. */
export function barsIn(seconds: number, interval: number): number {
  return Math.max(1, (seconds - (seconds % interval)) / interval)
}

/** The part of a series whose bars open in [from, to). Throws InputError where it does not reach. */
export function between(series: Series, from: number, to: number): Series {
  const { symbol, start, interval, closes } = series
  const end = start + closes.length * interval
  if (from < start || to > end || (from - start) % interval !== 0 || (to - start) % interval !== 0) {
    throw new InputError(
      `${symbol} has bars of ${interval} s from ${start} to ${end}: ask for a part of that, not ${from} to ${to}.`,
    )
  }
  if (to - from < 2 * interval) throw new InputError(`From ${from} to ${to} is less than two bars: ask for more.`)
  const cut = columns((name) => series[name].slice((from - start) / interval, (to - start) / interval))
  return { ...series, start: from, ...cut }
}

/** Of stretches, the bars that open at `from` or later and are over by `to`; those without any are left out. */
export function within(stretches: readonly Series[], from: number, to: number): Series[] {
  return stretches.flatMap((series) => {
    const { start, interval, closes } = series
    const bars = (seconds: number) => (seconds - (seconds % interval)) / interval
    const first = bars(Math.max(0, from - start + interval - 1))
    const end = Math.min(closes.length, bars(Math.max(0, to - start)))
    if (first >= end) return []
    return [{ ...series, start: start + first * interval, ...columns((name) => series[name].slice(first, end)) }]
  })
}

/** The longest stretch that all of them cover. Throws InputError where their bars differ in length or never meet. */
export function commonSpan(all: readonly Series[]): { from: number; to: number; interval: number } {
  const [first] = all
  if (first === undefined) throw new InputError('No prices are asked for: name an underlying.')
  const { interval } = first
  const other = all.find((series) => series.interval !== interval || (series.start - first.start) % interval !== 0)
  if (other) {
    throw new InputError(
      `${first.symbol} and ${other.symbol} have bars of ${interval} s and ${other.interval} s, or out of step: give both alike.`,
    )
  }
  const from = all.reduce((latest, { start }) => Math.max(latest, start), first.start)
  const to = all.reduce(
    (least, { start, closes }) => Math.min(least, start + closes.length * interval),
    Number.MAX_SAFE_INTEGER,
  )
  if (from >= to)
    throw new InputError(`${all.map(({ symbol }) => symbol).join(', ')} share no time: give files that overlap.`)
  return { from, to, interval }
}
