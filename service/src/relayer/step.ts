/** What a relayer does about one emitter: wait for k equal signatures, read that checkpoint, carry what is not known yet. */
import type { Checkpoint, Cursor, Write } from '@omnimargin/chains/emitter'
import type { Hex } from '@omnimargin/core/bytes'
import { type Claims, rootOf, siblingsOf } from '@omnimargin/core/claims'
import { type Key, KIND, type Kind, keyHash, ZERO_DIGEST } from '@omnimargin/core/record'
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
  /** What the emitter wrote of its markets, by the hash of the record's key: fills are not believed without. */
  readonly markets: ReadonlyMap<Hex, Write>
  /** By the statement's hash: who signed it. Only of blocks beyond the cursor. */
  readonly signed: ReadonlyMap<Hex, ReadonlyMap<Address, Signed>>
  /** Records that their reader, on another chain, is not known to have learned, by the hash of their key. */
  readonly pending: ReadonlyMap<Hex, Pending>
  /** Destinations that a batch is on its way to; the next one waits for its outcome. */
  readonly inFlight: ReadonlySet<number>
  /** When each destination was last sent a root, in seconds of the origin's time. */
  readonly carriedAt: ReadonlyMap<number, bigint>
  /** Who, on other chains, writes down how new a root of this emitter it has. */
  readonly hearers: readonly Hearer[]
  /** A root is carried at least this often, in seconds, for freshness alone; never if it is not said. */
  readonly heartbeat: bigint | undefined
  /** Which records are carried; all if it is not said. */
  readonly kinds: readonly Kind[] | undefined
  /** How long, in seconds of the origin's time, others have to carry a record first. */
  readonly patience: bigint
}

/** A record to carry, and the origin's time in seconds since which it has been waiting; how often it was refused, and until when it rests. */
export type Pending = {
  readonly write: Write
  readonly since: bigint
  readonly refusals?: number
  readonly restsUntil?: bigint
}

/** A peer of the emitter: it writes HEARD once in `heartbeat` seconds at most; the last it is known to have written. */
export type Hearer = {
  readonly chainId: number
  readonly address: Address
  readonly heartbeat: bigint
  readonly heard: bigint
}

export type RelayerEvent =
  /** A signature, checked to be the signer's. */
  | { readonly type: 'signed'; readonly signer: Address; readonly hash: Hex; readonly signed: Signed }
  /** The checkpoint that was asked for, with the statement and signatures that made us ask. */
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint; readonly quorum: Quorum }
  /** A batch is over: readers there have learned these, or refuse them for good; refuse those for now; and what hearers have written. */
  | {
      readonly type: 'settled'
      readonly destination: number
      readonly writes: readonly Write[]
      readonly refused: readonly Write[]
      readonly heard: readonly Heard[]
    }

export type Heard = { readonly address: Address; readonly timestamp: bigint }

export type Quorum = { readonly statement: Statement; readonly signatures: readonly Hex[] }

export type RelayerEffect =
  | { readonly type: 'read'; readonly quorum: Quorum }
  | { readonly type: 'remember'; readonly writes: readonly Write[]; readonly cursor: Cursor }
  | {
      readonly type: 'carry'
      readonly destination: number
      readonly quorum: Quorum
      readonly claims: readonly Claim[]
      /** Who is to write down, after the root is accepted, that it was. */
      readonly hears: readonly Address[]
    }
  | { readonly type: 'distrust'; readonly statement: Statement; readonly root: Hex }

/** A record and the siblings that prove it. */
export type Claim = { readonly write: Write; readonly siblings: readonly Hex[] }

export const MAX_RECORDS_A_BATCH = 100
/** A record that is refused rests for a second, then for twice as long each time, up to 64. */
const MOST_DOUBLINGS = 6
const NOBODY: Address = `0x${'00'.repeat(20)}`

export function step(state: RelayerState, event: RelayerEvent): { state: RelayerState; effects: RelayerEffect[] } {
  if (event.type === 'signed') return count(state, event)
  if (event.type === 'checkpoint') return carry(state, event)
  return { state: settle(state, event), effects: [] }
}

