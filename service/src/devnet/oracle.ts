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

/** What was set, in order, each from its second on. */
type History = { readonly since: bigint; readonly price: bigint }[]

/**
 * Answers GET /v2/updates/price/latest, and /v2/updates/price/{second} for one that has passed: there is a report a second, of the
 * price that was set by then.
 */
export async function startOracle(clock: () => number = Date.now): Promise<Oracle> {
  const histories = new Map<string, History>()
  const now = () => BigInt(Math.floor(clock() / 1000))
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://oracle')
    const ids = url.searchParams.getAll('ids[]')
    const publishTime = timeIn(url.pathname, now())
    const reports = ids.flatMap((id) => {
      const price = histories.get(id.toLowerCase())?.findLast(({ since }) => since <= publishTime)?.price
      return price === undefined ? [] : [{ id: id as Hex, price, publishTime }]
    })
    const isFine = publishTime <= now() && ids.length > 0 && reports.length === ids.length
    response.writeHead(isFine ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isFine ? answerOf(reports) : { error: 'Price ids not found' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (feedId, price) => {
      const id = feedId.toLowerCase()
      histories.set(id, [...(histories.get(id) ?? []), { since: now(), price }])
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The second that is asked for; -1 for what is not a question. */
function timeIn(path: string, now: bigint): bigint {
  const [, when] = /^\/v2\/updates\/price\/(latest|\d{1,12})$/.exec(path) ?? []
  return when === undefined ? -1n : when === 'latest' ? now : BigInt(when)
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
  return encodeAbiParameters(FEED, [{ id, price: quote, emaPrice: quote }, publishTime - 1n])
}
