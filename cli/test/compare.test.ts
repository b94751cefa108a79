import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'compare-'))
after(() => rmSync(folder, { recursive: true }))

const LEG = { chain: 'arbitrum', underlying: 'BTC', direction: 'long', notional: '1000' }
const SHORT = { ...LEG, chain: 'base', direction: 'short' }
const BOOK = { name: 'a pair', legs: [LEG, SHORT], collateral: { base: '500' } }

/** As from a shell; what it wrote. */
function omnimargin(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['cli/src/main.ts', ...args], { cwd: root, encoding: 'utf8' })
}

function bookFile(name: string, book: object): string {
  const file = join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(book, null, 2))
  return file
}

/** A folder with these files, text or gzip. */
function pricesFolder(name: string, files: Record<string, string | Uint8Array>): string {
  const path = join(folder, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}

function rows(from: number, count: number, unit = 1): string {
  const bars = Array.from({ length: count }, (_, i) => {
    const price = 100 + ((from + i) % 7)
    return `${(1_700_000_000 - (1_700_000_000 % 3_600) + (from + i) * 3_600) * unit},${price},${price},${price},${price},1`
  })
  return `${bars.join('\n')}\n`
}

test('CAP-03 the shipped books over the shipped prices, as table, CSV and JSON', () => {
  const book = ['1-basis', '3-market-maker', '5-one-way'].map((name) => join('risk', 'books', `${name}.json`))
  const run = (format: string) => omnimargin('compare', '--book', ...book, '--format', format)
  const table = run('table')
  assert.equal(table.status, 0, table.stderr)
  assert.match(table.stdout, /^4,000 bars of 1 h, 2001-01-01 00:00 to 2001-06-16 16:00/)
  assert.match(table.stdout, /\nThe prices are made up: /)
  assert(table.stdout.split('\n').every((line) => [...line].length <= 120))
  const csv = run('csv').stdout.trimEnd().split('\n')
  assert.equal(csv.length, 1 + 3 * 3)
  assert.match(csv[0] ?? '', /^book,regime,gross,posted,capital,/)
  assert(csv[1]?.startsWith('"same asset, two chains",siloed,2000000,400000,'))
  const { books } = JSON.parse(run('json').stdout)
  const [basis, , oneWay] = books.map(({ comparisons: [first] }: { comparisons: object[] }) => first)
  assert(Number(basis.savingToSiloed) >= 0.8)
  assert(Math.abs(Number(oneWay.savingToSiloed)) < 0.1)
  assert.equal(basis.regimes.unified.atOwnCapital.unnecessary, 0)
})

test('CAP-03 of random books it is said that each column has its own median, and of others nothing', () => {
  const prices = pricesFolder('medians', { 'BTC.csv': rows(0, 60) })
  const random = { chains: ['arbitrum', 'base'], underlyings: ['BTC'], collateral: { base: '500' } }
  const some = bookFile('some', { name: 'some', random: { ...random, books: 3, seed: '1', notionalMost: '1000' } })
  const table = (book: string) => omnimargin('compare', '--book', book, '--prices', prices).stdout
  assert.match(table(some), /some: median[\s\S]*\nOf random books each column has a median/)
  assert.match(table(some), /\nsome, each figure its own median of 3 books: /)
  const plain = table(bookFile('no-medians', BOOK))
  assert.match(plain, /\na pair: 2,000 USD of positions/)
  assert.doesNotMatch(plain, /median/)
})

test('CAP-21 one plain file, or months of Binance dumps in .gz, are the same prices', () => {
  const binance = (text: string) => text.replace(/^(\d+)(.*)$/gm, '$1$2,1,1,1,1,1,1')
  const plain = pricesFolder('plain', { 'BTC.csv': `ts,open,high,low,close,volume\n${rows(0, 60)}` })
  const months = pricesFolder('months', {
    'BTCUSDT-1h-2024-01.csv.gz': gzipSync(binance(rows(0, 30, 1_000))),
    'BTCUSDT-1h-2024-02.csv.gz': gzipSync(binance(rows(30, 30, 1_000_000))),
    'notes.txt': 'not a price file',
  })
  const book = bookFile('formats', BOOK)
  const [one, many] = [plain, months].map((path) =>
    omnimargin('compare', '--book', book, '--prices', path, '--format', 'csv'),
  )
  assert.equal(one?.status, 0, one?.stderr)
  assert.equal(many?.stdout, one?.stdout)
  const table = omnimargin('compare', '--book', book, '--prices', plain).stdout
  assert.match(table, /^60 bars/)
  assert.doesNotMatch(table, /made up/)
})

test('CAP-20 a price file that cannot be used is named with its line', () => {
  const book = bookFile('prices', BOOK)
  const cases: [string, Record<string, string | Uint8Array>, RegExp][] = [
    [
      'gap',
      { 'BTC.csv': rows(0, 30) + rows(31, 30) },
      /gap\/BTC\.csv:31: time \d+ follows \d+, a gap in bars of 3600 s/,
    ],
    ['twice', { 'BTC.csv': rows(0, 30) + rows(29, 30) }, /twice\/BTC\.csv:31: time \d+ is there twice/],
    [
      'zero',
      { 'BTC.csv.gz': gzipSync(rows(0, 60).replace(',103,', ',0,')) },
      /zero\/BTC\.csv\.gz:4: .*open is zero|zero\/BTC\.csv\.gz:4: open is zero/,
    ],
    ['gz', { 'BTC.csv.gz': rows(0, 60) }, /gz\/BTC\.csv\.gz: cannot be read/],
    ['nothing', { 'readme.txt': '' }, /nothing has no price file/],
    [
      'two',
      { 'BTC.csv': rows(0, 60), 'btcusdt_1h.csv': rows(0, 60) },
      /two has several series of BTC \(BTC\.csv, btcusdt_1h\.csv\)/,
    ],
    ['short', { 'BTC.csv': rows(0, 24) }, /BTC has 24 bars of 3600 s, less than one window of 86400 s/],
  ]
  for (const [name, files, expected] of cases) {
    const { status, stdout, stderr } = omnimargin('compare', '--book', book, '--prices', pricesFolder(name, files))
    assert.deepEqual([status, stdout], [1, ''], name)
    assert.match(stderr, expected)
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  const absent = omnimargin('compare', '--book', book, '--prices', join(folder, 'absent'))
  assert.match(absent.stderr, /absent: cannot be read/)
})

test('CAP-22 a book that cannot be used is named with its line', () => {
  const many = Array.from({ length: 17 }, (_, i) => ({ ...LEG, venue: `v${i}` }))
  const random = {
    books: 1,
    seed: '1',
    chains: ['base'],
    underlyings: ['BTC'],
    notionalMost: '1',
    collateral: { base: '1' },
  }
  const cases: [string, object, RegExp][] = [
    ['field', { ...BOOK, legs: [LEG, { ...SHORT, leverage: 3 }] }, /field\.json:15 legs\.1: unknown field "leverage"/],
    [
      'symbol',
      { ...BOOK, legs: [LEG, { ...SHORT, underlying: 'DOGE' }] },
      /symbol\.json:12 legs\.1\.underlying: must have a price file in risk\/prices and rates in the parameters; with both there is BTC, ETH, SOL\.\n/,
    ],
    [
      'chain',
      { ...BOOK, legs: [{ ...LEG, chain: 'moon' }] },
      /chain\.json:5 legs\.0\.chain: must be a chain of the parameters: ethereum, arbitrum, base/,
    ],
    [
      'twice',
      { ...BOOK, legs: [LEG, SHORT, LEG] },
      /twice\.json:16 legs\.2: BTC at arbitrum on arbitrum is there twice/,
    ],
    ['markets', { ...BOOK, legs: many }, /markets\.json:3 legs: has more than 16 legs, the markets of one account/],
    ['none', { ...BOOK, legs: [] }, /none\.json:3 legs: /],
    [
      'both',
      { ...BOOK, legs: [{ ...LEG, size: '1' }] },
      /both\.json:4 legs\.0: must have either a size in units or a notional/,
    ],
    [
      'float',
      { ...BOOK, legs: [{ ...LEG, notional: 1000 }] },
      /float\.json:8 legs\.0\.notional: is a number: put it in quotes\.\n/,
    ],
    [
      'sign',
      { ...BOOK, legs: [{ ...LEG, notional: '-5' }] },
      /sign\.json:8 legs\.0\.notional: is "-5": write a plain decimal/,
    ],
    ['nothing', { ...BOOK, collateral: { base: '0' } }, /nothing\.json:\d+ collateral: must be above 0 on some chain/],
    [
      'where',
      { ...BOOK, collateral: { moon: '1' } },
      /where\.json:\d+ collateral\.moon: must be a chain of the parameters: ethereum, /,
    ],
    ['seed', { name: 'r', random: { ...random, seed: 'x' } }, /seed\.json:5 random\.seed: must be a string of digits/],
    ['draws', { name: 'r', random: { ...random, books: 1001 } }, /draws\.json:4 random\.books: /],
  ]
  for (const [name, book, expected] of cases) {
    const { status, stdout, stderr } = omnimargin('compare', '--book', bookFile(name, book), '--prices', 'risk/prices')
    assert.deepEqual([status, stdout], [1, ''], name)
    assert.match(stderr, expected)
    assert.match(stderr, /\ndocs\/capital\.md shows a book under A book of your own\.\n$/)
    assert.doesNotMatch(stderr, /^ {4}at /m)
  }
  for (const path of ['none.json', 'docs', 'README.md']) {
    const { status, stderr } = omnimargin('compare', '--book', path)
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^(none\.json: cannot be read .*|docs has no \.json.*|README\.md:1 is not JSON .*)\ndocs\/capital\.md shows a book/,
    )
  }
})

test('CAP-22 a book with more lines, or drawn with more markets, than one account may have is named with its line', () => {
  const parameters = JSON.parse(readFileSync(join(root, 'risk', 'parameters.json'), 'utf8'))
  const chains = Array.from({ length: 17 }, (_, i) => `c${i}`)
  const file = join(folder, 'chains.json')
  const terms = Object.fromEntries(chains.map((chain) => [chain, parameters.chains.base]))
  writeFileSync(file, JSON.stringify({ ...parameters, chains: terms }))
  const collateral = Object.fromEntries(chains.map((chain) => [chain, '500']))
  const drawn = { books: 1, seed: '1', underlyings: ['BTC', 'ETH', 'SOL'], notionalMost: '1', collateral: { c0: '1' } }
  const cases: [string, object, RegExp][] = [
    [
      'lines',
      { name: 'a book', legs: [{ ...LEG, chain: 'c0' }], collateral },
      /lines\.json:\d+ collateral: has more than 16/,
    ],
    [
      'draw',
      { name: 'r', random: { ...drawn, chains: chains.slice(0, 6) } },
      /draw\.json:3 random: has more than 16 legs a book/,
    ],
  ]
  for (const [name, book, expected] of cases) {
    const run = omnimargin('compare', '--book', bookFile(name, book), '--parameters', file)
    assert.deepEqual([run.status, run.stdout], [1, ''], name)
    assert.match(run.stderr, expected)
  }
})

test('CAP-10 what fit writes, compare reads', () => {
  const asked = ['fit', '--prices=risk/prices', '--from=2001-01-01', '--to=2001-06-01']
  const { status, stdout, stderr } = omnimargin(...asked)
  assert.equal(status, 0, stderr)
  const file = join(folder, 'parameters.json')
  writeFileSync(file, stdout)
  const run = omnimargin('compare', '--book', 'risk/books/1-basis.json', '--parameters', file)
  assert.equal(run.status, 0, run.stderr)
  assert.equal(omnimargin(...asked, '--parameters', file).stdout, stdout)
})

test('CAP-10 a time without prices is refused with what there are, as dates', () => {
  const { status, stdout, stderr } = omnimargin('fit', '--prices=risk/prices', '--from=2024-01-01', '--to=2024-06-01')
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(
    stderr,
    /^BTC: there are prices from 2001-01-01 00:00 to .*: ask for two whole bars .*, not 2024-01-01 00:00 to 2024-06-01 00:00\.\n$/,
  )
})

test('CAP-23 the shipped prices are what scripts/prices.ts makes, and small', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/prices.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const shipped = join(root, 'risk', 'prices')
  const bytes = readdirSync(shipped).reduce((total, name) => total + readFileSync(join(shipped, name)).length, 0)
  assert(bytes < 600_000)
})
