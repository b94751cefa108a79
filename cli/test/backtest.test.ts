import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MADE_UP, makePrices } from '@omnimargin/risk/synthetic'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'backtest-'))
after(() => rmSync(folder, { recursive: true }))

function backtest(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['cli/src/main.ts', 'backtest', ...args], { cwd: root, encoding: 'utf8' })
}

const START = Date.UTC(2021, 3, 1) / 1000
const made = [...makePrices({ ...MADE_UP, start: START, bars: 3000 }).values()]
/** Rows of an asset, its bars moved on by so many hours from one on. */
function csv(asset: number, gapAt = 3000, gap = 0, interval = 3600): string {
  const rows = made[asset]!.map(
    ({ cells }, i) => `${START + (i + (i < gapAt ? 0 : gap)) * interval},${cells.join(',')}`,
  )
  return `ts,open,high,low,close,volume\n${rows.join('\n')}\n`
}
writeFileSync(join(folder, 'BTC.csv'), csv(0))
writeFileSync(join(folder, 'USDC.csv'), csv(1, 2000, 700))

test('HCT-20 the made-up years, without any folder', () => {
  const { status, stdout, stderr } = backtest()
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^Made-up prices: they say nothing about a market\..*\n.* a constant does as\nwell here\./)
  for (const symbol of ['BTC', 'ETH', 'SOL'])
    assert.match(stdout, new RegExp(`\n${symbol}, slow: 17,520 hours, 2002-01-01 00:00 to`))
  assert(stdout.split('\n').every((line) => [...line].length <= 120))
})

test('HCT-20 a folder: a gap is no fault, what is pegged has a row more, crashes are told apart', () => {
  const { status, stdout, stderr } = backtest('--prices', folder)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /BTC, fast: 2,000 hours, 2021-05-12 16:00 to 2021-08-04 00:00/)
  assert.match(
    stdout,
    /has seen 2,160 hours, the estimators that begin with QR\s+say what HAR does\.\nPinball and how often .* in --format csv\.\n$/,
  )
  // One hour is not judged: the first after the gap.
  assert.match(stdout, /USDC, fast: 1,999 hours/)
  assert.equal(stdout.match(/│ peg +│/g)?.length, 3)
  assert.match(stdout, /USDC in crashes: misses of hours, and the worst % beyond the haircut/)
  assert.match(stdout, /│ +│ 2021-05 +│/)
  assert(stdout.split('\n').every((line) => [...line].length <= 120))
})

test('HCT-20 CSV and JSON have the same numbers, for the assets and the time that are asked for', () => {
  const asked = ['--prices', folder, '--asset', 'btc', '--from=2021-07-01', '--to=2021-07-11']
  const { assets } = JSON.parse(backtest(...asked, '--format', 'json').stdout)
  assert.equal(assets.length, 1)
  const lines = backtest(...asked, '--format', 'csv')
    .stdout.trimEnd()
    .split('\n')
  const [head = [], ...rows] = lines.map((line) => line.split(','))
  const all = rows.map((cells) => Object.fromEntries(cells.map((cell, i) => [head[i], cell])))
  for (const { name, speed, verdict } of assets[0].rows) {
    assert.equal(verdict.hours, 240)
    const line = all.find((row) => row.estimator === name && row.speed === speed && row.span === 'all')
    assert(line)
    for (const [field, value] of Object.entries(verdict)) assert.equal(Number(line[field]), value, field)
  }
  // Without an end, to the last bar.
  const { assets: longer } = JSON.parse(
    backtest('--prices', folder, '--asset', 'btc', '--from=2021-07-01', '--format', 'json').stdout,
  )
  assert.equal(longer[0].rows[0].verdict.hours, 816)
})

test('HCT-20 what is pegged is told by its own name, or by --peg', () => {
  const pegs = mkdtempSync(join(folder, 'pegs-'))
  for (const name of ['BUSD', 'PYUSD', 'XYZ']) writeFileSync(join(pegs, `${name}.csv`), csv(0))
  const pegged = (...args: string[]): [symbol: string, least: number][] => {
    const { status, stdout, stderr } = backtest('--prices', pegs, '--format', 'json', ...args)
    assert.equal(status, 0, stderr)
    const assets: { symbol: string; rows: { name: string; speed: string; verdict: { mean: number } }[] }[] =
      JSON.parse(stdout).assets
    return assets.flatMap(({ symbol, rows }) => {
      const row = rows.find(({ name, speed }) => name === 'peg' && speed === 'fast')
      return row ? [[symbol, row.verdict.mean] as [string, number]] : []
    })
  }
  assert.deepEqual(
    pegged().map(([symbol]) => symbol),
    ['BUSD'],
  )
  // Far above par each is at its floor.
  const floors = pegged('--peg', 'pyusd=0.31', 'busd=.4', '--asset', 'busd', 'pyusd')
  assert.deepEqual(
    floors.map(([symbol, least]) => [symbol, least.toFixed(6)]),
    [
      ['BUSD', '0.400000'],
      ['PYUSD', '0.310000'],
    ],
  )
})

