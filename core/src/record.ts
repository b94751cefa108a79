/** Records that only grow: key, leaf, running digest, and the rule for learning one. Twin of contracts/src/records/Records.sol. */
import { concat, fromHex, type Hex, keccak, padded, toHex, word } from './bytes.ts'
import { max } from './wad.ts'

/** What a record says, and so who writes and who reads it: spec/records.md. */
export const KIND = { GRANT: 1, LEDGER: 2, LIMIT: 3, FILLS: 4, MARKET: 5, HEARD: 6 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

const FIELD_COUNTS: Record<Kind, number> = { 1: 1, 2: 3, 3: 4, 4: 6, 5: 3, 6: 1 }
const MAX_FIELD = 1n << 128n

/** The six fields of a record, unsigned and below 2^128; those that its kind does not use are zero. */
export type Fields = readonly [bigint, bigint, bigint, bigint, bigint, bigint]

export const NO_FIELDS: Fields = [0n, 0n, 0n, 0n, 0n, 0n]

/** The identity of a record. `account` and `item` are words, the rest addresses and chain ids. */
export type Key = {
  readonly kind: Kind
  readonly writerChain: bigint
  readonly writer: Hex
  readonly readerChain: bigint
  readonly reader: Hex
  readonly account: Hex
  readonly item: Hex
  readonly holder: Hex
}

function fieldCount(kind: Kind): number {
  return FIELD_COUNTS[kind]
}

export function isKind(value: number): value is Kind {
  return value in FIELD_COUNTS
}

/** Six fields out of as many as a kind uses, in their order. Asserts that they are of that kind. */
export function fieldsOf(kind: Kind, used: readonly bigint[]): Fields {
  if (used.length !== fieldCount(kind)) {
    throw new Error(`Kind ${kind} has ${fieldCount(kind)} fields, not ${used.length}.`)
  }
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = used
  return [a, b, c, d, e, f]
}

export type FieldsFault = 'field_too_large' | 'field_unused'

/** Why the fields cannot be a record of the kind, if they cannot; the first reason found. */
export function validateFields(kind: Kind, fields: Fields): FieldsFault | undefined {
  if (fields.some((field) => field < 0n || field >= MAX_FIELD)) return 'field_too_large'
  if (fields.slice(fieldCount(kind)).some((field) => field !== 0n)) return 'field_unused'
  return undefined
}

/** keccak256(abi.encode(key)): eight words. */
export function keyHash(key: Key): Hex {
  return toHex(
    keccak(
      word(BigInt(key.kind)),
      word(key.writerChain),
      padded(key.writer),
      word(key.readerChain),
      padded(key.reader),
      padded(key.account),
      padded(key.item),
      padded(key.holder),
    ),
  )
}

/** As `Books.peerOf`: what a contract keeps of a peer is kept under keccak256(abi.encode(chainId, address)). */
export function peerKey(chainId: bigint, address: Hex): Hex {
  return toHex(keccak(word(chainId), padded(address)))
}

/** The leaf of a record in its emitter's claims tree; `key` is its hash. */
export function leafOf(key: Hex, fields: Fields): Hex {
  return toHex(keccak(new Uint8Array([0x00]), fromHex(key), ...fields.map(word)))
}

/** The emitter's running digest after one more write. */
export function stepDigest(digest: Hex, key: Hex, fields: Fields): Hex {
  return toHex(keccak(concat(fromHex(digest), fromHex(key)), ...fields.map(word)))
}

export const ZERO_DIGEST: Hex = `0x${'00'.repeat(32)}`

/** What a reader knows of a record, and from which checkpoint: block 0 and no fields if nothing yet. */
export type Learned = { readonly fields: Fields; readonly blockNumber: bigint; readonly asOf: bigint }

export const NOTHING_LEARNED: Learned = { fields: NO_FIELDS, blockNumber: 0n, asOf: 0n }

export type Outcome = 'TAKEN' | 'STALE' | 'CONTRADICTION'

/** Learns `next`; what is known stays unless the outcome is TAKEN (spec/records.md, "Learning"). */
export function learn(known: Learned, next: Learned): { outcome: Outcome; learned: Learned } {
  const outcome = compare(known, next)
  if (outcome !== 'TAKEN') return { outcome, learned: known }
  const asOf = max(next.asOf, known.asOf)
  return { outcome, learned: { fields: next.fields, blockNumber: next.blockNumber, asOf } }
}

function compare(known: Learned, next: Learned): Outcome {
  const pairs = next.fields.map((field, i): [bigint, bigint] => [known.fields[i] ?? 0n, field])
  const noneFell = pairs.every(([before, after]) => after >= before)
  const noneRose = pairs.every(([before, after]) => after <= before)
  if (noneFell && next.blockNumber >= known.blockNumber) return 'TAKEN'
  if (noneRose && next.blockNumber <= known.blockNumber) return 'STALE'
  return 'CONTRADICTION'
}
