/** The prices that were asked for, over the time that was. */
import { between, commonSpan, type Series } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { type PriceFiles, readSeries } from '@omnimargin/service/prices'

export type Asked = { readonly from?: string | undefined; readonly to?: string | undefined }

/** Reads each symbol once and cuts all of them to one span: what is asked for, or all that they share. */
export function readSpan(symbols: readonly string[], files: PriceFiles, asked: Asked): Map<string, Series> {
  const all = symbols.map((symbol) => readSeries(symbol, files))
  const common = commonSpan(all)
  const from = asked.from === undefined ? common.from : parseTime(asked.from)
  const to = asked.to === undefined ? common.to : parseTime(asked.to)
  const isWhole = [from, to].every((time) => (time - common.from) % common.interval === 0)
  if (from < common.from || to > common.to || from >= to || !isWhole) {
    const reach = `${formatTime(common.from)} to ${formatTime(common.to)} in bars of ${common.interval} s`
    throw new InputError(
      `${symbols.join(', ')}: there are prices from ${reach}: ask for whole bars of that, not ${formatTime(from)} to ${formatTime(to)}.`,
    )
  }
  return new Map(all.map((series) => [series.symbol, between(series, from, to)]))
}

/** Seconds since 1970, of "2024-01-01", "2024-01-01T12:00:00Z" or such seconds themselves. */
export function parseTime(text: string): number {
  if (/^\d{1,11}$/.test(text)) return Number(text)
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?$/.test(text)
  const ms = isTime ? Date.parse(text) : Number.NaN
  if (Number.isInteger(ms)) return ms / 1000
  throw new InputError(
    `"${text}" is no time: give a day, 2024-01-01, a time, 2024-01-01T12:00:00Z, or seconds since 1970.`,
  )
}

/** "2024-01-01 12:00". */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')
}