test('HCT-20 of a folder the rest is judged where one cannot be, which is told; one that is asked for must be', () => {
  const some = mkdtempSync(join(folder, 'some-'))
  writeFileSync(join(some, 'BTC.csv'), csv(0))
  writeFileSync(join(some, 'ETH.csv'), csv(1).replace(/\n[^\n]*\n/, '\nNaN,1,1,1,1,1\n'))
  writeFileSync(join(some, 'SOL.csv'), csv(2, 3000, 0, 86_400))
  const table = backtest('--prices', some)
  assert.equal(table.status, 0, table.stderr)
  assert.match(table.stdout, /BTC, fast: 2,000 hours/)
  assert.match(table.stdout, /\nNot judged, as told above: ETH, SOL\.\n/)
  assert.match(table.stderr, /Not judged:\n.*ETH\.csv:2: time is "NaN".*\nSOL has bars of 86400 s/)
  const { assets, refused } = JSON.parse(backtest('--prices', some, '--format', 'json').stdout)
  assert.deepEqual([assets.length, refused.map(({ symbol }: { symbol: string }) => symbol)], [1, ['ETH', 'SOL']])
  const asked = backtest('--prices', some, '--asset', 'btc', 'eth')
  assert.deepEqual([asked.status, asked.stdout], [1, ''])
  assert.match(asked.stderr, /ETH\.csv:2: time is "NaN"/)
})

test('HCT-20 shorter bars make hours, of those of which none is missing', () => {
  const quarters = mkdtempSync(join(folder, 'quarters-'))
  const rows = made[0]!.flatMap(({ cells: [open = '', high, low, close] }, i) => {
    const at = START + i * 3600
    // The extremes are in the middle; hour 2,000 lacks one quarter.
    const four = [
      `${at},${open},${open},${open},${open}`,
      `${at + 900},${open},${high},${open},${open}`,
      `${at + 1800},${open},${open},${low},${open}`,
      `${at + 2700},${open},${high},${low},${close}`,
    ]
    return i === 2000 ? four.toSpliced(1, 1) : four
  })
  writeFileSync(join(quarters, 'BTC.csv'), `ts,open,high,low,close\n${rows.join('\n')}\n`)
  const { hour, quarter } = Object.fromEntries(
    Object.entries({ hour: folder, quarter: quarters }).map(([name, prices]) => {
      const asked = ['--prices', prices, '--asset', 'btc', '--to=2021-06-01', '--format', 'json']
      return [name, JSON.parse(backtest(...asked, '--from=2021-05-01').stdout).assets[0].rows]
    }),
  )
  assert.deepEqual(quarter, hour)
  const { assets } = JSON.parse(backtest('--prices', quarters, '--from=2021-05-01', '--format', 'json').stdout)
  // The hour that is not there, and the one after it.
  assert.equal(assets[0].rows[0].verdict.hours, 3000 - 720 - 2)
})

test('HCT-20 with gaps in the first year all estimators are judged on the same hours', () => {
  const holes = mkdtempSync(join(folder, 'holes-'))
  const [head = '', ...rows] = csv(0).trimEnd().split('\n')
  writeFileSync(join(holes, 'BTC.csv'), [head, ...rows.filter((_, i) => i % 20 > 0)].join('\n'))
  const { assets } = JSON.parse(backtest('--prices', holes, '--format', 'json').stdout)
  const hours: number[] = assets[0].rows.map(({ verdict }: { verdict: { hours: number } }) => verdict.hours)
  assert.deepEqual(new Set(hours), new Set([hours[0]]))
})

