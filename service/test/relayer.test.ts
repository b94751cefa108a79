import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Checkpoint, Write } from '@omnimargin/chains/emitter'
import { type Hex, keccak, toHex, word } from '@omnimargin/core/bytes'
import { provesClaim, rootOf } from '@omnimargin/core/claims'
import { type Key, KIND, keyHash, leafOf } from '@omnimargin/core/record'
import { withWrites } from '@omnimargin/service/attestor/step'
import {
  type Claim,
  MAX_RECORDS_A_BATCH,
  type RelayerEffect,
  type RelayerEvent,
  type RelayerState,
  step,
  withoutKnown,
} from '@omnimargin/service/relayer/step'
import type { Signed } from '@omnimargin/service/statement'
import { START } from '@omnimargin/service/store'
import fc from 'fast-check'

const SIGNERS = ['0x01', '0x02', '0x03', '0x04'].map((hex): Hex => `0x${hex.slice(2).repeat(20)}`)
const EMITTER: Hex = `0x${'ee'.repeat(20)}`
const hash = (n: number) => toHex(keccak(word(BigInt(n))))

const write = (n: number, granted: bigint, readerChain = 2n): Write => {
  const key: Key = {
    kind: KIND.GRANT,
    writerChain: 1n,
    writer: EMITTER,
    readerChain,
    reader: `0x${'22'.repeat(20)}`,
    account: hash(n),
    item: hash(0),
    holder: EMITTER,
  }
  return { key, hash: keyHash(key), fields: [granted, 0n, 0n, 0n, 0n, 0n] }
}

const fresh: RelayerState = {
  chainId: 1,
  threshold: 3,
  signers: SIGNERS,
  cursor: START,
  claims: undefined,
  markets: new Map(),
  signed: new Map(),
  pending: new Map(),
  inFlight: new Set(),
  carriedAt: new Map(),
  hearers: [],
  heartbeat: 100n,
  kinds: undefined,
  patience: 0n,
}

const signedAt = (block: number, root: Hex): Signed => ({
  statement: {
    epoch: 0n,
    chainId: 1n,
    emitter: EMITTER,
    blockNumber: BigInt(block),
    timestamp: BigInt(block),
    blockHash: hash(block),
    root,
  },
  signature: `0x${'ab'.repeat(65)}`,
})

const vote = (signer: number, block: number, root: Hex): RelayerEvent => ({
  type: 'signed',
  signer: SIGNERS[signer] ?? EMITTER,
  hash: toHex(keccak(word(BigInt(block)), word(BigInt(root)))),
  signed: signedAt(block, root),
})

const checkpoint = (block: number, writes: Write[]): Checkpoint => ({
  blockNumber: BigInt(block),
  blockHash: hash(block),
  timestamp: BigInt(block),
  digest: hash(block + 1_000),
  writes,
})

function play(state: RelayerState, events: readonly RelayerEvent[]): { state: RelayerState; effects: RelayerEffect[] } {
  const effects: RelayerEffect[] = []
  let now = state
  for (const event of events) {
    const next = step(now, event)
    now = next.state
    effects.push(...next.effects)
  }
  return { state: now, effects }
}

const readAt = (block: number, writes: Write[], root: Hex): RelayerEvent => {
  const { statement, signature } = signedAt(block, root)
  return { type: 'checkpoint', checkpoint: checkpoint(block, writes), quorum: { statement, signatures: [signature] } }
}

test('ROL-10 three equal signatures of three signers ask for the checkpoint, once', () => {
  const { effects } = play(fresh, [vote(0, 5, hash(1)), vote(1, 5, hash(1)), vote(3, 5, hash(1)), vote(2, 5, hash(1))])
  assert.deepEqual(
    effects.map(({ type }) => type),
    ['read'],
  )
})

test('ROL-10 signatures come in the order of the signers, whoever answered first', () => {
  const sign = (signer: number): RelayerEvent => {
    const event = vote(signer, 5, hash(1))
    if (event.type !== 'signed') return event
    return { ...event, signed: { ...event.signed, signature: `0x${`0${signer}`.repeat(65)}` } }
  }
  const { effects } = play(fresh, [sign(3), sign(0), sign(2)])
  const [read] = effects
  const expected = [0, 2, 3].map((signer) => `0x${`0${signer}`.repeat(65)}`)
  assert.deepEqual(read?.type === 'read' ? read.quorum.signatures : [], expected)
})

test('ROL-11 one signer twice, a stranger, and signatures of different roots are no quorum', () => {
  const stranger: RelayerEvent = { ...vote(0, 5, hash(1)), signer: EMITTER } as RelayerEvent
  const events = [vote(0, 5, hash(1)), vote(0, 5, hash(1)), stranger, vote(1, 5, hash(1)), vote(2, 5, hash(2))]
  assert.deepEqual(play(fresh, events).effects, [])
})

