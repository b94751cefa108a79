import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeMargin, type Portfolio, type Position } from '@omnimargin/core/margin'
import { abs, mulUp } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { portfolio } from './portfolios.ts'

/** What the clearing compares: the initial margin but for the band on what is outstanding. */
const unbanded = (p: Portfolio): bigint => {
  const reserves = p.positions.map(({ buyOut, sellOut, underlying, initialBand }) =>
    mulUp(mulUp(buyOut + sellOut, p.underlyings[underlying]?.price ?? 0n), initialBand),
  )
  return reserves.reduce((left, reserve) => left - reserve, computeMargin(p).initialMargin)
}

const withPosition = (p: Portfolio, i: number, change: Partial<Position>): Portfolio => ({
  ...p,
  positions: p.positions.map((one, j) => (i === j ? { ...one, ...change } : one)),
})

/** Of all that may shrink the position by a limit, that percentage; nothing where limits stand the other way. */
function limited(p: Portfolio, i: number, percent: number): Portfolio | undefined {
  const { size, buyOut, sellOut } = p.positions[i] as Position
  const isLong = size > 0n
  const room = (isLong ? buyOut : sellOut) > 0n ? 0n : abs(size) - (isLong ? sellOut : buyOut)
  const amount = (room * BigInt(percent)) / 100n
  if (amount <= 0n) return undefined
  return withPosition(p, i, isLong ? { sellOut: sellOut + amount } : { buyOut: buyOut + amount })
}

const step = fc.record({ i: fc.nat(5), percent: fc.nat(100), filled: fc.nat(100), isVoided: fc.boolean() })

test('CLR-04 limits that add no risk, in any number, filled or voided in any order, never require more than before them', () => {
  const seen = { given: 0, refused: 0, alone: 0 }
  fc.assert(
    fc.property(portfolio, fc.array(step, { minLength: 1, maxLength: 8 }), (start, steps) => {
      let now = start
      for (const { i, percent, filled, isVoided } of steps) {
        const at = i % Math.max(1, now.positions.length)
        if (!now.positions[at]) return
        const next = limited(now, at, percent)
        const isGiven = next !== undefined && unbanded(next) <= unbanded(now)
        const open = now.positions.filter(({ size, buyOut, sellOut }) => size !== 0n || buyOut + sellOut > 0n)
        if (next && open.length === 1) {
          seen.alone++
          assert.ok(isGiven, 'a lone position is always shrunk')
        }
        if (next) isGiven ? seen.given++ : seen.refused++
        if (isGiven) now = next
        const { size, buyOut, sellOut } = now.positions[at] as Position
        const part = (amount: bigint) => (amount * BigInt(filled)) / 100n
        const left = { buyOut: buyOut - part(buyOut), sellOut: sellOut - part(sellOut) }
        const moved = isVoided ? size : size + part(buyOut) - part(sellOut)
        now = withPosition(now, at, { ...left, size: moved })
        // Each of some ten products is rounded up.
        assert.ok(unbanded(now) <= unbanded(start) + 20n)
      }
    }),
    { numRuns: 2_000 },
  )
  assert.ok(
    Object.values(seen).every((count) => count > 50),
    JSON.stringify(seen),
  )
})
