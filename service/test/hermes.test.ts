import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startOracle } from '../src/devnet/oracle.ts'
import { fetchFirst, fetchUpdate, HermesFailed, ReportGone } from '../src/hermes.ts'

const ETH = '0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace'
const BTC = '0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43'

/** An answer as the public service gives it: one signed blob for all feeds, ids without 0x, fields we do not read. */
function answer() {
  const report = (id: string, price: string, publish_time: number) => ({
    id,
    price: { price, conf: '180301542', expo: -8, publish_time },
    ema_price: { price, conf: '170112233', expo: -8, publish_time },
    metadata: { slot: 139082345, proof_available_time: publish_time + 1, prev_publish_time: publish_time - 1 },
  })
  return {
    binary: { encoding: 'hex', data: ['504e41550100000003b801'] },
    parsed: [report(BTC.slice(2), '6012345678900', 1_790_000_001), report(ETH.slice(2), '200012345678', 1_790_000_000)],
  }
}

async function serviceWith(t: TestContext, handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hermes`
}

const answering = (t: TestContext, body: unknown, status = 200) =>
  serviceWith(t, (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })

const running = () => new AbortController().signal

test('the latest prices are asked for as Hermes documents it, and given in the order asked', async (t) => {
  const asked: string[] = []
  const url = await serviceWith(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end(JSON.stringify(answer()))
  })
  const update = await fetchUpdate({ url }, [ETH, BTC], running())
  assert.deepEqual(asked, [`GET /hermes/v2/updates/price/latest?ids[]=${ETH}&ids[]=${BTC}&encoding=hex&parsed=true`])
  assert.deepEqual(update.data, ['0x504e41550100000003b801'])
  const [eth, btc] = update.reports
  assert.deepEqual(eth, {
    feedId: ETH,
    price: 200_012_345_678n,
    confidence: 180_301_542n,
    exponent: -8,
    publishTime: 1_790_000_000n,
  })
  assert.equal(btc?.price, 6_012_345_678_900n)
})

test('a key is shown as a bearer token, and none where there is none', async (t) => {
  const shown: (string | undefined)[] = []
  const url = await serviceWith(t, (request, response) => {
    shown.push(request.headers.authorization)
    response.end(JSON.stringify(answer()))
  })
  await fetchUpdate({ url, key: 'secret' }, [ETH], running())
  await fetchUpdate({ url }, [ETH], running())
  assert.deepEqual(shown, ['Bearer secret', undefined])
})

test('ROL-23 an answer that lacks a feed or makes no sense is refused whole, with the cause', async (t) => {
  const { binary, parsed } = answer()
  const [btc, eth] = parsed
  const cases: [string, unknown, number, RegExp][] = [
    ['a feed is missing', { binary, parsed: [btc] }, 200, /no feed 0xff61/],
    ['a price is a float', { binary, parsed: [btc, { ...eth, price: { ...eth?.price, price: '2e3' } }] }, 200, /price/],
    ['half a byte', { binary: { ...binary, data: ['504'] }, parsed }, 200, /binary/],
    ['no update', { binary: { ...binary, data: [] }, parsed }, 200, /binary/],
    ['another encoding', { binary: { ...binary, encoding: 'base64' }, parsed }, 200, /encoding/],
    ['no reports', { binary, parsed: null }, 200, /parsed/],
    ['not JSON', '<html>', 200, /JSON/],
    ['an unknown feed', 'Price ids not found: 0xff61', 404, /answered 404: Price ids not found/],
    ['no key', 'Unauthorized', 401, /answered 401.*hermesKeyFile/],
    ['too often', 'Too many requests', 429, /answered 429/],
  ]
  for (const [what, body, status, message] of cases) {
    const url = await answering(t, body, status)
    await assert.rejects(fetchUpdate({ url }, [ETH, BTC], running()), (failure) => {
      assert.ok(failure instanceof HermesFailed, what)
      assert.ok(failure.retry, what)
      assert.match(failure.message, message, what)
      assert.ok(failure.message.includes(url), what)
      return true
    })
  }
})

test('ROL-23 a service that is away is named, to be asked again', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  await assert.rejects(fetchUpdate({ url: `http://127.0.0.1:${port}` }, [ETH], running()), /ECONNREFUSED/)
})

test('a question that hangs ends when the role is stopped', async (t) => {
  const stopping = new AbortController()
  const url = await serviceWith(t, () => stopping.abort())
  await assert.rejects(fetchUpdate({ url }, [ETH], stopping.signal), HermesFailed)
})

test('the first report of a time is asked for as Hermes documents it', async (t) => {
  const asked: string[] = []
  const url = await serviceWith(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end(JSON.stringify(answer()))
  })
  const { data, reports } = await fetchFirst({ url, key: 'secret' }, ETH, 1_789_999_999n, running())
  assert.deepEqual(asked, [`GET /hermes/v2/updates/price/1789999999?ids[]=${ETH}&encoding=hex&parsed=true`])
  assert.deepEqual(data, ['0x504e41550100000003b801'])
  assert.equal(reports[0]?.publishTime, 1_790_000_000n)
})

test('ROL-44 a report of a time before the one asked for is refused', async (t) => {
  const url = await answering(t, answer())
  await assert.rejects(fetchFirst({ url }, ETH, 1_790_000_001n, running()), /1790000001 or later, answered 1790000000/)
})

test('ROL-44 a history that does not reach so far is told from a service that fails', async (t) => {
  const gone = await answering(t, 'Update data not found', 404)
  await assert.rejects(fetchFirst({ url: gone }, ETH, 1n, running()), (failure) => {
    assert.ok(failure instanceof ReportGone)
    assert.match(failure.message, /answered 404: Update data not found/)
    return true
  })
  const failing = await answering(t, 'Internal error', 500)
  await assert.rejects(fetchFirst({ url: failing }, ETH, 1n, running()), (failure) => {
    assert.ok(failure instanceof HermesFailed && !(failure instanceof ReportGone))
    return true
  })
})

test('ROL-44 the devnet’s oracle keeps a history: the price that was set by then, and nothing of before or of the future', async (t) => {
  let second = 1_000
  const oracle = await startOracle(() => second * 1000)
  t.after(oracle.close)
  const at = async (time: bigint) => (await fetchFirst(oracle, ETH, time, running())).reports[0]
  oracle.set(ETH, 1n)
  second = 1_010
  oracle.set(ETH, 2n)
  second = 1_020
  assert.equal((await fetchUpdate(oracle, [ETH], running())).reports[0]?.publishTime, 1_020n)
  const seen = await Promise.all([1_000n, 1_009n, 1_010n, 1_020n].map(at))
  assert.deepEqual(
    seen.map((report) => [report?.publishTime, report?.price]),
    [
      [1_000n, 1n],
      [1_009n, 1n],
      [1_010n, 2n],
      [1_020n, 2n],
    ],
  )
  await assert.rejects(at(999n), ReportGone)
  await assert.rejects(at(1_021n), ReportGone)
})
