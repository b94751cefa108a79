/**
 * Having the clearing read what venues on its own chain have written. There is nothing to prove, so nothing waits for finality or
 * signatures; a reorg wastes gas and no more, since the clearing reads what is there.
 */
import { Batch, Clearing, RecordBook } from '@omnimargin/chains/abi'
import type { DecodedEvent } from '@omnimargin/chains/events'
import { rehearse } from '@omnimargin/chains/rehearse'
import type { Hex } from '@omnimargin/core/bytes'
import { type Fields, isKind, KIND, keyHash } from '@omnimargin/core/record'
import { type Address, encodeFunctionData, isAddressEqual } from 'viem'
import { type Destination, homeOf } from '../destination.ts'
import { follow } from '../follow.ts'
import { repeat } from '../role.ts'
import { FINAL_REFUSALS, type Refused } from './carry.ts'
import { isKnown, type Relay } from './relay.ts'
import { isDue, MAX_RECORDS_A_BATCH, marketKeyOf, type Pending, resting, without, withPending } from './step.ts'

type Pull = Pick<Relay, 'deployment' | 'destinations' | 'pollMs' | 'patienceSeconds' | 'signal' | 'note' | 'refused'>
type Waiting = ReadonlyMap<Hex, Pending>
type Recorded = {
  readonly kind: number
  readonly readerChain: bigint
  readonly reader: Address
  readonly account: Hex
  readonly item: Hex
  readonly holder: Address
  readonly fields: Fields
}

const PULLED: readonly number[] = [KIND.MARKET, KIND.FILLS]
/** For a record and its market, where the limits have stood for years. */
const RECORD_GAS = 600_000n

/** Every venue on the clearing's chain, until the signal. Nothing is kept on disk: what is known already is asked of the clearing. */
export async function pullFills(parts: Pull): Promise<void> {
  const { chainId, markets } = parts.deployment.clearing
  const here = markets.filter((market) => market.chainId === chainId).map(({ venue }) => venue)
  await Promise.all([...new Set(here)].map((venue) => pullFrom(parts, venue)))
}

async function pullFrom(parts: Pull, venue: Address): Promise<void> {
  const { deployment, destinations, pollMs, signal, note } = parts
  const home = homeOf(deployment, destinations)
  const followed = follow(home, { address: venue, abi: RecordBook.abi })
  let waiting: Waiting = new Map()
  const work = async () => {
    const batch = await followed.next()
    if (batch === 'reorganized') {
      waiting = new Map()
      return
    }
    if (!batch) return
    followed.accept(batch)
    waiting = withWritten(waiting, parts, venue, batch.events, batch.now)
    waiting = await pullDue(parts, home, waiting, batch.now)
  }
  await repeat(work, pollMs, { signal, report: (failure) => note('failed', { venue, why: `${failure}` }) })
}

/** A record that grows while it waits has waited since it first changed. */
function withWritten(
  waiting: Waiting,
  { deployment: { clearing } }: Pull,
  venue: Address,
  events: readonly DecodedEvent[],
  now: bigint,
): Waiting {
  const writes = events.flatMap(({ eventName, args }) => {
    if (eventName !== 'Recorded') return []
    const { kind, fields, readerChain, reader, account, item, holder } = args as Recorded
    const isOurs = Number(readerChain) === clearing.chainId && isAddressEqual(reader, clearing.address)
    if (!isOurs || !isKind(kind) || !PULLED.includes(kind)) return []
    const writer = { writerChain: BigInt(clearing.chainId), writer: venue }
    const key = { kind, ...writer, readerChain, reader, account, item, holder }
    return [{ key, hash: keyHash(key), fields }]
  })
  return withPending(waiting, writes, now)
}

type Write = Pending['write']

/** What still waits: not what is known by now, or refused for good. Each is tried first, so that one that is refused costs nothing. */
export async function pullDue(parts: Pull, home: Destination, waiting: Waiting, now: bigint): Promise<Waiting> {
  const { chain, reader } = home
  const { address } = parts.deployment.clearing
  const due = [...waiting.values()].filter((one) => isDue(one, BigInt(parts.patienceSeconds), now))
  const writes = due.slice(0, MAX_RECORDS_A_BATCH).map(({ write }) => write)
  const known = await Promise.all(writes.map((write) => isKnown(parts, write)))
  const settled = writes.filter((_, i) => known[i])
  const unknown = writes.filter((_, i) => !known[i])
  const tried = unknown.map(async (write) => {
    const call = { from: chain.batch, to: address, data: pullData([write]) }
    const refusal = await rehearse(reader, call, Clearing.abi)
    if (refusal) parts.note('not_pulled', { hash: write.hash, why: refusal.name })
    return refusal
  })
  const refusals = await Promise.all(tried)
  const welcome = unknown.filter((_, i) => refusals[i] === undefined)
  const final = unknown.filter((_, i) => FINAL_REFUSALS.includes(refusals[i]?.name ?? ''))
  if (welcome.length > 0) await pull(parts, home, welcome)
  const refused = unknown.flatMap((write, i): Refused[] => {
    const refusal = refusals[i]
    return refusal ? [{ write, refusal }] : []
  })
  if (refused.length > 0) await parts.refused?.(refused)
  // Whether each of the welcome was taken is asked when it is looked at next.
  const left = without(waiting, [...settled, ...final])
  return resting(
    left,
    refused.map(({ write }) => write),
    now,
  )
}

async function pull({ deployment, note }: Pull, { chain, sender }: Destination, welcome: readonly Write[]) {
  const target = deployment.clearing.address
  // One that is refused after all, since the block is another, takes no other with it.
  const calls = welcome.map((write) => ({ target, allowFailure: true, callData: pullData([write]) }))
  const data = encodeFunctionData({ abi: Batch.abi, functionName: 'aggregate3', args: [calls] })
  const { status } = await sender.send({ to: chain.batch, data, gas: RECORD_GAS * BigInt(welcome.length) })
  const hashes = welcome.map(({ hash }) => hash)
  note(status === 'success' ? 'records_pulled' : 'not_pulled', { hashes })
}

/** Fills go behind the record of their market, whether or not that has changed. */
function pullData(writes: readonly Write[]): Hex {
  const keys = writes.flatMap(({ key }) => (key.kind === KIND.FILLS ? [marketKeyOf(key), key] : [key]))
  const records = keys.map(({ kind, writer, account, item, holder }) => ({ kind, writer, account, item, holder }))
  return encodeFunctionData({ abi: RecordBook.abi, functionName: 'pull', args: [records] })
}
