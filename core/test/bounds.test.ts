import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bound, clampStep, floorOf, within } from '@omnimargin/core/bounds'
import type { Hex } from '@omnimargin/core/bytes'
import { max, min, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { ratio } from './portfolios.ts'

const bound: fc.Arbitrary<Bound> = fc.record({
  word: fc.constantFrom(0, 1),
  shift: fc.integer({ min: 0, max: 192 }),
  ceiling: ratio,
  rise: ratio,
  fall: ratio,
  gap: fc.bigInt({ min: 0n, max: WAD / 10n }),
  hourly: fc.bigInt({ min: 0n, max: WAD / 10n }),
  horizon: fc.integer({ min: 0, max: 1_000_000 }),
})

/** Word 3 says where the lists end: none has a row. */
const LAYOUT = 0x0004_0004_0004_0004_0004_0004n

function blobOf({ word, shift }: Bound, value: bigint): Hex {
  const words = [0, 1, 2, 3].map((i) => (i === word ? value << BigInt(shift) : i === 3 ? LAYOUT : 0n))
  return `0x${words.map((each) => each.toString(16).padStart(64, '0')).join('')}`
}

test('POL-04 the nearest value that may be set is taken, and none nearer to the target is', () => {
  fc.assert(
    fc.property(bound, ratio, ratio, (each, from, target) => {
      const nearest = clampStep(from, target, each)
      const fault = (to: bigint) => within(blobOf(each, from), blobOf(each, to), [each])
      assert.equal(fault(nearest), undefined)
      if (nearest !== target) assert.notEqual(fault(nearest < target ? nearest + 1n : nearest - 1n), undefined)
    }),
  )
})

test('POL-04 the floor grows with the gap, the hourly loss and the horizon, and is their sum after an hour', () => {
  fc.assert(
    fc.property(bound, fc.integer({ min: 0, max: 1_000_000 }), (each, more) => {
      const floor = floorOf(each)
      assert.ok(floorOf({ ...each, gap: each.gap + BigInt(more) }) === floor + BigInt(more))
      assert.ok(floorOf({ ...each, hourly: each.hourly + BigInt(more) }) >= floor)
      assert.ok(floorOf({ ...each, horizon: each.horizon + more }) >= floor)
      assert.equal(floorOf({ ...each, horizon: 3_600 }), each.gap + each.hourly)
    }),
  )
})

test('POL-05 posts follow any targets to the floor and the ceiling and no further', () => {
  fc.assert(
    fc.property(bound, ratio, fc.array(ratio, { maxLength: 20 }), (each, start, targets) => {
      let value = start
      for (const target of targets) {
        const next = clampStep(value, target, each)
        assert.ok(next <= value + each.rise && next >= value - each.fall)
        value = next
      }
      const [floor, { ceiling }] = [floorOf(each), each]
      assert.ok(value >= min(start, floor))
      assert.ok(value <= max(start, ceiling))
    }),
  )
})
