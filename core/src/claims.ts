/**
 * The claims tree: all records of one emitter in a compact sparse Merkle tree over their keys. A root depends on the set
 * of records alone, and setting one touches one path. Twin of contracts/src/records/Claims.sol (which only verifies).
 */
import { fromHex, type Hex, keccak, toHex } from './bytes.ts'

export type Claims = Node | undefined

type Leaf = { readonly key: Uint8Array; readonly hash: Uint8Array }
type Branch = { readonly left: Claims; readonly right: Claims; readonly hash: Uint8Array }
type Node = Leaf | Branch

/** The tree without any record; its root is zero. */
export const EMPTY: Claims = undefined

export const ZERO_ROOT: Hex = `0x${'00'.repeat(32)}`
const ZERO = new Uint8Array(32)
const NODE = new Uint8Array([0x01])
const MAX_DEPTH = 256

export function rootOf(claims: Claims): Hex {
  return toHex(hashOf(claims))
}

/** The tree in which the record `key` has the leaf `leaf` (both hashes); the given one is unchanged. */
export function setClaim(claims: Claims, key: Hex, leaf: Hex): Claims {
  return insert(claims, { key: fromHex(key), hash: fromHex(leaf) }, 0)
}

/** The siblings on the way down to the key's place, from the root. They prove its leaf, or that there is none. */
export function siblingsOf(claims: Claims, key: Hex): Hex[] {
  return walk(claims, fromHex(key)).siblings.map(toHex)
}

/** What is at the end of the key's path: its own leaf, another key's, or nothing. */
export function endOf(claims: Claims, key: Hex): { key: Hex; leaf: Hex } | undefined {
  const { end } = walk(claims, fromHex(key))
  return end && { key: toHex(end.key), leaf: toHex(end.hash) }
}

/** Whether the leaf under the key and its siblings add up to the root. */
export function provesClaim(root: Hex, key: Hex, leaf: Hex, siblings: readonly Hex[]): boolean {
  return siblings.length <= MAX_DEPTH && fold(fromHex(key), fromHex(leaf), siblings) === root.toLowerCase()
}

/** Whether the siblings show that the root has no record under the key: its path ends in nothing or in another's leaf. */
export function provesAbsence(
  root: Hex,
  key: Hex,
  end: { key: Hex; leaf: Hex } | undefined,
  siblings: readonly Hex[],
): boolean {
  if (siblings.length > MAX_DEPTH) return false
  const path = fromHex(key)
  if (!end) return fold(path, ZERO, siblings) === root.toLowerCase()
  const other = fromHex(end.key)
  const samePath = siblings.every((_, depth) => bit(path, depth) === bit(other, depth))
  return samePath && toHex(path) !== toHex(other) && fold(other, fromHex(end.leaf), siblings) === root.toLowerCase()
}

function insert(node: Claims, leaf: Leaf, depth: number): Node {
  if (!node) return leaf
  if ('key' in node) return equal(node.key, leaf.key) ? leaf : fork(node, leaf, depth)
  return bit(leaf.key, depth) === 0
    ? branch(insert(node.left, leaf, depth + 1), node.right)
    : branch(node.left, insert(node.right, leaf, depth + 1))
}

/** Two leaves of different keys, from the depth where they still share a path. */
function fork(one: Leaf, other: Leaf, depth: number): Branch {
  const direction = bit(one.key, depth)
  if (direction === bit(other.key, depth)) {
    const below = fork(one, other, depth + 1)
    return direction === 0 ? branch(below, undefined) : branch(undefined, below)
  }
  return direction === 0 ? branch(one, other) : branch(other, one)
}

function branch(left: Claims, right: Claims): Branch {
  return { left, right, hash: keccak(NODE, hashOf(left), hashOf(right)) }
}

function walk(claims: Claims, key: Uint8Array): { siblings: Uint8Array[]; end: Leaf | undefined } {
  const siblings: Uint8Array[] = []
  let node = claims
  while (node && !('key' in node)) {
    const isRight = bit(key, siblings.length) === 1
    siblings.push(hashOf(isRight ? node.left : node.right))
    node = isRight ? node.right : node.left
  }
  return { siblings, end: node }
}

function fold(key: Uint8Array, leaf: Uint8Array, siblings: readonly Hex[]): Hex {
  return toHex(
    siblings.reduceRight((hash, sibling, depth) => {
      const other = fromHex(sibling)
      return bit(key, depth) === 1 ? keccak(NODE, other, hash) : keccak(NODE, hash, other)
    }, leaf),
  )
}

function hashOf(claims: Claims): Uint8Array {
  return claims ? claims.hash : ZERO
}

/** Bit `depth` of a key, most significant first. */
function bit(key: Uint8Array, depth: number): number {
  return ((key[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i])
}