test('HCT-20 charts are of the crashes that the prices cover', () => {
  const into = mkdtempSync(join(folder, 'charts-'))
  const charts = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/charts.ts', '--into', into, ...args], { cwd: root, encoding: 'utf8' })
  assert.equal(charts('--prices', folder, '--asset', 'btc').status, 0)
  const drawn = readFileSync(join(into, 'haircut-crashes.svg'), 'utf8')
  assert.match(drawn, /BTC, 2021-05: deleveraging/)
  assert.doesNotMatch(drawn, /NaN|2022-11/)
  const late = mkdtempSync(join(folder, 'late-'))
  writeFileSync(join(late, 'ETH.csv'), csv(1).replaceAll(/^16/gm, '18'))
  const refused: [number, string[], RegExp][] = [
    [1, ['--prices', folder], /has no prices of ETH: ask for BTC, USDC, with --asset\.\n$/],
    [
      1,
      ['--prices', late],
      /^ETH has no judged hour in the days from 2020-03-11, .*: give prices that reach there\.\n$/,
    ],
    [2, ['--foo'], /^Unknown option '--foo'.*\nnpm run charts -- /],
  ]
  for (const [status, args, message] of refused) {
    const { status: was, stderr } = charts(...args)
    assert.match(stderr, message)
    assert.equal(was, status)
  }
})

test('HCT-20 Ctrl-C ends it at once', async () => {
  const child = spawn(process.execPath, ['cli/src/main.ts', 'backtest'], { cwd: root })
  await once(child.stderr, 'data')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'close'), [null, 'SIGINT'])
})

test('HCT-20 what cannot be used is refused with the remedy', () => {
  const days = mkdtempSync(join(folder, 'days-'))
  writeFileSync(join(days, 'BTC.csv'), csv(0, 3000, 0, 14_400))
  const cases: [string[], RegExp][] = [
    [['--prices', join(folder, 'nowhere')], /nowhere: cannot be read .*: give a folder/],
    [['--prices', folder, '--asset', 'DOGE'], /has no prices of DOGE: ask for BTC, USDC/],
    [['--asset', 'DOGE'], /The set of made-up prices has no prices of DOGE: ask for BTC, ETH, SOL/],
    [['--prices', days], /BTC has bars of 14400 s: give hourly ones, or shorter/],
    [
      ['--prices', folder, '--from=2021-04-10'],
      /216 before the first hour that is judged: give at least 504 before it/,
    ],
    [
      ['--prices', folder, '--asset', 'BTC', '--from=2030-01-01'],
      /^BTC has bars to 2021-08-04 00:00; the first hour that is judged is 2030-01-01 00:00, .*: give an earlier --from\.\n$/,
    ],
    [
      ['--prices', folder, '--asset', 'BTC', '--to=2021-04-10'],
      /the first hour that is judged is 2021-05-12 16:00, the end is 2021-04-10 00:00: give a later --to, or an earlier --from\.\n$/,
    ],
    [['--prices', folder, '--from=soon'], /"soon" is no time/],
    [['--prices', folder, '--peg', 'BTC'], /--peg BTC: give SYMBOL=FLOOR/],
    [['--prices', folder, '--peg', 'BTC=1.01'], /--peg BTC=1.01: give SYMBOL=FLOOR/],
    [['--prices', folder, '--peg', 'DAI=0.01'], /--peg DAI=0.01: DAI is none of BTC, USDC/],
  ]
  for (const [args, expected] of cases) {
    const { status, stderr } = backtest(...args)
    assert.equal(status, 1)
    assert.match(stderr, expected)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
})

test('WRN-08 what cannot be counted is refused with the remedy', () => {
  const short = mkdtempSync(join(folder, 'short-'))
  for (const symbol of ['BTC', 'ETH']) writeFileSync(join(short, `${symbol}.csv`), csv(0))
  const cases: [string[], RegExp][] = [
    [['--symbols', 'ETH,ETH'], /^--symbols ETH,ETH: give two/],
    [['--symbols', 'ETH,DOGE'], /^There are no made-up prices of DOGE: ask for BTC, ETH, SOL/],
    [['--prices', short], /^ETH,BTC: give 8762 hours that both have, the first 8760 are history/],
    [['--prices', join(folder, 'days'), '--symbols', 'BTC,SOL'], /^BTC has bars of 14400 s: give hourly ones/],
  ]
  mkdirSync(join(folder, 'days'))
  for (const symbol of ['BTC', 'SOL']) writeFileSync(join(folder, 'days', `${symbol}.csv`), csv(0, 3000, 0, 14_400))
  for (const [args, expected] of cases) {
    const asked = ['scripts/calibrate.ts', ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, asked, { cwd: root, encoding: 'utf8' })
    assert.match(stderr, expected)
    assert.deepEqual([status, stdout], [1, ''])
  }
})