test('ROL-12 a root that its own reading of the logs does not give is carried nowhere', () => {
  const { state, effects } = play(fresh, [readAt(5, [write(1, 1n)], hash(1))])
  assert.deepEqual(
    effects.map(({ type }) => type),
    ['distrust'],
  )
  assert.equal(state.cursor.blockNumber, 0n)
})

test('ROL-13 what is carried proves against the signed root, and local records are not carried', () => {
  const writes = [write(1, 1n), write(2, 2n), write(3, 3n, 1n)]
  const root = rootOf(withWrites(undefined, writes))
  const { effects } = play(fresh, [readAt(5, writes, root)])
  const carry = effects.find((effect) => effect.type === 'carry')
  assert.ok(carry)
  assert.equal(carry.destination, 2)
  assert.equal(carry.claims.length, 2)
  for (const { write: claim, siblings } of carry.claims) {
    assert.ok(provesClaim(root, claim.hash, leafOf(claim.hash, claim.fields), siblings))
  }
})

test('ROL-14 a batch in flight holds the next one back, and nothing is lost when it fails', () => {
  const one = [write(1, 1n)]
  const two = [write(2, 2n)]
  const roots = [one, [...one, ...two]].map((writes) => rootOf(withWrites(undefined, writes)))
  const first = play(fresh, [readAt(5, one, roots[0] ?? hash(0)), readAt(6, two, roots[1] ?? hash(0))])
  assert.equal(first.effects.filter(({ type }) => type === 'carry').length, 1)
  const failed = play(first.state, [
    { type: 'settled', destination: 2, writes: [], refused: [], heard: [] },
    readAt(7, [], roots[1] ?? hash(0)),
  ])
  const carry = failed.effects.find((effect) => effect.type === 'carry')
  assert.equal(carry?.claims.length, 2)
})

test('ROL-15 whatever is settled in whatever order, in the end every record was carried at its newest', () => {
  const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(history, (steps) => {
      let state = fresh
      const newest = new Map<Hex, bigint>()
      const delivered = new Map<Hex, bigint>()
      let all: Write[] = []
      const settle = (effects: readonly RelayerEffect[], isLearned: boolean) => {
        for (const effect of effects) {
          if (effect.type !== 'carry') continue
          const writes = isLearned ? effect.claims.map((claim) => claim.write) : []
          for (const { hash: key, fields } of writes) delivered.set(key, fields[0])
          state = step(state, { type: 'settled', destination: 2, writes, refused: [], heard: [] }).state
        }
      }
      const advance = (block: number, writes: Write[], isLearned: boolean) => {
        all = [...all, ...writes]
        const next = step(state, readAt(block, writes, rootOf(withWrites(undefined, all))))
        state = next.state
        settle(next.effects, isLearned)
      }
      for (const [block, [n, isLearned]] of steps.entries()) {
        const record = write(n, BigInt(block + 1))
        newest.set(record.hash, record.fields[0])
        advance(block + 1, [record], isLearned)
      }
      advance(steps.length + 1, [], true)
      assert.deepEqual([...delivered].sort(), [...newest].sort())
      assert.equal(state.pending.size, 0)
    }),
  )
})

test('ROL-16 a heartbeat carries a root alone once the last is old enough', () => {
  const writes = [write(1, 1n)]
  const root = rootOf(withWrites(undefined, writes))
  const learned: RelayerEvent = { type: 'settled', destination: 2, writes, refused: [], heard: [] }
  const { state } = play(fresh, [readAt(5, writes, root), learned])
  assert.equal(play(state, [readAt(104, [], root)]).effects.filter(({ type }) => type === 'carry').length, 0)
  const [, carry] = play(state, [readAt(105, [], root)]).effects
  assert.deepEqual(carry?.type === 'carry' ? carry.claims : undefined, [])
})

test('ROL-36 a keeper carries only what it cares for, once others have had their time, and no root alone', () => {
  const ours = { ...write(1, 1n), key: { ...write(1, 1n).key, kind: KIND.FILLS } }
  const other = write(2, 1n)
  const keeper: RelayerState = { ...fresh, heartbeat: undefined, kinds: [KIND.FILLS], patience: 30n }
  const writes = [ours, other]
  const root = rootOf(withWrites(undefined, writes))
  const { state } = play(keeper, [readAt(5, writes, root), readAt(34, [], root)])
  assert.deepEqual([...state.pending.keys()], [ours.hash])
  const grown: Write = { ...ours, fields: [2n, 0n, 0n, 0n, 0n, 0n] }
  const later = rootOf(withWrites(undefined, [grown, other]))
  const { effects } = play(state, [readAt(35, [grown], later)])
  assert.deepEqual(
    effects.flatMap((effect) => (effect.type === 'carry' ? effect.claims.map((claim) => claim.write) : [])),
    [grown],
  )
  const idle = play(keeper, [readAt(5, [other], rootOf(withWrites(undefined, [other])))])
  assert.ok(idle.effects.every(({ type }) => type !== 'carry'))
})

