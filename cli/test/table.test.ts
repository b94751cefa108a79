import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableOf, wrap } from '../src/terminal/table.ts'

const PLAIN = (text: string) => text
const lines = (text: string) => text.split('\n')
const widest = (text: string) => Math.max(...lines(text).map((line) => [...line].length))

test('a table is no wider than its terminal: cells wrap at spaces, and nothing is lost', () => {
  const head = ['round trip', 'haircut', 'counts for new risk', 'counts for maintenance', 'state']
  const row = ['60 s', '100.00 %', '0.00', '14,280.00', 'NO_NEW_RISK']
  assert.equal(widest(tableOf(head, [row], Number.POSITIVE_INFINITY, PLAIN)), 86)
  for (const columns of [85, 80, 77]) {
    const table = tableOf(head, [row], columns, PLAIN)
    assert.ok(widest(table) <= columns, table)
    assert.equal(table.match(/┌/g)?.length, 1)
    for (const word of [...head, ...row].join(' ').split(' ')) assert.ok(table.includes(word), word)
  }
})

test('columns that do not fit follow in a table of their own, each behind the first column', () => {
  const head = ['', ...'abcdefgh']
  const row = ['estimator', ...head.slice(1).map((name) => name.repeat(9))]
  const table = tableOf(head, [row], 60, PLAIN)
  assert.ok(widest(table) <= 60, table)
  assert.equal(table.match(/│ estimator │/g)?.length, 3)
  for (const cell of row) assert.ok(table.includes(cell), cell)
})

test('a number keeps its unit', () => {
  const text = 'a loss of 0.100 % within 86,400 s, at 4 hours'
  assert.equal(wrap(text, 15), 'a loss of\n0.100 % within\n86,400 s, at 4\nhours')
  const table = tableOf(['', 'formula'], [['h', 'max(12.345 %, 20.0 s)']], 20, PLAIN)
  for (const whole of ['max(12.345 %,', '20.0 s)']) assert.ok(table.includes(whole), table)
  assert.ok(!table.includes('\u00a0'))
})

test('what cannot be broken stays whole', () => {
  const id = `0x${'a'.repeat(64)}`
  assert.equal(wrap(`the account ${id} is not there`, 20), `the account\n${id}\nis not there`)
  assert.ok(tableOf(['account', 'what'], [[id, 'gone']], 40, PLAIN).includes(`│ ${id} │`))
})
