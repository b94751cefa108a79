/** What a relayer does about one emitter: wait for k equal signatures, read that checkpoint, carry what is not known yet. */
import type { Checkpoint, Cursor, Write } from '@omnimargin/chains/emitter'
import type { Hex } from '@omnimargin/core/bytes'
import { type Claims, rootOf, siblingsOf } from '@omnimargin/core/claims'
import type { Kind } from '@omnimargin/core/record'
import type { Address } from 'viem'
import { withWrites } from '../attestor/step.ts'
import type { Signed, Statement } from '../statement.ts'

export type RelayerState = {
  readonly chainId: number
  readonly threshold: number
  /** Sorted by address, as the chain wants them. */
  readonly signers: readonly Address[]
  readonly cursor: Cursor
  readonly claims: Claims
  /** By the statement's hash: who signed it. Only of blocks beyond the cursor. */
  readonly signed: ReadonlyMap<Hex, ReadonlyMap<Address, Signed>>
  /** Records that their reader, on another chain, is not known to have learned, by the hash of their key. */
  readonly pending: ReadonlyMap<Hex, Pending>
  /** Destinations that a batch is on its way to; the next one waits for its outcome. */
  readonly inFlight: ReadonlySet<number>
  /** When each destination was last sent a root, in seconds of the origin's time. */
  readonly carriedAt: ReadonlyMap<number, bigint>
  /** A root is carried at least this often, in seconds, for freshness alone; never if it is not said. */
  readonly heartbeat: bigint | undefined
  /** Which records are carried; all if it is not said. */
  readonly kinds: readonly Kind[] | undefined
  /** How long, in seconds of the origin's time, others have to carry a record first. */
  readonly patience: bigint
}

/** A record to carry, and the origin's time in seconds since which it has been waiting. */
export type Pending = { readonly write: Write; readonly since: bigint }

export type RelayerEvent =
  /** A signature, checked to be the signer's. */
  | { readonly type: 'signed'; readonly signer: Address; readonly hash: Hex; readonly signed: Signed }
  /** The checkpoint that was asked for, with the statement and signatures that made us ask. */
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint; readonly quorum: Quorum }
  /** A batch is over: readers there have learned these, or refuse them for good. */
  | { readonly type: 'settled'; readonly destination: number; readonly writes: readonly Write[] }

export type Quorum = { readonly statement: Statement; readonly signatures: readonly Hex[] }

export type RelayerEffect =
  | { readonly type: 'read'; readonly quorum: Quorum }
  | { readonly type: 'remember'; readonly writes: readonly Write[]; readonly cursor: Cursor }
  | { readonly type: 'carry'; readonly destination: number; readonly quorum: Quorum; readonly claims: readonly Claim[] }
  | { readonly type: 'distrust'; readonly statement: Statement; readonly root: Hex }

/** A record and the siblings that prove it. */
export type Claim = { readonly write: Write; readonly siblings: readonly Hex[] }

export const MAX_RECORDS_A_BATCH = 100

export function step(state: RelayerState, event: RelayerEvent): { state: RelayerState; effects: RelayerEffect[] } {
  if (event.type === 'signed') return count(state, event)
  if (event.type === 'checkpoint') return carry(state, event)
  const inFlight = new Set([...state.inFlight].filter((destination) => destination !== event.destination))
  return { state: { ...state, inFlight, pending: without(state.pending, event.writes) }, effects: [] }
}

/** One vote a signer and statement. Reaching the threshold asks for the checkpoint, once. */
function count(state: RelayerState, { signer, hash, signed }: Extract<RelayerEvent, { type: 'signed' }>) {
  const isKnown = state.signers.includes(signer) && signed.statement.blockNumber > state.cursor.blockNumber
  const votes = state.signed.get(hash)
  if (!isKnown || votes?.has(signer)) return { state, effects: [] }
  const after = new Map(votes).set(signer, signed)
  const next = { ...state, signed: new Map(state.signed).set(hash, after) }
  if (after.size !== state.threshold) return { state: next, effects: [] }
  const signatures = state.signers.flatMap((address) => after.get(address)?.signature ?? [])
  const read: RelayerEffect = { type: 'read', quorum: { statement: signed.statement, signatures } }
  return { state: next, effects: [read] }
}

function carry(state: RelayerState, { checkpoint, quorum }: Extract<RelayerEvent, { type: 'checkpoint' }>) {
  const { blockNumber, blockHash, digest, writes } = checkpoint
  if (blockNumber <= state.cursor.blockNumber) return { state, effects: [] }
  const claims = withWrites(state.claims, writes)
  const root = rootOf(claims)
  if (root !== quorum.statement.root) {
    const distrust: RelayerEffect = { type: 'distrust', statement: quorum.statement, root }
    return { state, effects: [distrust] }
  }
  const cursor = { blockNumber, blockHash, digest }
  const { timestamp } = quorum.statement
  const pending = withRemote(state, writes, timestamp)
  const carriedAt = new Map(state.carriedAt)
  const inFlight = new Set(state.inFlight)
  const effects: RelayerEffect[] = [{ type: 'remember', writes, cursor }]
  for (const destination of destinationsOf(state, pending)) {
    const due = dueAt(state, pending, destination, timestamp)
    const { heartbeat } = state
    const isStale = heartbeat !== undefined && timestamp >= (carriedAt.get(destination) ?? 0n) + heartbeat
    if (state.inFlight.has(destination) || (due.length === 0 && !isStale)) continue
    carriedAt.set(destination, timestamp)
    inFlight.add(destination)
    const proven = due.slice(0, MAX_RECORDS_A_BATCH)
    const batch = proven.map((write) => ({ write, siblings: siblingsOf(claims, write.hash) }))
    effects.push({ type: 'carry', destination, quorum, claims: batch })
  }
  const signed = new Map(
    [...state.signed].filter(([, votes]) => [...votes.values()].some((s) => s.statement.blockNumber > blockNumber)),
  )
  return { state: { ...state, cursor, claims, pending, inFlight, carriedAt, signed }, effects }
}

function dueAt({ patience }: RelayerState, pending: RelayerState['pending'], destination: number, now: bigint) {
  return [...pending.values()].flatMap(({ write, since }) =>
    Number(write.key.readerChain) === destination && now >= since + patience ? [write] : [],
  )
}

/** Every chain that reads this emitter: those with something pending, and those carried to before. */
function destinationsOf(state: RelayerState, pending: RelayerState['pending']): Set<number> {
  const readers = [...pending.values()].map(({ write: { key } }) => Number(key.readerChain))
  return new Set([...readers, ...state.carriedAt.keys()])
}

/** Records for readers on the writer's own chain are pushed there and need no carrying. */
export function isCarried({ key }: Write, chainId: number, kinds: readonly Kind[] | undefined): boolean {
  return Number(key.readerChain) !== chainId && (kinds === undefined || kinds.includes(key.kind))
}

/** A record that grows while it waits has waited since it first changed. */
function withRemote({ pending, chainId, kinds }: RelayerState, writes: readonly Write[], now: bigint) {
  const next = new Map(pending)
  for (const write of writes.filter((candidate) => isCarried(candidate, chainId, kinds))) {
    next.set(write.hash, { write, since: pending.get(write.hash)?.since ?? now })
  }
  return next
}

/** A record that has grown since it was sent stays pending. */
function without(pending: RelayerState['pending'], settled: readonly Write[]): Map<Hex, Pending> {
  const left = new Map(pending)
  for (const { hash, fields } of settled) {
    const now = left.get(hash)?.write
    if (now?.fields.every((field, i) => field === fields[i])) left.delete(hash)
  }
  return left
}
