import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Deployment } from '@omnimargin/service/deployment'
import { startOracle } from '@omnimargin/service/devnet/oracle'
import { until } from '@omnimargin/service/devnet/until'
import { type Means, tellMeans, trouble } from '@omnimargin/service/means'
import { type LogEvent, sparing } from '@omnimargin/service/role'

const HERE = `0x${'1'.repeat(40)}` as const
const FEED = `0x${'5'.repeat(64)}` as const
const GWEI = 10n ** 9n

/** A chain that answers what an account holds and what gas costs: one gwei, so that a million of it at twice that is 0.002. */
async function chainOf(t: TestContext, holding: { coin: bigint }): Promise<string> {
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    const { id, method } = JSON.parse(text) as { id: number; method: string }
    const block = {
      number: '0x1',
      hash: `0x${'1'.repeat(64)}`,
      timestamp: '0x1',
      transactions: [],
      baseFeePerGas: '0x0',
    }
    const answers: Record<string, unknown> = {
      eth_getBalance: `0x${holding.coin.toString(16)}`,
      eth_maxPriorityFeePerGas: `0x${GWEI.toString(16)}`,
    }
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: answers[method] ?? block }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function meansOn(rpc: string, hermes?: string): Means {
  const chain = { name: 'slow', chainId: 5, rpc: [rpc], checkpointInterval: 1, roots: HERE, batch: HERE, emitters: [] }
  const deployment: Deployment = {
    chains: [chain],
    committee: { epoch: 0, threshold: 3, signers: [], attestors: [] },
    clearing: { chainId: 5, address: HERE, feeds: [{ symbol: 'ETH/USD', feedId: FEED }], markets: [] },
    tokens: [],
  }
  const asked = hermes === undefined ? {} : { hermes: { url: hermes } }
  return {
    role: 'keeper',
    deployment,
    address: HERE,
    pays: { chains: [chain], gas: 10n ** 6n },
    ...asked,
    watches: ['all'],
  }
}

function telling(t: TestContext, means: Means) {
  const events: LogEvent[] = []
  const stopping = new AbortController()
  const told = tellMeans(means, { signal: stopping.signal, log: (event) => events.push(event) }, 20)
  t.after(async () => {
    stopping.abort()
    await told
  })
  const named = (name: string) => events.filter(({ event }) => event === name)
  return { named, first: (name: string) => until(name, () => named(name)[0], 10_000) }
}

test('ROL-80 a role says once who it is, what it holds on each chain that it pays on, and what it watches', async (t) => {
  const rpc = await chainOf(t, { coin: 10n ** 18n })
  const { named, first } = telling(t, meansOn(rpc))
  const { ms: _, ...said } = await first('started')
  assert.deepEqual(said, {
    role: 'keeper',
    event: 'started',
    address: HERE,
    hermes: undefined,
    watches: ['all'],
    pays: [{ chain: 'slow', coin: '1' }],
  })
  assert.equal(named('started').length, 1)
})

test('ROL-80 a chain that does not answer keeps nobody from starting', async (t) => {
  const { first } = telling(t, meansOn('http://127.0.0.1:9'))
  assert.deepEqual((await first('started')).pays, [{ chain: 'slow', coin: 'no answer' }])
})

test('ROL-81 a wallet that cannot pay for a transaction is said once, with what to do, and once that it can', async (t) => {
  const holding = { coin: 2n * 10n ** 15n - 1n }
  const { named, first } = telling(t, meansOn(await chainOf(t, holding)))
  const { chain, address, why } = await first('wallet_empty')
  assert.deepEqual([chain, address], ['slow', HERE])
  assert.match(`${why}`, /^It holds 0\.00199\d* and may need 0\.002 for one transaction: send it coin on slow\.$/)
  holding.coin += 1n
  await first('wallet_filled')
  assert.equal(named('wallet_empty').length, 1)
  assert.equal(named('wallet_filled').length, 1)
})

test('ROL-81 a Hermes that does not answer is said once, and once that it does', async (t) => {
  const oracle = await startOracle()
  t.after(() => oracle.close())
  const { named, first } = telling(t, meansOn(await chainOf(t, { coin: 10n ** 18n }), oracle.url))
  assert.match(`${(await first('prices_gone')).why}`, /^Hermes at http:\/\/127\.0\.0\.1:\d+: answered 404/)
  oracle.set(FEED, 1n)
  await first('prices_back')
  assert.equal(named('prices_gone').length, 1)
  assert.equal(named('wallet_empty').length, 0)
})

test('ROL-81 what lasts is said again after ten minutes, and anew when it begins anew', () => {
  let now = 0
  const said: string[] = []
  const tell = trouble(
    () => said.push(`begun ${now}`),
    () => said.push(`over ${now}`),
    () => now,
  )
  for (const [ms, isAmiss] of [
    [0, false],
    [1, true],
    [600_000, true],
    [600_001, true],
    [600_002, false],
    [600_003, false],
    [600_004, true],
  ] as const) {
    now = ms
    tell(isAmiss ? {} : undefined)
  }
  assert.deepEqual(said, ['begun 1', 'begun 600001', 'over 600002', 'begun 600004'])
})

test('ROL-82 what repeats itself is said at once, and then once a minute with how often it was kept back', () => {
  const said: LogEvent[] = []
  const log = sparing((event) => said.push(event))
  const failed = (ms: number, why: string, chainId = 1) => log({ role: 'publisher', event: 'failed', ms, chainId, why })
  for (const ms of [0, 1_000, 59_999, 60_000]) failed(ms, 'no answer')
  failed(60_001, 'another reason')
  failed(60_002, 'no answer', 2)
  assert.deepEqual(
    said.map(({ ms, held }) => [ms, held]),
    [
      [0, undefined],
      [60_000, 2],
      [60_001, undefined],
      [60_002, undefined],
    ],
  )
})

test('ROL-82 amounts make it no other event; what is done is always said', () => {
  const said: string[] = []
  const log = sparing(({ event }) => said.push(event))
  for (const [ms, balance] of [
    [0, 1n],
    [1, 2n],
  ] as const) {
    log({ role: 'keeper', event: 'not_liquidated', ms, account: HERE, margin: { balance }, why: 'RpcFailed' })
    log({ role: 'keeper', event: 'liquidated', ms, account: HERE, margin: { balance } })
  }
  log({ role: 'keeper', event: 'not_liquidated', ms: 2, account: FEED, why: 'RpcFailed' })
  assert.deepEqual(said, ['not_liquidated', 'liquidated', 'liquidated', 'not_liquidated'])
})
