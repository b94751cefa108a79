/** Words, hex and the one hash function: all that the wire format needs. */
import { keccak_256 } from '@noble/hashes/sha3.js'

export type Hex = `0x${string}`

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): Hex {
  let text = ''
  for (const byte of bytes) text += DIGITS[byte]
  return `0x${text}`
}

/** Asserts that the text is whole bytes of hexadecimal. */
export function fromHex(hex: Hex): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(hex)) throw new Error(`Not hexadecimal bytes: ${hex}`)
  const bytes = new Uint8Array((hex.length - 2) / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 + 2 * i, 4 + 2 * i), 16)
  return bytes
}

/** Whether two texts are the same bytes, whatever the case of their digits. */
export function isSame(one: Hex, other: Hex): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** An unsigned number as a big-endian word of 32 bytes. Asserts that it fits. */
export function word(value: bigint): Uint8Array {
  if (value < 0n || value >> 256n !== 0n) throw new Error(`Not an unsigned 256-bit number: ${value}`)
  return fromHex(`0x${value.toString(16).padStart(64, '0')}`)
}

/** Hexadecimal bytes left-padded to a word, as Solidity encodes an address or a number. */
export function padded(hex: Hex): Uint8Array {
  return word(BigInt(hex === '0x' ? '0x0' : hex))
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** keccak256 of the parts, one after the other. */
export function keccak(...parts: Uint8Array[]): Uint8Array {
  return keccak_256(parts.length === 1 && parts[0] ? parts[0] : concat(...parts))
}
