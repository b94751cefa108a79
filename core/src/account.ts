/** An account's id: its owner's address on the clearing's chain, then a number of the owner's choice. */
import type { Hex } from './bytes.ts'

/** The id of the owner's account with that number, which is below 2^96. */
export function accountOf(owner: Hex, number = 0n): Hex {
  if (number < 0n || number >> 96n !== 0n) throw new Error(`An account's number fits 96 bits: ${number}`)
  return `0x${owner.slice(2).toLowerCase()}${number.toString(16).padStart(24, '0')}`
}

/** The address that owns the account. */
export function ownerOf(account: Hex): Hex {
  return account.slice(0, 42) as Hex
}
