import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ChainError } from '@omnimargin/chains/errors'
import { type Account, EMPTY_LEDGER, FLAT, type Position } from '@omnimargin/core/ledger'
import { ZERO_DIGEST } from '@omnimargin/core/record'
import { readerOf } from '@omnimargin/service/clients'
import type { Deployment } from '@omnimargin/service/deployment'
import { readDiffering } from '@omnimargin/service/reconcile/home'
import { ChainSilent, type Memory, type Place } from '@omnimargin/service/reconcile/place'
import { readSides } from '@omnimargin/service/reconcile/read'
import { type Fills, lineOf, type Sides } from '@omnimargin/service/reconcile/sides'
import { addUp, holds } from '@omnimargin/service/reconcile/sums'

const [LONG, SHORT] = [`0x${'a'.repeat(64)}`, `0x${'b'.repeat(64)}`] as const
const HOLDER = `0x${'1'.repeat(40)}` as const
const line = lineOf({ account: LONG, holder: HOLDER })
const lines = (amount: bigint) => new Map([[line, amount]])
const fills = (bought: bigint, sold: bigint, paid: bigint, received: bigint): Fills => ({
  bought,
  sold,
  paid,
  received,
})

const account = (cash: bigint, position: Partial<Position>): Account => ({
  cash,
  debtSince: 0n,
  isPutUp: false,
  lines: [],
  positions: new Map([[0, { ...FLAT, ...position }]]),
})

/**
 * Of 100 deposited 10 are free; 90 were granted, of which 70 are learned; of 15 released 5 are honored. Of 8 bought and
 * sold the buyer's are learned, the seller's to 5; what was paid is 10 each.
 */
const RIGHT: Sides = {
  blocks: [],
  tokens: [
    {
      name: 'WETH on slow',
      vault: { chainId: 1, address: HOLDER },
      decimals: 18,
      held: 100n,
      owed: new Map([
        ['free', 15n],
        ['pool', 85n],
      ]),
      owedOnChain: new Map([
        ['free', 15n],
        ['pool', 85n],
      ]),
      pool: 85n,
      granted: lines(90n),
      grantsLearned: lines(70n),
      released: lines(15n),
      honored: lines(5n),
      units: lines(55n),
    },
  ],
  markets: [
    {
      name: 'ETH-USD on fast',
      venue: { chainId: 2, address: HOLDER },
      written: new Map([
        [LONG, fills(8n, 0n, 80n, 0n)],
        [SHORT, fills(0n, 8n, 0n, 80n)],
      ]),
      learned: new Map([
        [LONG, fills(8n, 0n, 80n, 0n)],
        [SHORT, fills(0n, 5n, 0n, 50n)],
      ]),
    },
  ],
  ledger: {
    ...EMPTY_LEDGER,
    accounts: new Map([
      [LONG, account(7n, { size: 8n, quote: -80n })],
      [SHORT, account(-7n, { size: -5n, quote: 50n })],
    ]),
  },
  differing: [],
}

const failing = (sides: Sides) =>
  addUp(sides)
    .filter((sum) => !holds(sum))
    .map(({ what }) => what)

test('ROL-41 what is under way is counted, shown, and no difference', () => {
  const sums = addUp(RIGHT)
  assert.deepEqual(failing(RIGHT), [])
  assert.deepEqual(
    sums.flatMap(({ underWay }) => underWay.map(({ what, amount }) => `${amount} ${what}`)),
    ['20 granted, not learned', '10 released, not honored', '3 sold, not learned', '30 received, not learned'],
  )
})

