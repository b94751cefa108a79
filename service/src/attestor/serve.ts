/** Handing out signed statements: the newest of an emitter, as soon as there is one beyond what the asker has. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isAddress } from 'viem'
import { jsonOf } from '../json.ts'
import type { Signed } from '../statement.ts'

/** The newest signed statement of each emitter. */
export type Shelf = {
  readonly put: (signed: Signed) => void
  /** The newest of an emitter beyond block `after`, waited for; nothing if the signal comes first. */
  readonly newest: (emitter: string, after: bigint, signal: AbortSignal) => Promise<Signed | undefined>
}

const WAIT_MS = 10_000
/** Longer than askers keep a connection that nothing is asked on: who closes it first must not be the one who is asked. */
const KEEP_ALIVE_MS = 60_000

export function shelfOf(): Shelf {
  const newest = new Map<string, Signed>()
  const arrivals = new EventEmitter()
  arrivals.setMaxListeners(0)
  return {
    put: (signed) => {
      const { chainId, emitter } = signed.statement
      const place = placeOf(`${chainId}`, emitter)
      newest.set(place, signed)
      arrivals.emit(place)
    },
    newest: async (place, after, signal) => {
      while (!signal.aborted) {
        const signed = newest.get(place)
        if (signed && signed.statement.blockNumber > after) return signed
        await once(arrivals, place, { signal }).catch(() => undefined)
      }
      return undefined
    },
  }
}

/** Listens on loopback. GET /checkpoints/CHAIN/EMITTER?after=BLOCK waits up to 10 s; 204 if nothing came. */
export async function serve(shelf: Shelf, port: number, signal: AbortSignal): Promise<{ close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    answer(shelf, request, response, signal).catch(() => response.destroy())
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(
  shelf: Shelf,
  request: IncomingMessage,
  response: ServerResponse,
  stopped: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://attestor')
  if (request.method !== 'GET') return reply(response, 405, { error: 'Only GET is understood here.' })
  if (url.pathname === '/health') return reply(response, 200, { ok: true })
  const [, chainId = '', emitter = ''] = /^\/checkpoints\/(\d+)\/(\w+)$/.exec(url.pathname) ?? []
  const after = url.searchParams.get('after') ?? '0'
  if (!isAddress(emitter, { strict: false }) || !/^\d{1,20}$/.test(after)) {
    return reply(response, 400, { error: 'Ask for /checkpoints/CHAIN_ID/EMITTER_ADDRESS?after=BLOCK_NUMBER.' })
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const signal = AbortSignal.any([stopped, gone.signal, AbortSignal.timeout(WAIT_MS)])
  const signed = await shelf.newest(placeOf(chainId, emitter), BigInt(after), signal)
  if (!signed) return reply(response, 204)
  reply(response, 200, signed)
}

function reply(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body === undefined ? '' : jsonOf(body))
}

function placeOf(chainId: string, emitter: string): string {
  return `${chainId}/${emitter.toLowerCase()}`
}