function settle(
  state: RelayerState,
  { destination, writes, refused, heard }: Extract<RelayerEvent, { type: 'settled' }>,
): RelayerState {
  const inFlight = new Set([...state.inFlight].filter((other) => other !== destination))
  const hearers = state.hearers.map((hearer) => {
    const now = heard.find(({ address }) => hearer.chainId === destination && hearer.address === address)
    return now ? { ...hearer, heard: now.timestamp } : hearer
  })
  const pending = resting(without(state.pending, writes), refused, state.carriedAt.get(destination) ?? 0n)
  return { ...state, inFlight, hearers, pending }
}

/** So that a reader which goes on refusing costs ever less, and keeps no other record from its turn. */
export function resting(
  pending: RelayerState['pending'],
  refused: readonly Write[],
  now: bigint,
): RelayerState['pending'] {
  const next = new Map(pending)
  for (const { hash } of refused) {
    const one = pending.get(hash)
    if (!one) continue
    const { refusals = 0 } = one
    const rest = 2 ** Math.min(refusals, MOST_DOUBLINGS)
    next.set(hash, { ...one, refusals: refusals + 1, restsUntil: now + BigInt(rest) })
  }
  return next
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

function carry(before: RelayerState, { checkpoint, quorum }: Extract<RelayerEvent, { type: 'checkpoint' }>) {
  const { blockNumber, blockHash, digest, writes } = checkpoint
  if (blockNumber <= before.cursor.blockNumber) return { state: before, effects: [] }
  const claims = withWrites(before.claims, writes)
  const root = rootOf(claims)
  if (root !== quorum.statement.root) {
    const distrust: RelayerEffect = { type: 'distrust', statement: quorum.statement, root }
    return { state: before, effects: [distrust] }
  }
  const cursor = { blockNumber, blockHash, digest }
  const { timestamp } = quorum.statement
  const pending = withRemote(before, writes, timestamp)
  const signed = new Map(
    [...before.signed].filter(([, votes]) => [...votes.values()].some((s) => s.statement.blockNumber > blockNumber)),
  )
  const state = { ...before, cursor, claims, pending, signed, markets: withMarkets(before.markets, writes) }
  const carries = [...destinationsOf(state)].flatMap((destination) => batchTo(state, destination, quorum))
  const carriedAt = new Map([...state.carriedAt, ...carries.map((c) => [c.destination, timestamp] as const)])
  const inFlight = new Set([...state.inFlight, ...carries.map(({ destination }) => destination)])
  const effects: RelayerEffect[] = [{ type: 'remember', writes, cursor }, ...carries]
  return { state: { ...state, carriedAt, inFlight }, effects }
}

type Carry = Extract<RelayerEffect, { type: 'carry' }>

/**
 * The batch to send there now, if any. A HEARD record is no reason for one: it waits for other records or for the
 * heartbeat's root, since two chains that answered each other's HEARD at once would never come to rest.
 */
function batchTo(state: RelayerState, destination: number, quorum: Quorum): Carry[] {
  if (state.inFlight.has(destination)) return []
  const { timestamp } = quorum.statement
  const due = dueAt(state, destination, timestamp)
  const { heartbeat, claims } = state
  const isStale = heartbeat !== undefined && timestamp >= (state.carriedAt.get(destination) ?? 0n) + heartbeat
  if (!isStale && due.every(({ key }) => key.kind === KIND.HEARD)) return []
  const batch = batchOf(state.markets, due).map((write) => ({ write, siblings: siblingsOf(claims, write.hash) }))
  const hears = state.hearers.flatMap(({ chainId, address, heartbeat: pause, heard }) =>
    chainId === destination && timestamp >= heard + pause ? [address] : [],
  )
  return [{ type: 'carry', destination, quorum, claims: batch, hears }]
}

/** As many of the due records as fit, the markets first: fills are refused unless their market is known as newly. */
function batchOf(markets: RelayerState['markets'], due: readonly Write[]): Write[] {
  const first = new Map<Hex, Write>()
  const others: Write[] = []
  for (const write of due) {
    const market = write.key.kind === KIND.MARKET ? write : marketOf(markets, write)
    const added = (market && !first.has(market.hash) ? 1 : 0) + (market === write ? 0 : 1)
    if (first.size + others.length + added > MAX_RECORDS_A_BATCH) break
    if (market) first.set(market.hash, market)
    if (market !== write) others.push(write)
  }
  return [...first.values(), ...others]
}

/** What the emitter wrote, for the same reader, of the market of these fills; nothing for other records. */
function marketOf(markets: RelayerState['markets'], { key }: Write): Write | undefined {
  return key.kind === KIND.FILLS ? markets.get(keyHash(marketKeyOf(key))) : undefined
}

/** What its reader does not know yet, as `known` says in their order. A market goes with its fills, however well known. */
export function withoutKnown(claims: readonly Claim[], known: readonly boolean[]): Claim[] {
  const fills = claims.filter(({ write }, i) => !known[i] && write.key.kind === KIND.FILLS)
  const markets = fills.map(({ write }) => keyHash(marketKeyOf(write.key)))
  return claims.filter(({ write }, i) => !known[i] || markets.includes(write.hash))
}

/** The key of the market record that goes with a fills record. */
export function marketKeyOf(fills: Key): Key {
  return { ...fills, kind: KIND.MARKET, account: ZERO_DIGEST, holder: NOBODY }
}

/** With the market records among the writes. */
export function withMarkets(markets: RelayerState['markets'], writes: readonly Write[]): RelayerState['markets'] {
  const written = writes.filter(({ key }) => key.kind === KIND.MARKET)
  return written.length === 0 ? markets : new Map([...markets, ...written.map((write) => [write.hash, write] as const)])
}

function dueAt({ patience, pending }: RelayerState, destination: number, now: bigint): Write[] {
  return [...pending.values()].flatMap((one) =>
    Number(one.write.key.readerChain) === destination && isDue(one, patience, now) ? [one.write] : [],
  )
}

/** Whether a record has waited long enough for others to carry it, and does not rest. */
export function isDue({ since, restsUntil = 0n }: Pending, patience: bigint, now: bigint): boolean {
  return now >= since + patience && now >= restsUntil
}

/** Every chain that reads this emitter: those with something pending, those carried to before, and its peers'. */
function destinationsOf({ pending, carriedAt, hearers }: RelayerState): Set<number> {
  const readers = [...pending.values()].map(({ write: { key } }) => Number(key.readerChain))
  return new Set([...readers, ...carriedAt.keys(), ...hearers.map(({ chainId }) => chainId)])
}

/** Records for readers on the writer's own chain are pushed there, or pulled from there, and need no carrying. */
export function isCarried({ key }: Write, chainId: number, kinds: readonly Kind[] | undefined): boolean {
  return Number(key.readerChain) !== chainId && (kinds === undefined || kinds.includes(key.kind))
}

function withRemote({ pending, chainId, kinds }: RelayerState, writes: readonly Write[], now: bigint) {
  const carried = writes.filter((write) => isCarried(write, chainId, kinds))
  return withPending(pending, carried, now)
}

/** A record that grows while it waits has waited since it first changed. */
export function withPending(pending: RelayerState['pending'], writes: readonly Write[], now: bigint) {
  const next = new Map(pending)
  for (const write of writes) next.set(write.hash, { ...(pending.get(write.hash) ?? { since: now }), write })
  return next
}

/** A record that has grown since it was sent stays pending. */
export function without(pending: RelayerState['pending'], settled: readonly Write[]): Map<Hex, Pending> {
  const left = new Map(pending)
  for (const { hash, fields } of settled) {
    const now = left.get(hash)?.write
    if (now?.fields.every((field, i) => field === fields[i])) left.delete(hash)
  }
  return left
}
