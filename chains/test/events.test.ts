import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { Token } from '@omnimargin/chains/abi'
import { startAnvil } from '@omnimargin/chains/anvil'
import { deploy } from '@omnimargin/chains/deploy'
import { type EventCursor, eventsSince, firstBlockSince } from '@omnimargin/chains/events'
import { createPublicClient, createWalletClient, defineChain, http, type PublicClient, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const START: EventCursor = { blockNumber: -1n, blockHash: undefined }

test('ROL-35 events come once and in order, and a reorg of what was read is told', async () => {
  const anvil = await startAnvil({ chainId: 31_009 })
  try {
    const nativeCurrency = { name: 'E', symbol: 'E', decimals: 18 }
    const chain = defineChain({
      id: 31_009,
      name: 'local',
      nativeCurrency,
      rpcUrls: { default: { http: [anvil.url] } },
    })
    const reader: PublicClient = createPublicClient({ chain, transport: http(), cacheTime: 0 })
    const account = privateKeyToAccount(generatePrivateKey())
    const rpc = (method: string, params: unknown[]) => reader.request({ method, params } as never)
    await rpc('anvil_setBalance', [account.address, toHex(10n ** 20n)])
    const wallet = createWalletClient({ account, chain, transport: http() })
    const token = await deploy({ reader, wallet }, Token, ['T', 18])
    const contract = { address: token, abi: Token.abi }
    const mint = async (amount: bigint) => {
      const hash = await wallet.writeContract({ ...contract, functionName: 'mint', args: [account.address, amount] })
      await reader.waitForTransactionReceipt({ hash, pollingInterval: 10 })
    }
    const read = (cursor: EventCursor) => eventsSince(reader, contract, cursor)

    await mint(1n)
    await mint(2n)
    const first = await read(START)
    assert.ok(typeof first === 'object')
    assert.deepEqual(
      first.events.map(({ args }) => (args as { amount: bigint }).amount),
      [1n, 2n],
    )
    assert.equal(await read(first.cursor), undefined, 'nothing new, nothing told')
    await mint(3n)
    const second = await read(first.cursor)
    assert.ok(typeof second === 'object')
    assert.equal(second.events.length, 1)
    await rpc('anvil_reorg', [2, []])
    assert.equal(await read(second.cursor), 'reorganized')
    const again = await read(START)
    assert.ok(typeof again === 'object')
    assert.equal(again.events.length, 1, 'the reorg dropped the last two')
  } finally {
    await anvil.stop()
  }
})

test('the first block since a time is found, wherever it is', async () => {
  const times = [10n, 10n, 12n, 15n, 15n, 15n, 20n]
  const client = {
    getBlockNumber: async () => BigInt(times.length - 1),
    getBlock: async ({ blockNumber }: { blockNumber: bigint }) => ({ timestamp: times[Number(blockNumber)] }),
  } as unknown as PublicClient
  for (let time = 9n; time <= 21n; time++) {
    for (let from = 0; from < times.length; from++) {
      const first = times.findIndex((timestamp, i) => i >= from && timestamp >= time)
      const found = await firstBlockSince(client, time, BigInt(from))
      assert.equal(Number(found), first === -1 ? times.length : first, `${time} from ${from}`)
    }
  }
})

test('ROL-38 a chain ends with the process that started it, even one that is killed', async () => {
  const source = `import { startAnvil } from '@omnimargin/chains/anvil'
    const { url } = await startAnvil({ chainId: 31010 })
    process.stdout.write(url)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  const url = `${chunk}`
  const ask = () =>
    fetch(url, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
      headers: { 'content-type': 'application/json' },
    })
  assert.equal((await ask()).status, 200)
  child.kill('SIGKILL')
  const deadline = performance.now() + 10_000
  while (
    performance.now() < deadline &&
    (await ask().then(
      () => true,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 50))
  await assert.rejects(ask(), 'the chain outlived its parent')
})
