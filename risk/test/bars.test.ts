import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WAD } from '@omnimargin/core/wad'
import { between, commonSpan, joinBars, parseBars } from '@omnimargin/risk/bars'
import { formatDecimal, parseDecimal } from '@omnimargin/risk/decimal'
import { InputError } from '@omnimargin/risk/errors'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'
import fc from 'fast-check'
import { seriesOf } from './scenes.ts'

const HEADER = 'ts,open,high,low,close,volume'
const bar = (time: number | string, rest = '2,4,1,3,0') => `${time},${rest}`
const three = [3600, 7200, 10_800].map((time) => bar(time))
const read = (...rows: string[]) => joinBars('A', [parseBars('a.csv', rows.join('\n'))])

test('CAP-20 what cannot be used is refused with its line', () => {
  const cases: [string[], RegExp][] = [
    [[], /^a\.csv: has no bars/],
    [[HEADER], /^a\.csv: has no bars/],
    [[HEADER, bar(3600)], /^a\.csv:2: A has 1 bars/],
    [[HEADER, ...three, bar(18_000)], /^a\.csv:5: time 18000 follows 10800, a gap in bars of 3600 s/],
    [[bar(3600), bar(10_800), bar(14_400)], /^a\.csv:2: time 10800 follows 3600, a gap/],
    [[...three, bar(10_800)], /^a\.csv:4: time 10800 is there twice/],
    [[...three, bar(7200)], /^a\.csv:4: time 7200 comes after 10800: sort/],
    [[bar(3600, '0,4,1,3,0')], /^a\.csv:1: open is zero/],
    [[bar(3600, '2,4,1,0.0,0')], /^a\.csv:1: close is zero/],
    [[bar(3600, '2,4,-1,3,0')], /^a\.csv:1: column 4 is "-1"/],
    [[bar(3600, '2,1,4,3,0')], /^a\.csv:1: high 1 is below low 4/],
    [[bar(3600, '5,4,1,3,0')], /^a\.csv:1: open 5 or close 3 is outside 1\.\.4/],
    [[bar(3600, '2,4,1,0.5,0')], /^a\.csv:1: open 2 or close 0\.5 is outside 1\.\.4/],
    [[bar(3600, '2,4,1,3')], /^a\.csv:1: has 5 columns/],
    [[bar(3600, '2,4,1,3,0,9')], /^a\.csv:1: has 7 columns/],
    [[HEADER, bar(3600), bar(7200, '2,4,1,3,0,9,9,9,9,9,9')], /^a\.csv:3: has 12 columns/],
    [[HEADER, bar(3600), '', bar(7200)], /^a\.csv:3: has 1 columns/],
    [
      ['ts,open,high,low,volume', ...three],
      /^a\.csv:1: the columns are "ts,open,high,low,volume": they must be called/,
    ],
    [['close_time,open,high,low,close,volume', ...three], /^a\.csv:1: the columns are "close_time/],
    [
      ['https://a.example', 'when;open;high;low;close', ...three],
      /^a\.csv:2: the columns are "when;open;high;low;close": .* the time one of ts, timestamp, unix, .*, date; in any order\.$/,
    ],
    [['https://a.example'], /^a\.csv: has no bars/],
    [['https://a.example', 'https://a.example', ...three], /^a\.csv:2: the columns are "https:/],
    [['https://a.example', HEADER, bar(3600), bar(7200), bar(7200)], /^a\.csv:5: time 7200 is there twice/],
    [['ts,open,high,low,close', ...three], /^a\.csv:2: has 6 columns: its header has 5/],
    [[HEADER, HEADER, ...three], /^a\.csv:2: time is "ts"/],
    [[bar(3600, '2,4,1,NaN,0')], /^a\.csv:1: column 5 is "NaN"/],
    [[bar(3600, '2,4e1,1,3,0')], /^a\.csv:1: column 3 is "4e1"/],
    [[bar(3600, '2,"4,1",3,0')], /^a\.csv:1: column 3 is ""4"/],
    [[bar(3600, '2,4,0.0000000000000000001,3,0')], /^a\.csv:1: low is zero/],
    [[bar(3600, '2,99999999999,1,3,0')], /^a\.csv:1: high is above 2\^96/],
    [[bar(3600, '2,4,1,3,')], /^a\.csv:1: column 6 is ""/],
    [[bar('3600.5')], /^a\.csv:1: time is "3600\.5"/],
    [[bar('1700000000500')], /^a\.csv:1: time is "1700000000500"/],
    [[bar('99999999999999999')], /^a\.csv:1: time is "9999/],
    [[bar('2024-13-01 00:00')], /^a\.csv:1: time is "2024-13-01 00:00"/],
    [[bar('2024-01-01 00:00-05:00')], /^a\.csv:1: time is "2024-01-01 00:00-05:00"/],
    [[bar('2023-02-29')], /^a\.csv:1: time is "2023-02-29"/],
    [[bar('2024-02-28 24:00')], /^a\.csv:1: time is "2024-02-28 24:00"/],
    [[bar('01/02/2024')], /^a\.csv:1: time is "01\/02\/2024"/],
  ]
  for (const [rows, expected] of cases) {
    assert.throws(
      () => read(...rows),
      (thrown) => thrown instanceof InputError && expected.test(thrown.message),
      `${rows.join(' | ')} ${expected}`,
    )
  }
})

test('CAP-20 a gap between two files is the later one’s first line', () => {
  const parts = [
    parseBars('b.csv', [HEADER, bar(14_400), bar(18_000)].join('\n')),
    parseBars('a.csv', [bar(3600), bar(7200)].join('\n')),
  ]
  assert.throws(() => joinBars('A', parts), /^InputError: b\.csv:2: time 14400 follows 7200, a gap/)
})

test('CAP-21 both formats and all three units of time give the same series', () => {
  const twice = (value: bigint) => [value * WAD, value * WAD]
  const expected = {
    symbol: 'A',
    start: 1_700_000_000,
    interval: 3600,
    opens: twice(2n),
    highs: twice(4n),
    lows: twice(1n),
    closes: twice(3n),
    volumes: twice(0n),
  }
  const times = [1_700_000_000, 1_700_003_600]
  const binance =
    'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore'
  const cases: string[][] = [
    times.map((time) => bar(time)),
    [HEADER, ...times.map((time) => bar(time))],
    ['\uFEFFTimestamp,Open,High,Low,Close,Volume\r', ...times.map((time) => `${bar(time)}\r`), ''],
    times.map((time) => bar(`${time}000`, '2,4,1,3,0,1700003599999,1,2,3,4,0')),
    times.map((time) => bar(`${time}000000`, '2.00,4.00,1.00,3.00,0,1700003599999999,1.5,2,3.5,4,0')),
    [binance, ...times.map((time) => bar(`${time}000`, '2,4,1,3,0,1700003599999,1,2,3,4,0'))],
    // Spot dumps went from milliseconds to microseconds with 2025.
    [bar('1700000000000'), bar('1700003600000000')],
  ]
  for (const rows of cases) assert.deepEqual(read(...rows), expected)
})

test('CAP-21 columns are known by their names, times also by the clock, and the newest may come first', () => {
  const expected = read(HEADER, bar(1_700_002_800), bar(1_700_006_400))
  const same: Record<string, string[]> = {
    short: ['time,o,h,l,c,v', '1700002800,2,4,1,3,0', '1700006400,2,4,1,3,0'],
    'without volume': ['unix,open,high,low,close', '1700002800,2,4,1,3', '1700006400,2,4,1,3'],
    order: ['close,low,high,open,Volume ETH,ts', '3,1,4,2,0,1700002800', '3,1,4,2,0,1700006400'],
    more: [',ts,symbol,open,high,low,close', '0,1700002800,X,2,4,1,3', '1,1700006400,X,2,4,1,3'],
    clock: ['Date,Open,High,Low,Close', '2023-11-14T23:00:00Z,2,4,1,3', '2023-11-15 00:00,2,4,1,3'],
    zone: ['datetime,open,high,low,close', '2023-11-14 23:00:00+00:00,2,4,1,3', '2023-11-15,2,4,1,3'],
    semicolons: ['ts;open;high;low;close', '1700002800.0; 2;"4";1;3', '1700006400.0;2;4;1;3'],
    quotes: ['"ts","open","high","low","close"', '"1700002800","2","4","1","3"', '"1700006400","2","4","1","3"'],
    'an address above': [
      'https://www.CryptoDataDownload.com',
      'Unix,Date,Symbol,Open,High,Low,Close,Volume ETH,Volume USDT,tradecount',
      ...[1_700_006_400, 1_700_002_800].map((at) => `${at}000,x,ETHUSDT,2,4,1,3,0,5,6`),
    ],
    'an address above no header': ['www.a.example\r', '1700002800,2,4,1,3,0\r', '1700006400,2,4,1,3,0\r'],
    'newest first': [HEADER, bar(1_700_006_400), bar(1_700_002_800)],
  }
  for (const [what, rows] of Object.entries(same)) assert.deepEqual(read(...rows), expected, what)
  // The second of two names that fit is not looked at.
  assert.deepEqual(
    read('ts,date,open,high,low,close', ...[1_700_002_800, 1_700_006_400].map((t) => `${t},x,2,4,1,3`)),
    expected,
  )
  // A fault is told where it stands in the file.
  assert.throws(
    () => read(HEADER, bar(14_400), bar(10_800), bar(3600)),
    /^InputError: a\.csv:3: time 10800 follows 3600, a gap/,
  )
})

test('CAP-21 a clock is that of the calendar', () => {
  const draw = drawsOf(5n)
  const shown = (time: number) => new Date(1000 * time).toISOString()
  const days = ['2000-02-29', '2024-02-29', '2023-12-31', '1970-01-01', '2100-02-28', '2100-03-01']
  const drawn = Array.from({ length: 500 }, () => Number(drawBetween(draw, 0n, 8_000_000_000n)))
  for (const time of [...days.map((day) => Date.parse(day) / 1000), ...drawn]) {
    assert.equal(parseBars('a.csv', bar(shown(time))).times[0], time, shown(time))
    assert.equal(parseBars('a.csv', bar(shown(time).slice(0, 19).replace('T', ' '))).times[0], time)
  }
})

test('CAP-21 numbers may be written with an exponent as scripts write it, exactly', () => {
  const { lows, volumes } = read(bar(3600, '2,4,4.5e-05,3,1.25e+10'), bar(7200))
  assert.deepEqual([lows[0], volumes[0]], [45n * 10n ** 12n, 12_500_000_000n * WAD])
  assert.throws(() => read(bar(3600, '2,4,1,3e1,1'), bar(7200)), /column 5 is "3e1"/)
  assert.throws(() => read(bar(3600, '2,4,1,3,1.25e+01'), bar(7200)), /column 6 is "1.25e\+01"/)
  // What no integer at 1e18 has is cut.
  const long = read(bar(3600, '2,4,1.2881999999999998e-07,3.0000000000000000009,1e-19'), bar(7200, '2,4,1.2E-7,3,0'))
  assert.deepEqual(long.lows, [128_819_999_999n, 120_000_000_000n])
  assert.deepEqual([long.closes[0], long.volumes[0]], [3n * WAD, 0n])
})

test('CAP-21 files of a symbol join in the order of their bars', () => {
  const [first, second] = [[bar(3600), bar(7200)], [bar(10_800)]].map((rows, i) => parseBars(`${i}`, rows.join('\n')))
  assert(first && second)
  assert.deepEqual(joinBars('A', [second, first]), joinBars('A', [first, second]))
  assert.equal(joinBars('A', [second, first]).closes.length, 3)
})

test('CAP-21 decimals are read and written exactly', () => {
  assert.equal(parseDecimal('7189.43'), 718_943n * 10n ** 16n)
  assert.equal(parseDecimal('0.000000000000000001'), 1n)
  for (const text of ['', '.5', '5.', '-1', '+1', '1e3', ' 1', '1,5', '0x1', '1.0000000000000000001']) {
    assert.equal(parseDecimal(text), undefined, text)
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (value) =>
      assert.equal(parseDecimal(formatDecimal(value)), value),
    ),
  )
  assert.equal(formatDecimal(-15n * 10n ** 17n), '-1.5')
})

test('CAP-20 a span that the bars do not cover is refused', () => {
  const series = seriesOf('A', [1, 2, 3, 4])
  assert.deepEqual(between(series, 3600, 10_800).closes, [2n * WAD, 3n * WAD])
  assert.throws(() => between(series, 3600, 18_000), /A has bars of 3600 s from 0 to 14400/)
  assert.throws(() => between(series, 1800, 7200), InputError)
  assert.throws(() => between(series, 3600, 7200), /less than two bars/)
  assert.throws(() => commonSpan([series, { ...series, interval: 60 }]), /bars of 3600 s and 60 s/)
  assert.throws(() => commonSpan([series, { ...series, start: 36_000 }]), /share no time/)
})
