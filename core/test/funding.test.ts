import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accrue, type FundingTerms, premiumOf, type Running } from '@omnimargin/core/funding'
import { WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'

const TERMS: FundingTerms = { maxAge: 60n, period: 28_800n }
const MAX_PREMIUM = WAD / 200n
const START: Running = { premium: 0n, accruedAt: 1_000n, byLongs: 0n, byShorts: 0n }
const price = fc.bigInt({ min: 1n, max: 2n ** 96n - 1n })
const seconds = fc.bigInt({ min: 0n, max: 100_000n })

test('FND-01 the premium is the share of the index toward zero, within the cap', () => {
  assert.equal(premiumOf(2_010n, 2_000n, MAX_PREMIUM), MAX_PREMIUM)
  assert.equal(premiumOf(1_999n, 2_000n, MAX_PREMIUM), -MAX_PREMIUM / 10n)
  assert.equal(premiumOf(2n, 3n, WAD), -WAD / 3n)
  fc.assert(
    fc.property(price, price, (mark, index) => {
      const premium = premiumOf(mark, index, MAX_PREMIUM)
      assert.ok(premium <= MAX_PREMIUM && premium >= -MAX_PREMIUM)
      assert.equal(premium > 0n, mark > index && premium !== 0n)
    }),
  )
})

test('FND-02 one side pays, nothing falls, and nothing accrues beyond the age of the index', () => {
  fc.assert(
    fc.property(price, price, seconds, seconds, (mark, index, published, later) => {
      const running = { ...START, premium: premiumOf(mark, index, MAX_PREMIUM) }
      const after = accrue(running, { price: index, publishTime: published }, TERMS, START.accruedAt + later)
      const payer = running.premium > 0n ? after.byShorts : after.byLongs
      assert.equal(payer, 0n)
      assert.ok(after.byLongs >= 0n && after.byShorts >= 0n)
      if (published + TERMS.maxAge <= START.accruedAt) assert.equal(after.byLongs + after.byShorts, 0n)
    }),
  )
})

test('FND-05 growth stays within the cap, however the time is cut', () => {
  fc.assert(
    fc.property(price, price, fc.array(seconds, { maxLength: 20 }), (mark, index, steps) => {
      let running: Running = { ...START, premium: premiumOf(mark, index, MAX_PREMIUM) }
      for (const step of steps) {
        const now = running.accruedAt + step
        running = accrue(running, { price: index, publishTime: now }, TERMS, now)
      }
      const elapsed = running.accruedAt - START.accruedAt
      const growth = running.byLongs + running.byShorts
      assert.ok(growth * WAD * TERMS.period <= index * MAX_PREMIUM * elapsed)
      const whole =
        (index * (running.premium < 0n ? -running.premium : running.premium) * elapsed) / (WAD * TERMS.period)
      assert.ok(whole - growth <= BigInt(steps.length), 'each cut loses less than one unit')
    }),
  )
})
