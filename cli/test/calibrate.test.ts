import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { report, type Trial } from '../src/calibrate/report.ts'
import { textOf } from '../src/terminal/screen.ts'

const root = join(import.meta.dirname, '..', '..')

/** So many books of which 60 % was said; half of them crossed by all, the others by the worst corner alone. */
function books(book: string, isSingle: boolean, count: number): Trial[] {
  return Array.from({ length: count }, (_, i) => {
    const came = i % 2
    return { book, isSingle, said: 0.6, still: 0.5, closes: came, joint: came, most: isSingle ? came : 1 }
  })
}

test('WRN-08 the report is tables with thousands and the scores, and says what both mean and whose prices they are', () => {
  const trials = [...books('long first', true, 2_000), ...books('hedged', false, 10)]
  const told = (isMadeUp: boolean) =>
    textOf((screen) => report(screen, { trials, symbols: ['ETH', 'BTC'], hours: 8, isMadeUp }))
  const text = told(true)
  assert.equal(text.match(/┌/g)?.length, 2)
  assert.match(text, /^Made-up prices: they say nothing about a market\./)
  assert.doesNotMatch(told(false), /made.up/i)
  assert.match(text, /\nOne price: 2,000 books,/)
  assert.match(text, /│ 50 to 75 % +│ 2,000 │ 60\.0 % +│ 50\.0 % +│/)
  assert.match(
    text,
    /│ Brier +│ +│ +│ 0\.2600 +│\n│ {3}of the mean +│ +│ +│ 0\.2500 +│\n│ {3}of the first year │ +│ +│ 0\.2500/,
  )
  assert.match(text, /\nTwo prices, hedged: 10 books\n/)
  assert.match(text, /│ 50 to 75 % +│ 10 +│ 60\.0 % +│ 50\.0 % +│ 50\.0 % +│ 100\.0 % +│/)
  assert.match(text, /of the books that crossed 100\.0 % had been warned, of those warned 50\.0 %\s+crossed within 8 h/)
  assert.match(text, /\nBrier: mean square/)
  assert.ok(text.split('\n').every((line) => [...line].length <= 120))
})

test('WRN-08 --help is the usage, and no failure', () => {
  const asked = ['scripts/calibrate.ts', '--help']
  const { status, stdout } = spawnSync(process.execPath, asked, { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0)
  assert.match(stdout, /^npm run calibrate -- \[--prices DIR\]/)
})