const CLEARING: Hex = `0x${'22'.repeat(20)}`
const hearer = { chainId: 2, address: CLEARING, heartbeat: 10n, heard: 0n }
const heardWrite = (timestamp: bigint): Write => {
  const { key } = write(0, 0n)
  const heard: Key = { ...key, kind: KIND.HEARD, account: hash(0), item: hash(0) }
  return { key: heard, hash: keyHash(heard), fields: [timestamp, 0n, 0n, 0n, 0n, 0n] }
}
const carriesOf = (effects: readonly RelayerEffect[]) => effects.filter((effect) => effect.type === 'carry')

test('ROL-18 whoever a root is carried to hears of it in the same batch, once in its heartbeat', () => {
  const cases: [heard: bigint, block: number, expected: Hex[]][] = [
    [0n, 109, [CLEARING]],
    [100n, 109, []],
    [100n, 110, [CLEARING]],
    [111n, 110, []],
  ]
  for (const [heard, block, expected] of cases) {
    const writes = [write(1, 1n)]
    const state = {
      ...fresh,
      hearers: [
        { ...hearer, heard },
        { ...hearer, chainId: 3 },
      ],
      inFlight: new Set([3]),
    }
    const { effects } = play(state, [readAt(block, writes, rootOf(withWrites(undefined, writes)))])
    assert.deepEqual(
      carriesOf(effects).map(({ hears }) => hears),
      [expected],
      `heard ${heard}, root of ${block}`,
    )
  }
})

test('ROL-18 what a hearer has written down is taken from its chain, whoever made it', () => {
  const heard = [{ address: CLEARING, timestamp: 42n }]
  const state = { ...fresh, hearers: [hearer, { ...hearer, chainId: 3 }] }
  const settled = play(state, [{ type: 'settled', destination: 2, writes: [], refused: [], heard }]).state
  assert.deepEqual(
    settled.hearers.map((one) => one.heard),
    [42n, 0n],
  )
})

test('ROL-49 a record that is refused rests for a second, then for twice as long each time up to 64, and keeps no other', () => {
  const [bad, good] = [write(1, 1n), write(2, 2n)]
  const root = rootOf(withWrites(undefined, [bad]))
  let state: RelayerState = { ...fresh, heartbeat: undefined }
  const sentAt: number[] = []
  for (let now = 5; now < 400; now += 1) {
    const played = play(state, [readAt(now, now === 5 ? [bad] : [], root)])
    state = played.state
    if (carriesOf(played.effects).length === 0) continue
    sentAt.push(now)
    const refused: RelayerEvent = { type: 'settled', destination: 2, writes: [], refused: [bad], heard: [] }
    state = play(state, [refused]).state
  }
  const pauses = sentAt.slice(1).map((at, i) => at - (sentAt[i] ?? 0))
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64])
  const both = rootOf(withWrites(withWrites(undefined, [bad]), [good]))
  const claims = carriesOf(play(state, [readAt(400, [good], both)]).effects).flatMap((carry) => carry.claims)
  assert.deepEqual(
    claims.map((claim) => claim.write),
    [good],
  )
  const learned: RelayerEvent = { type: 'settled', destination: 2, writes: [bad], refused: [], heard: [] }
  assert.equal(play(state, [learned]).state.pending.size, 0)
})

test('ROL-18 a peer is sent a root with every heartbeat, also one that never had a record to learn', () => {
  const { state, effects } = play({ ...fresh, hearers: [hearer] }, [readAt(105, [], rootOf(undefined))])
  assert.deepEqual(
    carriesOf(effects).map(({ destination, hears }) => [destination, hears]),
    [[2, [CLEARING]]],
  )
  const settled: RelayerEvent = { type: 'settled', destination: 2, writes: [], refused: [], heard: [] }
  const later = play(state, [settled, readAt(204, [], rootOf(undefined)), readAt(205, [], rootOf(undefined))])
  assert.equal(carriesOf(later.effects).length, 1)
})

