import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ages, lateAt, latenessAt, widen } from '@omnimargin/core/lateness'
import { haircutsOf } from '@omnimargin/core/ledger'
import { vaultPeer } from '@omnimargin/core/peer'
import { WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { CLEARING, NOW, PARAMETERS, USDC_FAST } from './ledgers.ts'
import { ratio } from './portfolios.ts'

const seconds = fc.integer({ min: 0, max: 1_000_000 })
const age = seconds.map(BigInt)

/** In the order that the clearing asks for. */
const ages: fc.Arbitrary<Ages> = fc
  .record({ calmAge: seconds, warnAfter: seconds, endAfter: seconds, share: fc.integer({ min: 0, max: 1_000 }) })
  .map(({ calmAge, warnAfter, endAfter, share }) => {
    const warnAge = calmAge + warnAfter
    const endAge = warnAge + endAfter + 1
    const room = endAge - calmAge - 1
    return {
      calmAge,
      warnAge,
      endAge,
      tripAge: calmAge + 1 + Number((BigInt(room) * BigInt(share)) / 1_000n),
      isRemote: true,
    }
  })

test('MRG-37 a haircut stays within one, and never falls as the age grows', () => {
  fc.assert(
    fc.property(ages, ratio, age, age, (each, share, young, more) => {
      const [one, two] = [latenessAt(each, young, false), latenessAt(each, young + more, false)]
      for (const grade of ['initial', 'maintenance'] as const) {
        assert.ok(share <= widen(share, one[grade]))
        assert.ok(widen(share, one[grade]) <= widen(share, two[grade]))
        assert.ok(widen(share, two[grade]) <= WAD)
      }
      assert.equal(latenessAt(each, BigInt(each.calmAge), false).initial, 0n)
      assert.equal(latenessAt(each, BigInt(each.tripAge), false).initial, WAD)
    }),
  )
})

test('MRG-38 what is late for maintenance is at least as late for new risk, and a breaker moves new risk alone', () => {
  fc.assert(
    fc.property(ages, age, fc.boolean(), (each, at, isRemote) => {
      const [calm, tripped] = [false, true].map((isTripped) => latenessAt({ ...each, isRemote }, at, isTripped))
      assert.ok(calm && tripped && calm.initial >= calm.maintenance)
      assert.deepEqual(tripped, { initial: WAD, maintenance: calm.maintenance })
      if (!isRemote) assert.deepEqual(calm, { initial: 0n, maintenance: 0n })
    }),
  )
})

test('MRG-39 a second moves a haircut by its part of the way and two units of rounding at most', () => {
  fc.assert(
    fc.property(ratio, age, seconds, seconds, (share, at, from, span) => {
      const until = from + span + 1
      const step = widen(share, lateAt(at + 1n, from, until)) - widen(share, lateAt(at, from, until))
      assert.ok(step <= (WAD - share) / BigInt(span + 1) + 2n)
    }),
  )
})

test('MRG-40 before warnAge nothing is late for maintenance, and at the end everything', () => {
  fc.assert(
    fc.property(ages, age, (each, at) => {
      const { maintenance } = latenessAt(each, at, false)
      assert.equal(maintenance === 0n, at <= BigInt(each.warnAge))
      assert.equal(latenessAt(each, BigInt(each.endAge), false).maintenance, WAD)
    }),
  )
})

/** The figures of the contract's test of the same name. */
test('MRG-41 parameters that outlived their life add to what is late, for new risk alone', () => {
  const listings = PARAMETERS.listings.map((one) => ({ ...one, initialHaircut: WAD / 20n }))
  const vaults = PARAMETERS.vaults.map((one) => ({ ...one, calmAge: 60, tripAge: 600 }))
  const parameters = { ...PARAMETERS, listings, vaults, life: 60, lifeRamp: 1_000 }
  const ledger = { ...CLEARING, parameters, heard: new Map([[vaultPeer(0), NOW]]), setAt: NOW }
  const maintenanceHaircut = PARAMETERS.listings[USDC_FAST]?.maintenanceHaircut
  // 5 %, and of the rest half and 27 % of the other half.
  assert.deepEqual(haircutsOf(ledger, parameters, USDC_FAST, NOW + 330n), {
    initialHaircut: (65_325n * WAD) / 100_000n,
    maintenanceHaircut,
  })
  assert.equal(haircutsOf(ledger, parameters, USDC_FAST, NOW + 60n).initialHaircut, WAD / 20n)
  assert.equal(haircutsOf(ledger, parameters, USDC_FAST, NOW + 1_060n).initialHaircut, WAD)
})
