import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Hex, keccak, toHex, word } from '@omnimargin/core/bytes'
import {
  type Claims,
  EMPTY,
  endOf,
  provesAbsence,
  provesClaim,
  rootOf,
  setClaim,
  siblingsOf,
  ZERO_ROOT,
} from '@omnimargin/core/claims'
import { leafOf } from '@omnimargin/core/record'
import fc from 'fast-check'

const hashOf = (n: bigint): Hex => toHex(keccak(word(n)))
type Entry = readonly [key: Hex, leaf: Hex]
/** A record's leaf commits to its key, so one key's leaf is never another's. */
const leafAt = (key: Hex, n: bigint): Hex => leafOf(key, [n, 0n, 0n, 0n, 0n, 0n])
const entry = (n: number): Entry => [hashOf(BigInt(n)), leafAt(hashOf(BigInt(n)), BigInt(n))]
const treeOf = (entries: readonly Entry[]): Claims =>
  entries.reduce<Claims>((tree, [k, l]) => setClaim(tree, k, l), EMPTY)
const entries = fc.uniqueArray(fc.nat(5_000), { minLength: 1, maxLength: 60 }).map((ids) => ids.map(entry))

test('REC-20 the root is a function of the set: any order of writes, overwritten or not, gives the same', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (list, pick) => {
      const [key] = list[pick % list.length] as Entry
      const detour = setClaim(EMPTY, key, hashOf(7n))
      const backwards = [...list].reverse().reduce<Claims>((tree, [k, l]) => setClaim(tree, k, l), detour)
      assert.equal(rootOf(backwards), rootOf(treeOf(list)))
    }),
  )
  assert.equal(rootOf(EMPTY), ZERO_ROOT)
})

test('REC-20 keys that share a long prefix still have one place each', () => {
  const near: Hex = `0x${'ff'.repeat(31)}fe`
  const last: Hex = `0x${'ff'.repeat(32)}`
  const tree = treeOf([
    [near, hashOf(1n)],
    [last, hashOf(2n)],
  ])
  assert.equal(siblingsOf(tree, last).length, 256)
  assert.ok(provesClaim(rootOf(tree), last, hashOf(2n), siblingsOf(tree, last)))
  assert.ok(provesClaim(rootOf(tree), near, hashOf(1n), siblingsOf(tree, near)))
})

test('REC-21 every record proves against its root and no other', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const tree = treeOf(list)
      for (const [key, leaf] of list) {
        assert.ok(provesClaim(rootOf(tree), key, leaf, siblingsOf(tree, key)))
        const other = setClaim(tree, key, hashOf(9n))
        assert.ok(!provesClaim(rootOf(other), key, leaf, siblingsOf(tree, key)))
      }
    }),
  )
})

test('REC-22 another leaf, another key, and a shorter or longer path do not prove', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (list, pick) => {
      const tree = treeOf(list)
      const root = rootOf(tree)
      const [key, leaf] = list[pick % list.length] as Entry
      const siblings = siblingsOf(tree, key)
      const stranger = hashOf(123_456_789n)
      assert.ok(!provesClaim(root, key, hashOf(8n), siblings))
      assert.ok(!provesClaim(root, key, leaf, [...siblings, ZERO_ROOT]))
      if (siblings.length > 0) assert.ok(!provesClaim(root, key, leaf, siblings.slice(1)))
      assert.ok(!provesClaim(root, stranger, leafAt(stranger, 1n), siblingsOf(tree, stranger)))
    }),
  )
})

test('REC-23 absence proves for what is absent, and for nothing that is there', () => {
  fc.assert(
    fc.property(entries, fc.integer({ min: 6_000, max: 9_000 }), (list, id) => {
      const tree = treeOf(list)
      const root = rootOf(tree)
      const [absent] = entry(id)
      assert.ok(provesAbsence(root, absent, endOf(tree, absent), siblingsOf(tree, absent)))
      for (const [key] of list) {
        assert.ok(!provesAbsence(root, key, endOf(tree, key), siblingsOf(tree, key)))
        assert.ok(!provesAbsence(root, key, undefined, siblingsOf(tree, key)))
      }
    }),
  )
})
