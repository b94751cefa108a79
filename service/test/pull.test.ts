import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch, Clearing, RecordBook } from '@omnimargin/chains/abi'
import { type Hex, keccak, toHex, word } from '@omnimargin/core/bytes'
import { type Fields, type Key, KIND, keyHash } from '@omnimargin/core/record'
import { decodeFunctionData, encodeErrorResult, RawContractError } from 'viem'
import type { Destination } from '../src/destination.ts'
import type { Refused } from '../src/relayer/carry.ts'
import { pullDue } from '../src/relayer/pull.ts'
import type { Pending } from '../src/relayer/step.ts'

const address = (digit: string) => `0x${digit.repeat(40)}` as Hex
const hash = (n: number) => toHex(keccak(word(BigInt(n))))
const CLEARING = address('c')
const VENUE = address('e')

function fillsOf(account: number, bought: bigint): Pending {
  const ends = { writerChain: 1n, writer: VENUE, readerChain: 1n, reader: CLEARING }
  const key: Key = { kind: KIND.FILLS, ...ends, account: hash(account), item: hash(0), holder: address('0') }
  return { write: { key, hash: keyHash(key), fields: [bought, 0n, 0n, 0n, 0n, 0n] }, since: 0n }
}

/** A chain whose clearing knows of these accounts that they bought so much, and reverts with that for some others. */
function chainWith(known: Record<Hex, bigint>, reverts: Record<Hex, Hex>) {
  const sent: Hex[] = []
  const reader = {
    readContract: async ({ args: [key] }: { args: [Key] }) => {
      const fields: Fields = [known[key.account] ?? 0n, 0n, 0n, 0n, 0n, 0n]
      return [fields, 1n, 1n]
    },
    call: async ({ data }: { data: Hex }) => {
      const reason = reverts[fillsIn(data)?.account ?? '0x']
      if (reason) throw new RawContractError({ data: reason })
      return {}
    },
  }
  const sender = {
    send: async ({ data }: { data: Hex }) => {
      sent.push(data)
      return { status: 'success' }
    },
  }
  const home = { chain: { chainId: 1, batch: address('b') }, reader, sender } as unknown as Destination
  return { home, sent }
}

function recordsIn(data: Hex) {
  const { args } = decodeFunctionData({ abi: RecordBook.abi, data })
  return args?.[0] as readonly { kind: number; writer: Hex; account: Hex; item: Hex }[]
}

function fillsIn(data: Hex) {
  return recordsIn(data).find(({ kind }) => kind === KIND.FILLS)
}

function waitingFor(...pending: readonly Pending[]) {
  return new Map(pending.map((one) => [one.write.hash, one]))
}

function partsOf(home: Destination, notes: unknown[] = []) {
  const deployment = { clearing: { chainId: 1, address: CLEARING } }
  const note = (event: string, details: unknown) => notes.push([event, details])
  const parts = { deployment, destinations: new Map([[1, home]]), note, pollMs: 1, patienceSeconds: 0 }
  return parts as unknown as Parameters<typeof pullDue>[0]
}

test('ROL-45 each account’s fills are pulled behind their market, all in one transaction', async () => {
  const { home, sent } = chainWith({}, {})
  const waiting = waitingFor(fillsOf(1, 5n), fillsOf(2, 6n))
  assert.deepEqual(await pullDue(partsOf(home), home, waiting, 0n), waiting, 'whether they were taken is asked later')
  assert.equal(sent.length, 1)
  const { args } = decodeFunctionData({ abi: Batch.abi, data: sent[0] ?? '0x' })
  const calls = args?.[0] ?? []
  assert.deepEqual(
    calls.map(({ target, allowFailure, callData }) => [
      target.toLowerCase(),
      allowFailure,
      recordsIn(callData).map(({ kind, account }) => [kind, account]),
    ]),
    [1, 2].map((account) => [
      CLEARING,
      true,
      [
        [KIND.MARKET, `0x${'00'.repeat(32)}`],
        [KIND.FILLS, hash(account)],
      ],
    ]),
  )
})

