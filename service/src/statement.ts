/** What attestors sign: spec/records.md, "Roots". Twin of contracts/src/roots/CommitteeRoots.sol. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Address, hashTypedData } from 'viem'

/** One emitter's root at one finalized checkpoint block of its chain. */
export type Statement = {
  readonly epoch: bigint
  readonly chainId: bigint
  readonly emitter: Address
  readonly blockNumber: bigint
  readonly timestamp: bigint
  readonly blockHash: Hex
  readonly root: Hex
}

export type Signed = { readonly statement: Statement; readonly signature: Hex }

const TYPES = {
  Checkpoint: [
    { name: 'epoch', type: 'uint64' },
    { name: 'chainId', type: 'uint256' },
    { name: 'emitter', type: 'address' },
    { name: 'blockNumber', type: 'uint64' },
    { name: 'timestamp', type: 'uint64' },
    { name: 'blockHash', type: 'bytes32' },
    { name: 'root', type: 'bytes32' },
  ],
} as const

/** The EIP-712 form; its domain names no chain, since the statement is true everywhere. */
export function typedStatement(statement: Statement) {
  const domain = { name: 'Omnimargin', version: '1' }
  return { domain, types: TYPES, primaryType: 'Checkpoint', message: statement } as const
}

export function hashStatement(statement: Statement): Hex {
  return hashTypedData(typedStatement(statement))
}
