import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Token, Vault } from '@omnimargin/chains/abi'
import { type Anvil, startAnvil } from '@omnimargin/chains/anvil'
import { deploy } from '@omnimargin/chains/deploy'
import {
  type Checkpoint,
  type Cursor,
  checkpointAt,
  checkpointDue,
  type Emitter,
  newestFinal,
} from '@omnimargin/chains/emitter'
import { AnswersDisagree, FinalityBroken, RpcFailed } from '@omnimargin/chains/errors'
import { ZERO_DIGEST } from '@omnimargin/core/record'
import {
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PublicClient,
  toHex,
  zeroAddress,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const CHAIN_ID = 31_001
const START: Cursor = { blockNumber: 0n, blockHash: ZERO_DIGEST, digest: ZERO_DIGEST }
const account = privateKeyToAccount(generatePrivateKey())
const chain = (url: string) =>
  defineChain({
    id: CHAIN_ID,
    name: 'local',
    nativeCurrency: { name: 'E', symbol: 'E', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
const readerAt = (url: string): PublicClient =>
  createPublicClient({ chain: chain(url), transport: http(url, { retryCount: 0 }), cacheTime: 0 })

/** Changes an answer of the chain, or keeps it to itself by throwing. */
type Tamper = (method: string, result: unknown, count: number) => unknown

let anvil: Anvil
let proxyUrl: string
let tamper: Tamper | undefined
let closeProxy: () => void
let vault: Address
let token: Address
let emitter: Emitter
const seen = new Map<string, number>()

before(async () => {
  anvil = await startAnvil({ chainId: CHAIN_ID, slotsInAnEpoch: 1 })
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const { method } = JSON.parse(body) as { method: string }
    const count = (seen.get(method) ?? 0) + 1
    seen.set(method, count)
    try {
      const answer = await fetch(anvil.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      const json = (await answer.json()) as { result: unknown }
      if (tamper) json.result = tamper(method, json.result, count)
      response.end(JSON.stringify(json))
    } catch {
      response.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxyUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  closeProxy = () => {
    server.closeAllConnections()
    server.close()
  }
  const reader = readerAt(anvil.url)
  await rpc('anvil_setBalance', [account.address, toHex(10n ** 20n)])
  const deployer = {
    reader,
    wallet: createWalletClient({ account, chain: chain(anvil.url), transport: http(anvil.url) }),
  }
  vault = await deploy(deployer, Vault, [vaultSource, 10n, zeroAddress])
  token = await deploy(deployer, Token, ['T', 18])
  emitter = { chainId: CHAIN_ID, address: vault, checkpointInterval: 1n, fromBlock: await reader.getBlockNumber() }
  await send(token, Token.abi, 'mint', [account.address, 10n ** 20n])
  await send(token, Token.abi, 'approve', [vault, 10n ** 20n])
})

after(async () => {
  closeProxy()
  await anvil.stop()
})

const vaultSource: Address = `0x${'01'.repeat(20)}`
const rpc = (method: string, params: unknown[] = []) => readerAt(anvil.url).request({ method, params } as never)

async function send(
  address: Address,
  abi: typeof Vault.abi | typeof Token.abi,
  functionName: string,
  args: unknown[],
): Promise<void> {
  const wallet = createWalletClient({ account, chain: chain(anvil.url), transport: http(anvil.url) })
  const hash = await wallet.writeContract({ address, abi, functionName, args } as never)
  await readerAt(anvil.url).waitForTransactionReceipt({ hash, pollingInterval: 10 })
}

/** A grant to a clearing on another chain, and enough blocks on top to make it final. */
async function grant(n: number): Promise<void> {
  const args = [token, 1_000n, 2n, vaultSource, `0x${`${n}`.padStart(64, '0')}` as Hex]
  await send(vault, Vault.abi, 'depositAndGrant', args)
  await rpc('anvil_mine', ['0x3'])
}

async function lyingly<Result>(lie: Tamper, work: () => Promise<Result>): Promise<Result> {
  tamper = lie
  seen.clear()
  try {
    return await work()
  } finally {
    tamper = undefined
  }
}

/** As an attestor goes on: from the newest final block to the checkpoint that is due, or nothing if there is none. */
async function nextCheckpoint(client: PublicClient, emitter: Emitter, cursor: Cursor): Promise<Checkpoint | undefined> {
  const due = checkpointDue(emitter, cursor, await newestFinal(client))
  return due && checkpointAt(client, emitter, cursor, due.blockNumber, due.blockHash)
}

test('ROL-06 finalized writes arrive whole, in order, and once', async () => {
  await grant(1)
  await grant(2)
  const first = await nextCheckpoint(readerAt(proxyUrl), emitter, START)
  assert.deepEqual(
    first?.writes.map(({ fields }) => fields[0]),
    [1_000n, 1_000n],
  )
  const cursor = {
    blockNumber: first?.blockNumber ?? 0n,
    blockHash: first?.blockHash ?? '0x',
    digest: first?.digest ?? '0x',
  }
  assert.equal(await nextCheckpoint(readerAt(proxyUrl), emitter, cursor), undefined)
  await grant(1)
  const second = await nextCheckpoint(readerAt(proxyUrl), emitter, cursor)
  assert.deepEqual(
    second?.writes.map(({ fields }) => fields[0]),
    [2_000n],
  )
})

test('ROL-06 what is not final is not read', async () => {
  await rpc('anvil_mine', ['0x3'])
  const before_ = await nextCheckpoint(readerAt(proxyUrl), emitter, START)
  await send(vault, Vault.abi, 'depositAndGrant', [token, 1n, 2n, vaultSource, `0x${'77'.repeat(32)}`])
  const after_ = await nextCheckpoint(readerAt(proxyUrl), emitter, START)
  assert.equal(after_?.writes.length, before_?.writes.length)
  await rpc('anvil_mine', ['0x3'])
})

test('ROL-07 dropped, doubled and altered logs are noticed by the digest', async () => {
  const lies: Tamper[] = [
    (method, result) => (method === 'eth_getLogs' ? (result as unknown[]).slice(1) : result),
    (method, result) => (method === 'eth_getLogs' ? [...(result as unknown[]), ...(result as unknown[])] : result),
    (method, result) => (method === 'eth_getLogs' ? [] : result),
    (method, result) =>
      method === 'eth_getLogs'
        ? (result as { data: string }[]).map((log) => ({ ...log, data: log.data.replace('3e8', '3e9') }))
        : result,
  ]
  for (const lie of lies) {
    await assert.rejects(
      lyingly(lie, () => nextCheckpoint(readerAt(proxyUrl), emitter, START)),
      AnswersDisagree,
    )
  }
  assert.ok(await nextCheckpoint(readerAt(proxyUrl), emitter, START), 'an honest answer is taken after the lies')
})

test('ROL-07 a block hash that changes between two calls is noticed', async () => {
  const lie: Tamper = (method, result, count) =>
    method === 'eth_getBlockByNumber' && count > 1 ? { ...(result as object), hash: `0x${'99'.repeat(32)}` } : result
  await assert.rejects(
    lyingly(lie, () => nextCheckpoint(readerAt(proxyUrl), emitter, START)),
    (failure) => failure instanceof AnswersDisagree && failure.retry,
  )
})

test('ROL-07 an endpoint that dies is a failure worth another try', async () => {
  const death: Tamper = (method, result) => {
    if (method === 'eth_getLogs') throw new Error('dead')
    return result
  }
  await assert.rejects(
    lyingly(death, () => nextCheckpoint(readerAt(proxyUrl), emitter, START)),
    (failure) => failure instanceof RpcFailed && failure.retry,
  )
})

test('ROL-08 a reorg above finality changes nothing', async () => {
  const first = await nextCheckpoint(readerAt(proxyUrl), emitter, START)
  assert.ok(first)
  await rpc('anvil_reorg', [1, []])
  await rpc('anvil_mine', ['0x2'])
  const cursor = { blockNumber: first.blockNumber, blockHash: first.blockHash, digest: first.digest }
  const next = await nextCheckpoint(readerAt(proxyUrl), emitter, cursor)
  assert.deepEqual(next?.writes, [])
  assert.equal(next?.digest, first.digest)
})

test('ROL-08 a reorg of what was final stops the reader for good', async () => {
  const first = await nextCheckpoint(readerAt(proxyUrl), emitter, START)
  assert.ok(first)
  const cursor = { blockNumber: first.blockNumber, blockHash: first.blockHash, digest: first.digest }
  await rpc('anvil_reorg', [5, []])
  await rpc('anvil_mine', ['0x3'])
  await assert.rejects(
    nextCheckpoint(readerAt(proxyUrl), emitter, cursor),
    (failure) => failure instanceof FinalityBroken && !failure.retry,
  )
})
