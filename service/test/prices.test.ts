import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { InputError } from '@omnimargin/risk/errors'
import { findPrices, readSeries } from '../src/prices.ts'

const root = mkdtempSync(join(tmpdir(), 'omnimargin-prices-'))
after(() => rmSync(root, { recursive: true }))

const HEADER = 'ts,open,high,low,close,volume'
const rowsFrom = (hour: number) => [hour, hour + 1].map((at) => `${at * 3600},1,1,1,1,0`)

/** A folder of files of two hours each, one after the other. */
function folderOf(...names: readonly string[]): string {
  const folder = mkdtempSync(join(root, 'of-'))
  for (const [i, name] of names.entries())
    writeFileSync(join(folder, name), [HEADER, ...rowsFrom(2 * i), ''].join('\n'))
  return folder
}

test('HCT-20 a file’s name tells its symbol, and no coin loses the end of its name', () => {
  const cases: readonly [symbol: string, ...names: string[]][] = [
    ['BTC', 'BTC.csv', 'btc.csv.gz', 'BTCUSDT.csv', 'btcusdc.csv', 'btcusdt_1h.csv.gz', 'BTCUSD-1h.csv'],
    ['BTC', 'BTCUSDT-1h-2024-01.csv', 'BTCUSDT-1h-2024-01-31.csv', 'BTCUSD_2024-01.csv', 'BTC-4h.csv'],
    ['BTC', 'btcusdt_1h_2020_2024.csv.gz', 'BTC_2020-2024.csv', 'BTCUSD_2024.csv'],
    ['BTC', 'BTC-USD.csv', 'BTC_USDT.csv', 'btc-usdt-1h.csv', 'BTC_USDT-1h-2024-01.csv', 'BTC-USDC_2020-2024.csv'],
    ['ETH', 'Binance_ETHUSDT_1h.csv', 'Bitstamp_ETHUSD_1h.csv', 'coinbase-ETH-USD-1h.csv', 'KRAKEN_ETH.csv'],
    // No exchange's: a pair, or a coin.
    ['FTX', 'FTX_USDT.csv', 'FTX-USD.csv', 'ftxusdt_1h.csv'],
    ['BUSD', 'BUSD.csv', 'BUSD-USDT.csv', 'busd_1h.csv', 'busdusdt_1h.csv.gz', 'BUSDUSDT-1h-2022-05.csv'],
    ['TUSD', 'TUSD.csv', 'TUSD-1h-2023-06.csv', 'tusdusd_1h.csv'],
    ['PYUSD', 'PYUSD.csv', 'pyusd_1h.csv', 'PYUSDUSDC.csv'],
    ['USDC', 'USDC.csv', 'usdc_1h.csv', 'usdcusdt_1h.csv.gz', 'USDCUSD-1h-2023-03.csv'],
    ['USDT', 'USDT.csv', 'usdtusd_1h.csv'],
    ['USDE', 'USDE.csv', 'usdeusdt_1h.csv'],
    ['UST', 'UST.csv', 'ustusdt_1h.csv'],
    // Of a coin that nobody has heard of, or of a pair: nothing says which.
    ['XYZUSD', 'XYZUSD.csv'],
    ['T', 'TUSDT.csv', 'tusdt_1h.csv'],
  ]
  for (const [symbol, ...names] of cases) {
    for (const name of names) assert.deepEqual([...findPrices(folderOf(name)).bySymbol], [[symbol, [name]]], name)
  }
  assert.throws(() => findPrices(folderOf('notes.txt', 'BTC.json', '.csv', 'usdt-1h')), InputError)
  const others = folderOf('ETH_BTC_1h.csv', ...['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.xls`))
  assert.throws(
    () => findPrices(others),
    /has no price file, but ETH_BTC_1h\.csv, a\.xls, .*, d\.xls, 1 more: name them/,
  )
})

test('HCT-20 a symbol’s months make one series, and two series of it are refused', () => {
  const months = findPrices(folderOf('BUSDUSDT-1h-2022-05.csv', 'BUSDUSDT-1h-2022-06.csv'))
  assert.equal(readSeries('BUSD', months).closes.length, 4)
  for (const names of [
    ['BUSD.csv', 'busdusdt_1h.csv'],
    ['BTCUSDT-15m-2022-05.csv', 'BTCUSDT-4h-2022-06.csv'],
    ['BTC.csv', 'BTC-2022-05.csv'],
  ]) {
    const files = findPrices(folderOf(...names))
    const [symbol = ''] = files.bySymbol.keys()
    assert.throws(() => readSeries(symbol, files), /has several series of .*: keep one of them there/)
  }
})

test('HCT-20 of several intervals of a symbol those of hours are read, and what no name explains is told', () => {
  const files = findPrices(folderOf('btcusdt_1h.csv', 'btcusdt_4h_2017_2026.csv', 'btc_of_somebody.csv', 'notes.txt'))
  assert.deepEqual([...files.bySymbol], [['BTC', ['btcusdt_1h.csv']]])
  assert.deepEqual(files.unread, ['btc_of_somebody.csv'])
})
