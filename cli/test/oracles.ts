/** Hermes as a client on a bad day meets it: the devnet's oracle, behind somebody who meddles with questions and answers. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Devnet } from '@omnimargin/service/devnet/devnet'

export type Meddling = {
  /** The publish time that is asked for instead, of a question's number (from one). */
  readonly time: (asked: number, time: string) => string
  /** The status that is answered instead. */
  readonly status?: (asked: number, status: number) => number
}

/** Until the end of the test. `asked` counts the questions. */
export async function meddledHermes(t: TestContext, { oracle }: Devnet, { time, status }: Meddling) {
  let asked = 0
  const server = createServer(async (request, response) => {
    const number = ++asked
    const path = (request.url ?? '').replace(/\d+(?=\?)/, (at) => time(number, at))
    const answer = await fetch(`${oracle.url}${path}`)
    response.writeHead(status?.(number, answer.status) ?? answer.status)
    response.end(await answer.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}