test('ROL-41 one unit off on either side, and the equation that it is in does not hold', () => {
  const [token] = RIGHT.tokens
  const [market] = RIGHT.markets
  assert.ok(token && market)
  const withToken = (change: Partial<typeof token>): Sides => ({ ...RIGHT, tokens: [{ ...token, ...change }] })
  const withAccount = (change: Account): Sides => ({
    ...RIGHT,
    ledger: { ...RIGHT.ledger, accounts: new Map(RIGHT.ledger.accounts).set(LONG, change) },
  })
  const held = 'WETH on slow: vault holds = free + pools'
  const pool = "WETH on slow: vault's pool = units at the clearing"
  const balances = 'vault balances rebuilt from events = on chain'
  const market0 = 'ETH-USD on fast: longs = shorts'
  const cash = 'cash + quotes over all accounts = 0'
  const cases: [string, Sides, string[]][] = [
    ['the vault lacks one', withToken({ held: 99n }), [held]],
    ['somebody gave the vault one', withToken({ held: 101n }), []],
    ['a pool one smaller', withToken({ pool: 84n }), [pool]],
    ['a pool one larger', withToken({ pool: 86n }), [pool]],
    ['a line with one more', withToken({ units: lines(56n) }), [pool]],
    ['a line with one less', withToken({ units: lines(54n) }), [pool]],
    ['more learned than was granted', withToken({ grantsLearned: lines(91n), units: lines(76n) }), [pool]],
    ['more honored than was released', withToken({ honored: lines(16n), pool: 74n }), [pool]],
    ['a balance that the events do not give', withToken({ owedOnChain: new Map([['free', 15n]]) }), [balances]],
    ['a long one larger', withAccount(account(7n, { size: 9n, quote: -80n })), [market0]],
    ['cash from nowhere', withAccount(account(8n, { size: 8n, quote: -80n })), [cash]],
    ['an account that differs', { ...RIGHT, differing: [SHORT] }, ['accounts rebuilt from events = accounts on chain']],
  ]
  for (const [what, sides, expected] of cases) assert.deepEqual(failing(sides), expected, what)
})

const NOWHERE = `0x${'0'.repeat(40)}` as const

/** Reads a deployment of one chain, 5, whose contracts are there from block 9 on. */
function readOne(port: number, at: bigint | 'finalized', memory?: Memory) {
  const rpc = [`http://127.0.0.1:${port}`]
  const emitters = [{ kind: 'clearing' as const, address: NOWHERE, fromBlock: 9 }]
  const chain = { name: 'slow', chainId: 5, rpc, checkpointInterval: 1, roots: NOWHERE, batch: NOWHERE, emitters }
  const deployment: Deployment = {
    chains: [chain],
    committee: { epoch: 0, threshold: 3, signers: [], attestors: [] },
    clearing: { chainId: 5, address: NOWHERE, feeds: [], markets: [] },
    tokens: [],
  }
  return readSides(deployment, new Map([[5, readerOf(chain)]]), () => at, memory && new Map([[5, memory]]))
}

type Span = { readonly fromBlock: string; readonly toBlock: string }
const NO_SPAN: Span = { fromBlock: '', toBlock: '' }

/** A chain of ten blocks in which nothing happened, and what logs it was asked for. */
async function chainWith(t: TestContext, chainId: number, asked: string[] = []): Promise<number> {
  const server = createHttpServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: string[] }
    const number = params?.[0] === 'finalized' ? '0x8' : (params?.[0] ?? '')
    const block =
      Number(number) <= 10 ? { number, hash: `0x${'1'.repeat(64)}`, timestamp: '0x1', transactions: [] } : null
    const [{ fromBlock, toBlock }] = method === 'eth_getLogs' ? (params as unknown as [Span]) : [NO_SPAN]
    if (method === 'eth_getLogs') asked.push(`${Number(fromBlock)} to ${Number(toBlock)}`)
    const answers: Record<string, unknown> = {
      eth_chainId: `0x${chainId.toString(16)}`,
      eth_getLogs: [],
      eth_call: ZERO_DIGEST,
    }
    const result = method in answers ? answers[method] : block
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  return (server.address() as AddressInfo).port
}

test('ROL-41 where the clearing has markets that the deployment does not name, the sum of cash says so', () => {
  const market = { chainId: 1n, venue: HOLDER, item: '0x' } as const
  const ledger = { ...RIGHT.ledger, markets: [market, market] }
  const [sum] = addUp({ ...RIGHT, ledger }).filter(({ what }) => what.startsWith('cash'))
  assert.equal(sum?.culprit, 'the clearing has 2 markets and the deployment 1: add the others to it')
})

