import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { test } from 'node:test'
import { inParts, type Range } from '@omnimargin/chains/logs'
import { createPublicClient, http } from 'viem'

type Refusal = { readonly status: number; readonly error?: { readonly code: number; readonly message: string } }

/** An endpoint of a chain with a log in every block, whose answers are limited as `refuse` says. */
async function endpoint(refuse: (range: Range) => Refusal | undefined) {
  const asked: Range[] = []
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as { id: number; params: [{ fromBlock: string; toBlock: string }] }
    const [{ fromBlock, toBlock }] = body.params
    const range = { fromBlock: BigInt(fromBlock), toBlock: BigInt(toBlock) }
    asked.push(range)
    const refusal = refuse(range)
    const count = Number(range.toBlock - range.fromBlock) + 1
    const result = Array.from({ length: count }, (_, i) => logAt(range.fromBlock + BigInt(i)))
    const answer = refusal ? { error: refusal.error } : { result }
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, ...answer }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createPublicClient({ transport: http(url, { retryCount: 0 }) })
  const read = async (fromBlock: bigint, toBlock: bigint) => {
    const logs = await inParts({ fromBlock, toBlock }, (part) => client.getLogs(part))
    return logs.map(({ blockNumber }) => blockNumber)
  }
  return { read, asked, stop: () => server.close() }
}

function logAt(block: bigint) {
  const [hash, number] = [`0x${'ab'.repeat(32)}`, `0x${block.toString(16)}`]
  const place = { blockHash: hash, transactionHash: hash, transactionIndex: '0x0', logIndex: '0x0' }
  return { ...place, blockNumber: number, address: `0x${'cd'.repeat(20)}`, data: '0x', topics: [], removed: false }
}

const blocks = (from: bigint, to: bigint) => Array.from({ length: Number(to - from) + 1 }, (_, i) => from + BigInt(i))
const size = ({ fromBlock, toBlock }: Range) => toBlock - fromBlock + 1n

test('ROL-70 a long range of logs is read in as many parts as an endpoint wants, in order and each block once', async () => {
  const limits: Record<string, Refusal> = {
    'a range too large, as invalid parameters': { status: 200, error: { code: -32_602, message: 'range exceeds 10' } },
    'too many results': { status: 200, error: { code: -32_005, message: 'query returned more than 10000 results' } },
    'a server error': { status: 200, error: { code: -32_000, message: 'block range is bigger than maxBlockRange' } },
    'a bad request': { status: 400, error: { code: -32_600, message: 'up to a 10 block range' } },
    'an answer too large': { status: 413 },
  }
  for (const [name, refusal] of Object.entries(limits)) {
    const { read, asked, stop } = await endpoint((range) => (size(range) > 10n ? refusal : undefined))
    try {
      assert.deepEqual(await read(7n, 106n), blocks(7n, 106n), name)
      assert.ok(asked.length < 30, 'a limit that was met is not forgotten at once')
    } finally {
      stop()
    }
  }
})

test('ROL-70 a crowded place is read block by block, and what follows it in long parts again', async () => {
  const refusal = { status: 200, error: { code: -32_005, message: 'query returned more than 10000 results' } }
  const isCrowded = ({ fromBlock, toBlock }: Range) => fromBlock <= 503n && toBlock >= 500n
  const { read, asked, stop } = await endpoint((range) => (isCrowded(range) && size(range) > 1n ? refusal : undefined))
  try {
    assert.deepEqual(await read(0n, 9_999n), blocks(0n, 9_999n))
    assert.ok(asked.length < 100, `asked ${asked.length} times`)
  } finally {
    stop()
  }
})

test('ROL-70 an endpoint without a limit is asked once, and for nothing not at all', async () => {
  const { read, asked, stop } = await endpoint(() => undefined)
  try {
    assert.deepEqual(await read(0n, 999n), blocks(0n, 999n))
    assert.equal(asked.length, 1)
    assert.deepEqual(await read(5n, 4n), [])
    assert.equal(asked.length, 1)
  } finally {
    stop()
  }
})

test('ROL-70 what an endpoint does not say of a single block, and silence, is told', async () => {
  const refusal = { status: 200, error: { code: -32_000, message: 'no logs today' } }
  const refusing = await endpoint(({ fromBlock, toBlock }) => (fromBlock <= 3n && toBlock >= 3n ? refusal : undefined))
  const broken = await endpoint(() => ({ status: 503 }))
  try {
    await assert.rejects(refusing.read(0n, 7n), /no logs today/)
    await assert.rejects(broken.read(0n, 7n), /503/)
    assert.equal(broken.asked.length, 1, 'a broken endpoint is not asked in smaller parts')
  } finally {
    refusing.stop()
    broken.stop()
  }
})