test('ROL-19 HEARD alone is no reason for a batch, and goes with the next one', () => {
  const heard = heardWrite(5n)
  const grant = write(1, 1n)
  const root = rootOf(withWrites(undefined, [heard]))
  const both = rootOf(withWrites(undefined, [heard, grant]))
  const before = { ...fresh, carriedAt: new Map([[2, 100n]]) }
  const quiet = play(before, [readAt(150, [heard], root), readAt(198, [], root)])
  assert.equal(carriesOf(quiet.effects).length, 0)
  const cases: [string, RelayerEvent, Write[]][] = [
    ['another record', readAt(199, [grant], both), [heard, grant]],
    ['the heartbeat', readAt(200, [], root), [heard]],
  ]
  for (const [what, event, expected] of cases) {
    const claims = carriesOf(play(quiet.state, [event]).effects).flatMap((carry) => carry.claims)
    assert.deepEqual(
      claims.map((claim) => claim.write),
      expected,
      what,
    )
  }
})

const atVenue = (kind: typeof KIND.FILLS | typeof KIND.MARKET, item: number, account: number, field = 1n): Write => {
  const nobody: Hex = `0x${'00'.repeat(20)}`
  const who = kind === KIND.MARKET ? toHex(word(0n)) : hash(account)
  const key: Key = { ...write(0, 0n).key, kind, account: who, item: toHex(word(BigInt(item))), holder: nobody }
  return { key, hash: keyHash(key), fields: [field, 0n, 0n, 0n, 0n, 0n] }
}
const fills = (item: number, account: number) => atVenue(KIND.FILLS, item, account)
const market = (item: number, field = 1n) => atVenue(KIND.MARKET, item, 0, field)

test('ROL-40 fills travel behind the record of their market, proven against the same root, though it has not changed', () => {
  const known = [market(0), market(1)]
  const cases: [string, Write[], Write[]][] = [
    ['of one market', [fills(0, 1), fills(0, 2)], [market(0), fills(0, 1), fills(0, 2)]],
    ['of two markets', [fills(1, 1), fills(0, 2)], [market(1), market(0), fills(1, 1), fills(0, 2)]],
    ['a market that changed too', [fills(0, 1), market(0, 7n)], [market(0, 7n), fills(0, 1)]],
    ['of a market that is not written', [fills(2, 1)], [fills(2, 1)]],
    ['no fills', [write(1, 1n)], [write(1, 1n)]],
  ]
  for (const kinds of [undefined, [KIND.FILLS, KIND.GRANT]]) {
    for (const [what, writes, expected] of cases) {
      const first = play({ ...fresh, kinds }, [readAt(5, known, rootOf(withWrites(undefined, known)))])
      const settled: RelayerEvent = { type: 'settled', destination: 2, writes: known, refused: [], heard: [] }
      const root = rootOf(withWrites(undefined, [...known, ...writes]))
      const { effects } = play(first.state, [settled, readAt(6, writes, root)])
      const [carry] = carriesOf(effects)
      assert.deepEqual(
        carry?.claims.map((claim) => claim.write),
        expected,
        what,
      )
      for (const { write: claim, siblings } of carry?.claims ?? []) {
        assert.ok(provesClaim(root, claim.hash, leafOf(claim.hash, claim.fields), siblings), what)
      }
    }
  }
})

test('ROL-40 the markets count within the limit of a batch, and no fills go without theirs', () => {
  const markets = Array.from({ length: MAX_RECORDS_A_BATCH }, (_, item) => market(item))
  const all = markets.map((_, item) => fills(item, item))
  const root = rootOf(withWrites(undefined, [...markets, ...all]))
  const state = { ...fresh, kinds: [KIND.FILLS] }
  const [carry] = carriesOf(play(state, [readAt(5, [...markets, ...all], root)]).effects)
  const half = MAX_RECORDS_A_BATCH / 2
  assert.deepEqual(
    carry?.claims.map((claim) => claim.write),
    [...markets.slice(0, half), ...all.slice(0, half)],
  )
})

test('ROL-40 what others carried meanwhile is left out, but no market whose fills are not', () => {
  const writes = [market(0), market(1), fills(0, 1), fills(0, 2), fills(1, 3)]
  const claims = writes.map((one): Claim => ({ write: one, siblings: [] }))
  const cases: [known: string, left: number[]][] = [
    ['.....', [0, 1, 2, 3, 4]],
    ['++...', [0, 1, 2, 3, 4]],
    ['+++.+', [0, 3]],
    ['++++.', [1, 4]],
    ['+++++', []],
    ['.++++', [0]],
  ]
  for (const [known, left] of cases) {
    const rest = withoutKnown(
      claims,
      [...known].map((mark) => mark === '+'),
    )
    assert.deepEqual(
      rest.map((claim) => claims.indexOf(claim)),
      left,
      known,
    )
  }
})
