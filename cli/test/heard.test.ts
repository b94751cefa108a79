import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitteeRoots, RecordBook } from '@omnimargin/chains/abi'
import { KIND } from '@omnimargin/core/record'
import { destinationsOf } from '@omnimargin/service/destination'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { HEARTBEAT_SECONDS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { fetchSigned } from '@omnimargin/service/relayer/attestors'
import { carryTo, heardBy } from '@omnimargin/service/relayer/carry'
import type { Quorum } from '@omnimargin/service/relayer/step'
import type { LogEvent } from '@omnimargin/service/role'
import { type Address, zeroAddress, zeroHash } from 'viem'

const FAST = 31002

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

test('ROL-18 what a reader refuses to hear, since it heard a moment ago, takes neither root nor records with it', async () => {
  const devnet = await startDevnet({ log: () => undefined, roles: ['attestor'] })
  try {
    const { deployment, council } = devnet
    const { clearing, committee } = deployment
    const spoke = pairsOf(devnet).find(({ writer }) => writer.chainId === FAST)?.writer
    const trading = destinationsOf(deployment, council).get(clearing.chainId)
    assert.ok(spoke && trading)
    const carry = async (quorum: Quorum) => {
      const load = { quorum, claims: [], hears: [clearing.address] }
      const { accepted } = await carryTo(trading, committee.signers, load, () => undefined)
      const [heard] = await heardBy(trading, spoke, [clearing.address])
      return { accepted, heard: heard?.timestamp }
    }
    const first = await quorumAfter(devnet, spoke, 0n)
    const second = await quorumAfter(devnet, spoke, first.statement.blockNumber)
    const { timestamp } = first.statement
    assert.ok(second.statement.timestamp < timestamp + HEARTBEAT_SECONDS)
    assert.deepEqual(await carry(first), { accepted: true, heard: timestamp })
    assert.deepEqual(await carry(second), { accepted: true, heard: timestamp })
    const contract = { address: trading.chain.roots, abi: CommitteeRoots.abi } as const
    const args = [BigInt(spoke.chainId), spoke.address] as const
    const [newest] = await trading.reader.readContract({ ...contract, functionName: 'newest', args })
    assert.equal(newest, second.statement.blockNumber)
  } finally {
    await devnet.stop()
  }
})

/** A statement beyond that block which enough attestors have signed, with their signatures in the signers' order. */
async function quorumAfter({ deployment: { committee } }: Devnet, place: Place, after: bigint): Promise<Quorum> {
  const signal = new AbortController().signal
  return until('a quorum', async () => {
    const sorted = [...committee.attestors]
      .sort((a, b) => (a.address < b.address ? -1 : 1))
      .slice(0, committee.threshold)
    const signed = await Promise.all(
      sorted.map(({ url }) => fetchSigned(url, place.chainId, place.address, after, signal)),
    )
    const statement = signed[0]?.statement
    const signatures = signed.flatMap((one) =>
      one?.statement.blockNumber === statement?.blockNumber && one ? [one.signature] : [],
    )
    return statement && signatures.length === committee.threshold && { statement, signatures }
  })
}

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
    writerChain: BigInt(writer.chainId),
    writer: writer.address,
    readerChain: BigInt(reader.chainId),
    reader: reader.address,
  }
  const key = { kind: KIND.HEARD, ...places, account: zeroHash, item: zeroHash, holder: zeroAddress }
  const contract = { address: reader.address, abi: RecordBook.abi } as const
  const [[timestamp]] = await chain.reader.readContract({ ...contract, functionName: 'learnedOf', args: [key] })
  return timestamp
}
