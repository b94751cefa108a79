/** A scripted price source that speaks Hermes' protocol, for updates that Pyth's mock contract understands. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeAbiParameters, type Hex, parseAbiParameters } from 'viem'

export type Oracle = {
  readonly url: string
  /** Sets a price, USD at 1e8. */
  readonly set: (feedId: Hex, price: bigint) => void
  readonly close: () => Promise<void>
}

const EXPONENT = -8
/** A confidence interval of a thousandth of the price. */
const CONFIDENCE = 1_000n

// What MockPyth decodes: a PriceFeed, then the publish time of the report before.
const FEED = parseAbiParameters([
  '(bytes32 id, Price price, Price emaPrice), uint64',
  'struct Price { int64 price; uint64 conf; int32 expo; uint256 publishTime; }',
])

/** Answers GET /v2/updates/price/latest with the prices set, as of now. */
export async function startOracle(): Promise<Oracle> {
  const prices = new Map<string, bigint>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://oracle')
    const ids = url.searchParams.getAll('ids[]')
    const known = ids.filter((id) => prices.has(id.toLowerCase()))
    const isFine = url.pathname === '/v2/updates/price/latest' && ids.length > 0 && known.length === ids.length
    const publishTime = BigInt(Math.floor(Date.now() / 1000))
    const reports = known.map((id) => ({ id: id as Hex, price: prices.get(id.toLowerCase()) ?? 0n, publishTime }))
    response.writeHead(isFine ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isFine ? answerOf(reports) : { error: 'Price ids not found' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (feedId, price) => {
      prices.set(feedId.toLowerCase(), price)
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answerOf(reports: readonly { id: Hex; price: bigint; publishTime: bigint }[]) {
  return {
    binary: { encoding: 'hex', data: reports.map((report) => encode(report).slice(2)) },
    parsed: reports.map(({ id, price, publishTime }) => {
      const quote = {
        price: `${price}`,
        conf: `${price / CONFIDENCE}`,
        expo: EXPONENT,
        publish_time: Number(publishTime),
      }
      return { id: id.slice(2), price: quote, ema_price: quote }
    }),
  }
}

function encode({ id, price, publishTime }: { id: Hex; price: bigint; publishTime: bigint }): Hex {
  const quote = { price, conf: price / CONFIDENCE, expo: EXPONENT, publishTime }
  return encodeAbiParameters(FEED, [{ id, price: quote, emaPrice: quote }, publishTime])
}
