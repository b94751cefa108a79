import assert from 'node:assert/strict'
import { test } from 'node:test'
import { max, min, mulDown, mulUp, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import type { Report } from '../src/hermes.ts'
import {
  type Doubt,
  faultOf,
  type IndexUpdate,
  type MissedEffect,
  type MissedState,
  step,
} from '../src/keeper/missed.ts'

const MARKET = 3
const usd = (price: number) => BigInt(price) * WAD
const at = (publishTime: number, price: number): IndexUpdate => ({
  publishTime: BigInt(publishTime),
  price: usd(price),
})

/** What the clearing refuses by, having seen prices from `lowest` to `highest`, with a band of 3 %. */
function doubtOf(lowest: bigint, highest: bigint, since = 0n): Doubt {
  const band = (3n * WAD) / 100n
  return { since, band, low: mulDown(lowest, WAD - band), high: mulUp(highest, WAD + band) }
}

const SEEN = doubtOf(usd(1_990), usd(2_010))
const NOTHING: MissedState = new Map()

function read(state: MissedState, updates: readonly IndexUpdate[], ...doubts: Doubt[]) {
  return step(state, { type: 'read', market: MARKET, doubts: doubts.length > 0 ? doubts : [SEEN], updates })
}

function shown(effects: readonly MissedEffect[]): number[] {
  return effects.flatMap((effect) => (effect.type === 'show' ? [Number(effect.update.publishTime)] : []))
}

test('ROL-46 of what the venue’s index went through the lowest and the highest are shown, where the clearing saw neither', () => {
  const within = [at(1, 1_990), at(2, 2_000), at(3, 2_010)]
  assert.deepEqual(read(NOTHING, within).effects, [{ type: 'unexplained' }])
  assert.deepEqual(shown(read(NOTHING, [...within, at(4, 1_980), at(5, 1_970), at(6, 1_985)]).effects), [5])
  assert.deepEqual(shown(read(NOTHING, [...within, at(4, 2_050), at(5, 2_100), at(6, 2_099)]).effects), [5])
  assert.deepEqual(shown(read(NOTHING, [at(4, 1_500), ...within, at(5, 2_500)]).effects), [4, 5])
})

test('ROL-46 once what is asked for has been shown, no price of the venue is beyond what the clearing believes', () => {
  const price = fc.bigInt({ min: 1n, max: 10n ** 24n })
  const prices = fc.array(price, { maxLength: 20 })
  fc.assert(
    fc.property(price, price, prices, (a, b, all) => {
      const updates = all.map((price, i) => ({ price, publishTime: BigInt(i) }))
      const [lowest, highest] = [min(a, b), max(a, b)]
      const { effects } = read(NOTHING, updates, doubtOf(lowest, highest))
      const added = effects.flatMap((effect) => (effect.type === 'show' ? [effect.update.price] : []))
      const after = doubtOf([lowest, ...added].reduce(min), [highest, ...added].reduce(max))
      assert.deepEqual(read(NOTHING, updates, after).effects, [{ type: 'unexplained' }])
      assert.ok(added.length <= 2)
    }),
  )
})

test('ROL-46 all refused fills of a market are seen to at once: each from when it matters to it, each report once', () => {
  const updates = [at(1, 2_300), at(5, 2_200), at(9, 2_100)]
  const [early, late, other] = [0n, 5n, 5n].map((since) => doubtOf(usd(1_990), usd(2_010), since))
  assert.ok(early && late && other)
  assert.deepEqual(shown(read(NOTHING, updates, late, other).effects), [5])
  assert.deepEqual(shown(read(NOTHING, updates, early, late, other).effects), [1, 5])
  const never = doubtOf(usd(1), usd(9_999))
  assert.deepEqual(
    shown(read(NOTHING, updates, never, late).effects),
    [5],
    'one that nothing explains is in nobody’s way',
  )
})

test('ROL-47 a report that failed gives way to the next, and is tried again once all have failed', () => {
  const updates = [at(1, 2_000), at(2, 2_100), at(3, 2_200)]
  const failed = (state: MissedState, publishTime: bigint) =>
    step(state, { type: 'failed', market: MARKET, publishTime }).state
  const first = read(NOTHING, updates)
  assert.deepEqual(shown(first.effects), [3])
  const second = read(failed(first.state, 3n), updates)
  assert.deepEqual(shown(second.effects), [2])
  const third = read(failed(second.state, 2n), updates)
  assert.deepEqual(shown(third.effects), [3])
  assert.deepEqual(shown(read(failed(third.state, 3n), updates).effects), [2])
})

test('ROL-47 what is refused at every block is looked at after a pause, which doubles once all has been tried', () => {
  let state = NOTHING
  const pauses: number[] = []
  let last = 0
  for (let nowMs = 0; pauses.length < 9; nowMs += 500) {
    const next = step(state, { type: 'refused', market: MARKET, nowMs })
    state = next.state
    if (next.effects.length === 0) continue
    assert.deepEqual(next.effects, [{ type: 'read' }])
    if (nowMs > 0) pauses.push(nowMs - last)
    last = nowMs
    state = read(state, []).state
  }
  assert.deepEqual(
    pauses.map((pause) => pause / 1_000),
    [10, 20, 40, 80, 160, 320, 320, 320, 320],
  )
  const refused = (market: number, nowMs: number) => step(state, { type: 'refused', market, nowMs }).effects.length
  assert.equal(refused(MARKET, last + 5_000), 0)
  assert.equal(refused(MARKET + 1, last + 5_000), 1, 'no other market waits for it')
  state = step(state, { type: 'shown', market: MARKET }).state
  assert.deepEqual(
    [4_999, 5_000].map((ms) => refused(MARKET, last + ms)),
    [0, 1],
    'one that was shown ends the doubling',
  )
})

test('ROL-47 what Pyth did not report then, or is of no use, is not sent', () => {
  const feedId = `0x${'ab'.repeat(32)}` as const
  const report = (publishTime: bigint, price: bigint, exponent = -8): Report => {
    return { feedId, publishTime, price, confidence: 1n, exponent }
  }
  const wanted = at(7, 2_100)
  const fault = (one: Report | undefined) => faultOf(one, wanted, SEEN)
  assert.equal(fault(report(7n, 2_100n * 10n ** 8n)), undefined)
  assert.equal(fault(report(7n, 2_100n, 0)), undefined, 'by its own exponent')
  assert.match(fault(report(8n, 2_100n * 10n ** 8n)) ?? '', /^Pyth has no report of 7/)
  assert.match(fault(undefined) ?? '', /^Pyth has no report of 7/)
  for (const useless of [report(7n, 2_010n, 0), report(7n, 1_990n, 0), report(7n, -1n), report(7n, 2_100n, 1)]) {
    assert.match(fault(useless) ?? '', /within/)
  }
})