test('ROL-42 another chain, a block that is not there, and one before the contracts were, are named', async (t) => {
  const cases: [string, number, bigint | 'finalized', RegExp][] = [
    ['another chain', 6, 'finalized', /^Chain slow is 5, but .* answers for 6: correct its "rpc" list/],
    ['no such block', 5, 11n, /^Block 11 of chain slow cannot be read.* from 9 on/],
    ['an older one', 5, 7n, /^Block 7 of chain slow .* from 9 on/],
    ['not final yet', 5, 'finalized', /^Block 8 of chain slow .* wait until it is final/],
  ]
  for (const [what, chainId, at, message] of cases) {
    const port = await chainWith(t, chainId)
    await assert.rejects(readOne(port, at), (failure) => {
      assert.ok(failure instanceof ChainError, what)
      assert.match(failure.message, message)
      return true
    })
  }
})

test('ROL-65 what is remembered of a block that was final is not asked for again, and what is of a later one is not believed', async (t) => {
  const asked: string[] = []
  const port = await chainWith(t, 5, asked)
  const memory: Memory = { writes: new Map(), events: new Map() }
  const askedAt = async (block: bigint) => {
    asked.length = 0
    await readOne(port, block, memory)
    return [...asked]
  }
  // The clearing’s writes and its events.
  assert.deepEqual(await askedAt(9n), ['9 to 9', '9 to 9'])
  assert.deepEqual(await askedAt(9n), [])
  assert.deepEqual(await askedAt(10n), ['10 to 10', '10 to 10'])
  assert.deepEqual(await askedAt(9n), ['9 to 9', '9 to 9'])
})

test('ROL-42 a chain that does not answer is named, with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  await assert.rejects(readOne(port, 'finalized'), (failure) => {
    assert.ok(failure instanceof ChainSilent)
    assert.equal(failure.retry, true)
    assert.match(failure.message, /^Chain slow at http:\/\/127\.0\.0\.1:\d+ could not be read: .* "rpc" list/s)
    return true
  })
})

test('CLR-08 an account of which the chain says any one thing otherwise than its events is named', async () => {
  const held: Account = {
    cash: -7n,
    debtSince: 5n,
    isPutUp: true,
    lines: [{ listing: 1, holder: HOLDER, units: 9n, counted: 8n }],
    positions: new Map([[2, { size: 1n, quote: -2n, buyOut: 3n, sellOut: 4n, asOf: 5n, fundedTo: 0n }]]),
  }
  const answers = {
    accountOf: { cash: -7n, debtSince: 5, isPutUp: true, lineCount: 1 },
    lineOf: [{ units: 9n, counted: 8n, listing: 1 }, HOLDER],
    positionOf: [
      { size: 1n, quote: -2n },
      { buy: 3n, sell: 4n, asOf: 5 },
    ],
  }
  const reader = { readContract: async (call: { functionName: keyof typeof answers }) => answers[call.functionName] }
  const place = { chain: { name: 'trading', rpc: [] }, reader, block: { number: 1n } } as unknown as Place
  const deployment = { clearing: { address: HOLDER } } as unknown as Deployment
  const differing = (account: Account) =>
    readDiffering(deployment, place, { ...EMPTY_LEDGER, accounts: new Map([[LONG, account]]) })
  const withLine = (change: object) => ({ ...held, lines: held.lines.map((line) => ({ ...line, ...change })) })
  const withPosition = (change: Partial<Position>) => {
    const [[market, position] = []] = held.positions
    assert.ok(market !== undefined && position)
    return { ...held, positions: new Map([[market, { ...position, ...change }]]) }
  }
  assert.deepEqual(await differing(held), [])
  const cases: [string, Account][] = [
    ['cash', { ...held, cash: 6n }],
    ['debtSince', { ...held, debtSince: 6n }],
    ['isPutUp', { ...held, isPutUp: false }],
    ['a line less', { ...held, lines: [] }],
    ['listing', withLine({ listing: 0 })],
    ['holder', withLine({ holder: `0x${'2'.repeat(40)}` })],
    ['units', withLine({ units: 8n })],
    ['counted', withLine({ counted: 9n })],
    ['size', withPosition({ size: 2n })],
    ['quote', withPosition({ quote: 2n })],
    ['buyOut', withPosition({ buyOut: 4n })],
    ['sellOut', withPosition({ sellOut: 3n })],
  ]
  for (const [what, account] of cases) assert.deepEqual(await differing(account), [LONG], what)
})
