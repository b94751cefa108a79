import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Checkpoint, Write } from '@omnimargin/chains/emitter'
import { keccak, toHex, word } from '@omnimargin/core/bytes'
import { rootOf } from '@omnimargin/core/claims'
import { type Key, KIND, keyHash, type ZERO_DIGEST } from '@omnimargin/core/record'
import { serve, shelfOf } from '@omnimargin/service/attestor/serve'
import { sign } from '@omnimargin/service/attestor/sign'
import { type AttestorState, step, withWrites } from '@omnimargin/service/attestor/step'
import { hashStatement, type Statement } from '@omnimargin/service/statement'
import { openStore, SignedBefore, START } from '@omnimargin/service/store'
import fc from 'fast-check'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const EMITTER = `0x${'ee'.repeat(20)}` as const
const hash = (n: number) => toHex(keccak(word(BigInt(n))))

const write = (n: number, granted: bigint): Write => {
  const key: Key = {
    kind: KIND.GRANT,
    writerChain: 1n,
    writer: EMITTER,
    readerChain: 2n,
    reader: `0x${'22'.repeat(20)}`,
    account: hash(n),
    item: hash(0),
    holder: EMITTER,
  }
  return { key, hash: keyHash(key), fields: [granted, 0n, 0n, 0n, 0n, 0n] }
}
const checkpoint = (n: number, writes: Write[]): Checkpoint => ({
  blockNumber: BigInt(n),
  blockHash: hash(n),
  timestamp: 1_000n + BigInt(n),
  digest: hash(n + 1_000),
  writes,
})
const fresh: AttestorState = { epoch: 0n, chainId: 1, emitter: EMITTER, cursor: START, claims: undefined }
const statement: Statement = {
  epoch: 0n,
  chainId: 1n,
  emitter: EMITTER,
  blockNumber: 5n,
  timestamp: 1_005n,
  blockHash: hash(5),
  root: hash(50),
}

async function inFolder(work: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-test-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('ROL-01 a checkpoint is signed once, whatever the order and number of times it is seen', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }), (blocks) => {
      let state = fresh
      const signed: bigint[] = []
      for (const block of blocks) {
        const next = step(state, { type: 'checkpoint', checkpoint: checkpoint(block, [write(block, 1n)]) })
        state = next.state
        for (const effect of next.effects) if (effect.type === 'sign') signed.push(effect.statement.blockNumber)
      }
      assert.deepEqual(
        signed,
        [...new Set(signed)].sort((a, b) => (a < b ? -1 : 1)),
        'block numbers only rise',
      )
    }),
  )
})

test('ROL-02 the root signed is that of all records so far', () => {
  const writes = [write(1, 1n), write(2, 5n)]
  const first = step(fresh, { type: 'checkpoint', checkpoint: checkpoint(1, writes) })
  const second = step(first.state, { type: 'checkpoint', checkpoint: checkpoint(2, [write(1, 9n)]) })
  const sign = second.effects.find((effect) => effect.type === 'sign')
  assert.equal(sign?.statement.root, rootOf(withWrites(undefined, [write(2, 5n), write(1, 9n)])))
  assert.equal(sign?.statement.timestamp, 1_002n)
  assert.equal(sign?.statement.blockHash, hash(2))
})

test('ROL-03 a second story for a signed block is refused for ever, also after a restart', async () => {
  await inFolder((folder) => {
    const before = openStore(folder)
    before.signOnce(statement, hashStatement(statement))
    before.signOnce(statement, hashStatement(statement))
    before.close()
    const after = openStore(folder)
    const other = { ...statement, root: hash(51) }
    assert.throws(() => after.signOnce(other, hashStatement(other)), SignedBefore)
    after.signOnce(statement, hashStatement(statement))
    after.close()
  })
})

test('ROL-03 by the time a key is asked to sign, the disk would refuse another story', async () => {
  await inFolder(async (folder) => {
    const store = openStore(folder)
    const key = privateKeyToAccount(generatePrivateKey())
    const other = { ...statement, root: hash(51) }
    let asked = 0
    const signTypedData: typeof key.signTypedData = (typed) => {
      asked += 1
      // As after a crash at this very moment: what is on disk is all that another process knows.
      const onDisk = openStore(folder)
      assert.throws(() => onDisk.signOnce(other, hashStatement(other)), SignedBefore)
      onDisk.close()
      return key.signTypedData(typed)
    }
    await sign(store, { signTypedData }, statement)
    assert.equal(asked, 1)
    await assert.rejects(sign(store, { signTypedData }, other), SignedBefore)
    assert.equal(asked, 1, 'a second story is never put to the key')
    store.close()
  })
})

test('ROL-03 a checkpoint is signed before the cursor goes beyond it, so that a crash in between signs it again', () => {
  const { effects } = step(fresh, { type: 'checkpoint', checkpoint: checkpoint(1, [write(1, 1n)]) })
  assert.deepEqual(
    effects.map(({ type }) => type),
    ['sign', 'remember'],
  )
})

test('ROL-04 a restart goes on where the store left off, and a failed advance changes nothing', async () => {
  await inFolder((folder) => {
    const cursor = { blockNumber: 7n, blockHash: hash(7), digest: hash(8) }
    const before = openStore(folder)
    assert.deepEqual(before.cursorOf(1, EMITTER), START)
    before.advance(1, EMITTER, [write(1, 1n), write(2, 2n)], cursor)
    before.advance(1, EMITTER, [write(1, 3n)], cursor)
    before.close()
    const after = openStore(folder)
    assert.deepEqual(after.cursorOf(1, EMITTER), cursor)
    const sorted = (writes: Write[]) => [...writes].sort((a, b) => (a.hash < b.hash ? -1 : 1))
    assert.deepEqual(sorted(after.writesOf(1, EMITTER)), sorted([write(1, 3n), write(2, 2n)]))
    assert.deepEqual(after.cursorOf(2, EMITTER), START, 'another chain is another emitter')
    const broken = { ...cursor, blockNumber: 9n, digest: undefined as unknown as typeof ZERO_DIGEST }
    assert.throws(() => after.advance(1, EMITTER, [write(3, 3n)], broken))
    assert.equal(after.writesOf(1, EMITTER).length, 2)
    after.close()
  })
})

test('an attestor keeps a connection longer than its askers do, who are told, and says nothing after its signal', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await once(free.close(), 'close')
  const stopping = new AbortController()
  const { close } = await serve(shelfOf(), port, stopping.signal)
  const asked = fetch(`http://127.0.0.1:${port}/checkpoints/1/${EMITTER}?after=0`)
  setTimeout(() => stopping.abort(), 50)
  const { status, headers } = await asked
  assert.equal(status, 204)
  assert.match(headers.get('keep-alive') ?? '', /timeout=60\b/)
  await close()
})