test('ROL-45 what is known is not sent, what is refused takes no other with it, and what is refused for good is given up', async () => {
  const [known, ended, later, welcome] = [1, 2, 3, 4].map((account) => fillsOf(account, 5n))
  assert.ok(known && ended && later && welcome)
  const peerEnded = encodeErrorResult({ abi: RecordBook.abi, errorName: 'PeerEnded', args: [1n, VENUE] })
  const reverts = { [hash(2)]: peerEnded, [hash(3)]: '0x12345678' } as const
  const { home, sent } = chainWith({ [hash(1)]: 5n, [hash(4)]: 4n }, reverts)
  const notes: unknown[] = []
  const left = await pullDue(partsOf(home, notes), home, waitingFor(known, ended, later, welcome), 0n)
  assert.deepEqual(left, waitingFor({ ...later, refusals: 1, restsUntil: 1n }, welcome))
  const { args } = decodeFunctionData({ abi: Batch.abi, data: sent[0] ?? '0x' })
  assert.deepEqual(
    (args?.[0] ?? []).map(({ callData }) => fillsIn(callData)?.account),
    [hash(4)],
  )
  assert.deepEqual(notes, [
    ['not_pulled', { hash: ended.write.hash, why: 'PeerEnded' }],
    ['not_pulled', { hash: later.write.hash, why: 'reverted with 0x12345678' }],
    ['records_pulled', { hashes: [welcome.write.hash] }],
  ])
})

test('ROL-45 where everything is known nothing is sent', async () => {
  const { home, sent } = chainWith({ [hash(1)]: 7n }, {})
  const due = fillsOf(1, 5n)
  assert.deepEqual(await pullDue(partsOf(home), home, waitingFor(due), 0n), new Map())
  assert.deepEqual(sent, [])
})

test('ROL-46 what is refused is told with the refusal, after what is welcome is sent', async () => {
  const outside = encodeErrorResult({ abi: Clearing.abi, errorName: 'FillOutsideBand', args: [7n, 1_940n, 2_060n] })
  const { home, sent } = chainWith({}, { [hash(1)]: outside })
  const told: unknown[] = []
  const refused = async (records: readonly Refused[]) => {
    told.push(...records.map(({ write, refusal }) => [write.key.account, refusal, sent.length]))
  }
  const notes: unknown[] = []
  const parts = { ...partsOf(home, notes), refused }
  await pullDue(parts, home, waitingFor(fillsOf(1, 5n), fillsOf(2, 6n)), 0n)
  assert.deepEqual(told, [[hash(1), { name: 'FillOutsideBand', args: [7n, 1_940n, 2_060n] }, 1]])
  assert.deepEqual(notes[0], ['not_pulled', { hash: fillsOf(1, 5n).write.hash, why: 'FillOutsideBand' }])
})

test('ROL-49 a whole batch of fills that the clearing refuses rests ever longer, and keeps none behind it from being pulled', async () => {
  const reverts = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [hash(i), '0x12345678' as const]))
  const { home, sent } = chainWith({}, reverts)
  const all = Array.from({ length: 101 }, (_, i) => fillsOf(i, 5n))
  const notes: unknown[] = []
  const parts = partsOf(home, notes)
  let waiting = await pullDue(parts, home, waitingFor(...all), 7n)
  assert.equal(sent.length, 0, 'the first batch is refused')
  waiting = await pullDue(parts, home, waiting, 7n)
  assert.equal(sent.length, 1, 'the one behind it is pulled at once')
  const tried = () => notes.filter((note) => Array.isArray(note) && note[0] === 'not_pulled').length
  const times = [100]
  for (let now = 8n; now <= 14n; now++) {
    waiting = await pullDue(parts, home, waiting, now)
    times.push(tried())
  }
  // A second, then two, then four.
  assert.deepEqual(times, [100, 200, 200, 300, 300, 300, 300, 400])
})
