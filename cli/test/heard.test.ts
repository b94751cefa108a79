import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordBook } from '@omnimargin/chains/abi'
import { KIND } from '@omnimargin/core/record'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { HEARTBEAT_SECONDS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import type { LogEvent } from '@omnimargin/service/role'
import { type Address, zeroAddress, zeroHash } from 'viem'

type Place = { chainId: number; address: Address }
type Pair = { writer: Place; reader: Place }

test('ROL-18 ROL-19 on idle chains every pair keeps hearing the other, in no more transactions than heartbeats', async () => {
  const events: LogEvent[] = []
  const devnet = await startDevnet({ log: (event) => events.push(event), roles: ['attestor', 'relayer'] })
  try {
    const pairs = pairsOf(devnet)
    assert.equal(pairs.length, 6, 'two remote vaults and a remote venue, both ways')
    const heardBy = () => Promise.all(pairs.map((pair) => heardOf(devnet, pair)))
    const first = await until('every pair to hear', async () => {
      const heard = await heardBy()
      return heard.every((timestamp) => timestamp > 0n) && heard
    })
    await until('every pair to hear again', async () =>
      (await heardBy()).every((timestamp, i) => timestamp >= (first[i] ?? 0n) + HEARTBEAT_SECONDS),
    )
    const roads = new Map<string, number[]>()
    for (const { event, chainId, emitter, destination, ms } of events) {
      const road = `${emitter} on ${chainId} to ${destination}`
      if (event === 'root_submitted') roads.set(road, [...(roads.get(road) ?? []), ms])
    }
    assert.equal(roads.size, 5, 'the clearing’s to two chains, theirs to it')
    for (const [road, times] of roads) {
      const heartbeats = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000 / Number(HEARTBEAT_SECONDS)
      assert.ok(times.length <= heartbeats + 2, `${road}: ${times.length} roots in ${heartbeats} heartbeats`)
    }
  } finally {
    await devnet.stop()
  }
})

function pairsOf({ deployment: { clearing, chains } }: Devnet): Pair[] {
  const spokes = chains
    .filter(({ chainId }) => chainId !== clearing.chainId)
    .flatMap(({ chainId, emitters }) => emitters.map(({ address }) => ({ chainId, address })))
  return spokes.flatMap((spoke) => [
    { writer: spoke, reader: clearing },
    { writer: clearing, reader: spoke },
  ])
}

/** What the reader has learned of how new a root of its own the writer had. */
async function heardOf({ chains }: Devnet, { writer, reader }: Pair): Promise<bigint> {
  const chain = chains.find(({ plan }) => plan.chainId === reader.chainId)
  assert.ok(chain)
  const places = {
    ...{ writerChain: BigInt(writer.chainId), writer: writer.address },
    ...{ readerChain: BigInt(reader.chainId), reader: reader.address },
  }
  const key = { kind: KIND.HEARD, ...places, account: zeroHash, item: zeroHash, holder: zeroAddress }
  const contract = { address: reader.address, abi: RecordBook.abi } as const
  const [[timestamp]] = await chain.reader.readContract({ ...contract, functionName: 'learnedOf', args: [key] })
  return timestamp
}
