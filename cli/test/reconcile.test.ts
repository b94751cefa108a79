import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Sum } from '@omnimargin/service/reconcile/sums'
import { verdictOf } from '../src/reconcile.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const right: Sum = { what: 'a = b', left: 5n, right: 5n, decimals: 18, underWay: [{ what: 'sent', amount: 2n }] }

test('ROL-41 the verdict names the first equation that does not hold, to the last unit, and what differs in it', () => {
  const off: Sum = { what: 'c = d', left: 8_000_000_001n, right: 8_000_000_000n, decimals: 6, underWay: [] }
  const later: Sum = { ...off, what: 'e = f' }
  assert.deepEqual(verdictOf([right, right]), { isRight: true, text: 'Both sides add up.' })
  const difference = '"c = d" does not hold: 8,000.000001 against 8,000.000000, 0.000001 apart.'
  assert.deepEqual(verdictOf([right, off, later]), { isRight: false, text: difference })
  const named = verdictOf([{ ...off, culprit: 'account 0x12' }, later])
  assert.deepEqual(named, { isRight: false, text: `${difference} First of all: account 0x12.` })
})

test('ROL-42 a deployment that cannot be read is said in one line, and exits 1', () => {
  const cases: [string, RegExp][] = [
    ['none.json', /^none\.json: cannot be read .*: `npm start` writes one, .*\.\n$/],
    [main, /^\S+main\.ts:1 is not JSON \(.*\): `npm start` writes one, .*\.\n$/],
  ]
  for (const [file, message] of cases) {
    assert.throws(
      () => execFileSync(process.execPath, [main, 'reconcile', '--deployment', file], { stdio: 'pipe' }),
      ({ status, stderr }) => {
        assert.equal(status, 1)
        assert.match(`${stderr}`, message)
        return true
      },
    )
  }
})
