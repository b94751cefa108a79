import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitOf } from '../src/withdraw.ts'

test('WIT-13 what margin needs is told from what the account never had, and a time only where there is one', () => {
  const said = (wait: Parameters<typeof waitOf>[0]['wait']) =>
    waitOf({ queued: 100n, ...(wait ? { wait } : {}) }, (value) => `${value} USDC`)
  const cure = ': deposit, or close positions'
  assert.equal(said({ why: 'margin', own: 100n }), `the account’s own margin needs it${cure}`)
  assert.equal(
    said({ why: 'margin', own: 30n }),
    `the account’s own margin needs 30 USDC of it, and the account has no more${cure}`,
  )
  assert.equal(said({ why: 'margin' }), `the account has no more of it, and its margin does not let it buy any${cure}`)
  assert.match(said({ why: 'debt_not_due', until: 86_400n }), /: ask again from 1970-01-02T.* on$/)
  assert.doesNotMatch(said({ why: 'no_cash' }), /from \d/)
})
