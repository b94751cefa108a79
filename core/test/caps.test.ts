import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '@omnimargin/core/bounds'
import { CAPS, cutToward } from '@omnimargin/core/caps'
import { type Parameters, packParameters } from '@omnimargin/core/parameters'
import { min } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { PARAMETERS } from './ledgers.ts'

const cap = fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
const faultOf = (before: Parameters, after: Parameters) => within(packParameters(before), packParameters(after), [])

/** All caps there are, in order. */
function capsOf(parameters: Parameters): bigint[] {
  const { listings, markets, vaults } = parameters
  return [
    ...listings.flatMap((terms) => CAPS.listings.map((field) => terms[field])),
    ...markets.map(({ openInterestCap }) => openInterestCap),
    ...vaults.map(({ cap }) => cap),
  ]
}

/** With other caps, in the same order. */
function withCaps(parameters: Parameters, caps: readonly bigint[]): Parameters {
  const left = [...caps]
  const next = () => left.shift() ?? assert.fail()
  return {
    ...parameters,
    listings: parameters.listings.map((terms) => ({
      ...terms,
      ...Object.fromEntries(CAPS.listings.map((field) => [field, next()])),
    })),
    markets: parameters.markets.map((terms) => ({ ...terms, openInterestCap: next() })),
    vaults: parameters.vaults.map((terms) => ({ ...terms, cap: next() })),
  }
}
const COUNT = capsOf(PARAMETERS).length
const row = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: COUNT, maxLength: COUNT })

test('POL-11 the nearest value that a cap may be given is taken, and none nearer to the target is', () => {
  fc.assert(
    fc.property(row(cap), fc.nat({ max: COUNT - 1 }), cap, (caps, which, target) => {
      const from = caps[which] ?? assert.fail()
      const fault = (to: bigint) =>
        faultOf(withCaps(PARAMETERS, caps), withCaps(PARAMETERS, caps.with(which, to)))?.code
      const nearest = cutToward(from, target)
      assert.equal(fault(nearest), undefined)
      if (nearest < target) assert.equal(fault(nearest + 1n), 'CapRaised')
      if (nearest > target) assert.equal(fault(nearest - 1n), 'CapCutTooFar')
    }),
  )
})

test('POL-11 what is beside the caps is no cap', () => {
  const caps = capsOf(PARAMETERS).map((each) => each / 2n)
  const cut = withCaps(PARAMETERS, caps)
  assert.equal(faultOf(PARAMETERS, cut), undefined)
  const [listing, ...others] = cut.listings
  assert.ok(listing)
  const amended = (change: object) => ({ ...cut, listings: [{ ...listing, ...change }, ...others] })
  for (const change of [{ refillTime: 2 }, { capPrice: 1n }, { vault: 1 }, { hasSecondFeed: true }, { decimals: 6 }])
    assert.deepEqual(faultOf(PARAMETERS, amended(change)), { code: 'NotBounded' })
})

/** A poster that tries anything; what is refused leaves all as it was. */
test('POL-05 whatever is posted, however often, no cap rises, and n posts leave each at least its 2^n-th part', () => {
  const share = fc.oneof(fc.bigInt({ min: 50n, max: 100n }), fc.bigInt({ min: 45n, max: 101n }))
  const wishes = fc.array(fc.oneof(row(fc.constant(50n)), row(fc.bigInt({ min: 50n, max: 100n })), row(share)), {
    maxLength: 8,
  })
  let taken = 0
  fc.assert(
    fc.property(row(cap), wishes, (start, posts) => {
      let [caps, count] = [start, 0n]
      for (const shares of posts) {
        const wanted = caps.map((each, i) => min(2n ** 64n - 1n, (each * (shares[i] ?? 0n)) / 100n))
        if (faultOf(withCaps(PARAMETERS, caps), withCaps(PARAMETERS, wanted))) continue
        for (const [i, each] of wanted.entries()) assert.ok(each <= (caps[i] ?? 0n))
        caps = wanted
        count += 1n
      }
      for (const [i, each] of caps.entries()) assert.ok(each >= (start[i] ?? 0n) >> count)
      taken += Number(count)
    }),
  )
  assert.ok(taken > 100, `${taken} were taken`)
})

test('POL-11 a cap that is cut by half reaches nothing after as many posts as it has bits', () => {
  fc.assert(
    fc.property(cap, (from) => {
      const bits = from === 0n ? 0 : from.toString(2).length
      let value = from
      for (let posts = 0; posts < bits; posts++) {
        assert.ok(value > 0n)
        value = cutToward(value, 0n)
      }
      assert.equal(value, 0n)
    }),
  )
})
