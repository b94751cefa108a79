import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Hex } from '@omnimargin/core/bytes'
import { hookOf } from '../src/watcher/hook.ts'
import { step, type WatcherState } from '../src/watcher/step.ts'

const [ANN, BOB] = [`0x${'a'.repeat(64)}`, `0x${'b'.repeat(64)}`] as const
const BLANK: WatcherState = { warned: new Map(), threshold: 0.1, repeat: 600n }

/** Who is warned at each of these times. */
function warned(...all: [now: bigint, chances: Readonly<Record<Hex, number>>][]): Hex[][] {
  let state = BLANK
  return all.map(([now, chances]) => {
    const known = Object.entries(chances) as [Hex, number][]
    const next = step(state, { type: 'judged', chances: new Map(known), now }, (account) => account in chances)
    state = next.state
    return next.effects.map(({ account }) => account)
  })
}

test('WRN-06 an account is warned at the threshold, once, and again when it was well or when it lasts', () => {
  assert.deepEqual(warned([0n, { [ANN]: 0.099, [BOB]: 0.1 }]), [[BOB]])
  assert.deepEqual(warned([0n, { [ANN]: 0.5 }], [1n, { [ANN]: 0.9 }], [599n, { [ANN]: 0.5 }], [600n, { [ANN]: 0.5 }]), [
    [ANN],
    [],
    [],
    [ANN],
  ])
  // Just below the threshold and back is one crossing, below half of it is two.
  assert.deepEqual(warned([0n, { [ANN]: 0.2 }], [1n, { [ANN]: 0.06 }], [2n, { [ANN]: 0.2 }]), [[ANN], [], []])
  assert.deepEqual(warned([0n, { [ANN]: 0.2 }], [1n, { [ANN]: 0.04 }], [2n, { [ANN]: 0.2 }]), [[ANN], [], [ANN]])
  // One that has closed everything is forgotten.
  assert.deepEqual(warned([0n, { [ANN]: 0.2 }], [1n, {}], [2n, { [ANN]: 0.2 }]), [[ANN], [], [ANN]])
})

test('WRN-07 a webhook is tried again, in order, and given up without a sound but the log’s', async () => {
  const answers = [500, 200, 404, 429, 200]
  const got: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      got.push(`${request.method} ${request.headers['content-type']} ${body}`)
      response.writeHead(answers.shift() ?? 200).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const notes: [string, unknown][] = []
  const note = (event: string, { why, attempt }: Record<string, unknown>) => void notes.push([event, why ?? attempt])
  const parts = { signal: new AbortController().signal, note, pauseMs: 1 }
  try {
    const hook = hookOf({ url: `http://127.0.0.1:${port}/`, ...parts })
    for (const n of [1, 2, 3]) hook.tell({ n, amount: 5n })
    await hook.drained()
    const body = (n: number) => `POST application/json {"n":${n},"amount":"5"}`
    assert.deepEqual(got, [body(1), body(1), body(2), body(3), body(3)])
    assert.deepEqual(notes, [
      ['told', 2],
      ['not_told', 'answered 404'],
      ['told', 2],
    ])
  } finally {
    server.close()
  }
  await once(server, 'close')
  notes.length = 0
  const dead = hookOf({ url: `http://127.0.0.1:${port}/`, ...parts, attempts: 2 })
  dead.tell({})
  await dead.drained()
  assert.deepEqual(
    notes.map(([event]) => event),
    ['not_told'],
  )
})

test('WRN-07 a webhook that never answers makes nothing wait, and holds no more than a thousand messages', async () => {
  const stop = new AbortController()
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const notes: unknown[] = []
  const note = (event: string, { why }: Record<string, unknown>) => void notes.push([event, why])
  const hook = hookOf({ url: `http://127.0.0.1:${port}/`, signal: stop.signal, note })
  try {
    for (let n = 0; n < 1_001; n++) hook.tell({ n })
    assert.deepEqual(notes, [['not_told', '1000 are waiting already']])
  } finally {
    stop.abort()
    await hook.drained()
    silent.closeAllConnections()
    silent.close()
  }
})
