/** What an attestor does about a finalized checkpoint: take it in, and sign its root. */
import type { Checkpoint, Cursor, Write } from '@omnimargin/chains/emitter'
import { type Claims, rootOf, setClaim } from '@omnimargin/core/claims'
import { leafOf } from '@omnimargin/core/record'
import type { Address } from 'viem'
import type { Statement } from '../statement.ts'

export type AttestorState = {
  readonly epoch: bigint
  readonly chainId: number
  readonly emitter: Address
  readonly cursor: Cursor
  readonly claims: Claims
}

export type AttestorEvent = { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint }

export type AttestorEffect =
  | { readonly type: 'remember'; readonly writes: readonly Write[]; readonly cursor: Cursor }
  | { readonly type: 'sign'; readonly statement: Statement }

/** A checkpoint that is not beyond the cursor was dealt with before and does nothing. */
export function step(
  state: AttestorState,
  { checkpoint }: AttestorEvent,
): { state: AttestorState; effects: AttestorEffect[] } {
  if (checkpoint.blockNumber <= state.cursor.blockNumber) return { state, effects: [] }
  const { blockNumber, blockHash, timestamp, digest, writes } = checkpoint
  const cursor = { blockNumber, blockHash, digest }
  const claims = withWrites(state.claims, writes)
  const { epoch, emitter } = state
  const root = rootOf(claims)
  const statement = { epoch, chainId: BigInt(state.chainId), emitter, blockNumber, timestamp, blockHash, root }
  return {
    state: { ...state, cursor, claims },
    effects: [
      { type: 'sign', statement },
      { type: 'remember', writes, cursor },
    ],
  }
}

/** The claims tree after more writes. */
export function withWrites(claims: Claims, writes: readonly Write[]): Claims {
  return writes.reduce((tree, { hash, fields }) => setClaim(tree, hash, leafOf(hash, fields)), claims)
}
