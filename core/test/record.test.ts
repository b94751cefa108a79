import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@omnimargin/core/bytes'
import {
  type Fields,
  fieldsOf,
  type Key,
  KIND,
  keyHash,
  type Learned,
  leafOf,
  learn,
  NO_FIELDS,
  NOTHING_LEARNED,
  stepDigest,
  validateFields,
  ZERO_DIGEST,
} from '@omnimargin/core/record'
import fc from 'fast-check'

const address = (byte: string): Hex => `0x${byte.repeat(20)}`
const key: Key = {
  kind: KIND.GRANT,
  writerChain: 1n,
  writer: address('11'),
  readerChain: 2n,
  reader: address('22'),
  account: `0x${'33'.repeat(32)}`,
  item: `0x${'44'.repeat(32)}`,
  holder: address('55'),
}

const small = fc.bigInt({ min: 0n, max: 5n })
const sixFields = fc.tuple(small, small, small, small, small, small)
const learned = fc.record({ fields: sixFields, blockNumber: small, asOf: small })

test('REC-01 each part of the key changes its hash', () => {
  const others: Partial<Key>[] = [
    { kind: KIND.LEDGER },
    { writerChain: 3n },
    { writer: address('66') },
    { readerChain: 3n },
    { reader: address('66') },
    { account: `0x${'66'.repeat(32)}` },
    { item: `0x${'66'.repeat(32)}` },
    { holder: address('66') },
  ]
  const hashes = new Set([{}, ...others].map((change) => keyHash({ ...key, ...change })))
  assert.equal(hashes.size, others.length + 1)
})

test('REC-03 the digest depends on every write and on their order', () => {
  const hash = keyHash(key)
  const one = stepDigest(ZERO_DIGEST, hash, [1n, 0n, 0n, 0n, 0n, 0n])
  const two = stepDigest(ZERO_DIGEST, hash, [2n, 0n, 0n, 0n, 0n, 0n])
  const digests = new Set([ZERO_DIGEST, one, two, stepDigest(one, hash, NO_FIELDS), stepDigest(two, hash, NO_FIELDS)])
  assert.equal(digests.size, 5)
})

test('REC-04 a field beyond 128 bits and a used spare field are refused by name', () => {
  assert.equal(validateFields(KIND.GRANT, [1n, 0n, 0n, 0n, 0n, 0n]), undefined)
  assert.equal(validateFields(KIND.GRANT, [1n << 128n, 0n, 0n, 0n, 0n, 0n]), 'field_too_large')
  assert.equal(validateFields(KIND.GRANT, [-1n, 0n, 0n, 0n, 0n, 0n]), 'field_too_large')
  assert.equal(validateFields(KIND.GRANT, [1n, 1n, 0n, 0n, 0n, 0n]), 'field_unused')
  assert.throws(() => fieldsOf(KIND.LIMIT, [1n]), /4 fields, not 1/)
})

const state = (fields: Fields, blockNumber: bigint, asOf = blockNumber): Learned => ({ fields, blockNumber, asOf })
const pair = (a: bigint, b: bigint): Fields => [a, b, 0n, 0n, 0n, 0n]

const TABLE: [string, Learned, Learned, string][] = [
  ['more, newer', state(pair(1n, 1n), 5n), state(pair(2n, 1n), 6n), 'TAKEN'],
  ['more, same block', state(pair(1n, 1n), 5n), state(pair(2n, 2n), 5n), 'TAKEN'],
  ['same, newer', state(pair(1n, 1n), 5n), state(pair(1n, 1n), 6n), 'TAKEN'],
  ['same, same block', state(pair(1n, 1n), 5n), state(pair(1n, 1n), 5n), 'TAKEN'],
  ['same, older', state(pair(1n, 1n), 5n), state(pair(1n, 1n), 4n), 'STALE'],
  ['less, older', state(pair(2n, 1n), 5n), state(pair(1n, 1n), 4n), 'STALE'],
  ['less, same block', state(pair(2n, 1n), 5n), state(pair(1n, 1n), 5n), 'STALE'],
  ['less, newer', state(pair(2n, 1n), 5n), state(pair(1n, 1n), 6n), 'CONTRADICTION'],
  ['more, older', state(pair(1n, 1n), 5n), state(pair(2n, 1n), 4n), 'CONTRADICTION'],
  ['one up and one down, newer', state(pair(1n, 2n), 5n), state(pair(2n, 1n), 6n), 'CONTRADICTION'],
  ['one up and one down, older', state(pair(1n, 2n), 5n), state(pair(2n, 1n), 4n), 'CONTRADICTION'],
]

for (const [name, known, next, outcome] of TABLE) {
  test(`REC-10 ${name}: ${outcome}`, () => assert.equal(learn(known, next).outcome, outcome))
}

test('REC-11 only a record that is taken changes what is known', () => {
  fc.assert(
    fc.property(learned, learned, (known, next) => {
      const { outcome, learned: after } = learn(known, next)
      if (outcome !== 'TAKEN') assert.deepEqual(after, known)
      else assert.deepEqual([after.fields, after.blockNumber], [next.fields, next.blockNumber])
    }),
  )
})

test('REC-12 any order and multiplicity of an honest history ends with its newest record, and contradicts nothing', () => {
  const history = fc.array(sixFields, { minLength: 1, maxLength: 8 }).map((steps) => {
    const total = [0n, 0n, 0n, 0n, 0n, 0n]
    return steps.map((step, block) => {
      for (const [i, by] of step.entries()) total[i] = (total[i] ?? 0n) + by
      return state([...total] as unknown as Fields, BigInt(block + 1))
    })
  })
  fc.assert(
    fc.property(history, fc.array(fc.nat(), { maxLength: 30 }), (records, picks) => {
      const newest = records.at(-1) as Learned
      const delivered = [...picks.map((pick) => records[pick % records.length] as Learned), newest]
      let known = NOTHING_LEARNED
      for (const record of delivered) {
        const { outcome, learned: next } = learn(known, record)
        assert.notEqual(outcome, 'CONTRADICTION')
        known = next
      }
      assert.deepEqual(known, newest)
    }),
  )
})

test('REC-02 a leaf is not the node of the same bytes', async () => {
  const { keccak, fromHex, toHex, word } = await import('@omnimargin/core/bytes')
  const hash = keyHash(key)
  const body = [fromHex(hash), ...[1n, 0n, 0n, 0n, 0n, 0n].map(word)]
  assert.equal(leafOf(hash, [1n, 0n, 0n, 0n, 0n, 0n]), toHex(keccak(new Uint8Array([0]), ...body)))
  assert.notEqual(leafOf(hash, [1n, 0n, 0n, 0n, 0n, 0n]), toHex(keccak(new Uint8Array([1]), ...body)))
})
