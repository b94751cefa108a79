/** Carrying what emitters wrote to where it is read: asks the attestors, and submits roots and records. */
import { RecordBook } from '@omnimargin/chains/abi'
import { type Checkpoint, checkpointAt, type Emitter, type Write } from '@omnimargin/chains/emitter'
import type { Kind } from '@omnimargin/core/record'
import { max } from '@omnimargin/core/wad'
import { type Address, getAddress, recoverTypedDataAddress } from 'viem'
import { withWrites } from '../attestor/step.ts'
import { readerOf } from '../clients.ts'
import { chainOf, type Deployment } from '../deployment.ts'
import type { Destinations } from '../destination.ts'
import { type logOf, repeat } from '../role.ts'
import { hashStatement, typedStatement } from '../statement.ts'
import type { Store } from '../store.ts'
import { fetchSigned } from './attestors.ts'
import { carryTo, heardBy, type Refused } from './carry.ts'
import {
  type Heard,
  type Hearer,
  isCarried,
  type Quorum,
  type RelayerEvent,
  type RelayerState,
  step,
  withMarkets,
  withoutKnown,
} from './step.ts'

export type Relay = {
  readonly deployment: Deployment
  readonly destinations: Destinations
  readonly store: Store
  /** Between two questions to an attestor that had nothing, and after a failure. */
  readonly pollMs: number
  /** A root is carried at least this often for freshness alone; never if it is not said. */
  readonly heartbeatSeconds?: number
  /** Which records are carried; all if it is not said. */
  readonly kinds?: readonly Kind[]
  /** How long others have to carry a record first. */
  readonly patienceSeconds: number
  /** Whether readers are made to write down, for the emitter, how new a root they have. */
  readonly hears?: boolean
  /** Is told what readers refuse, and may see to what is missing before it is tried again. Throws nothing that may pass. */
  readonly refused?: (records: readonly Refused[]) => Promise<void>
  readonly signal: AbortSignal
  readonly note: ReturnType<typeof logOf>
}

/** Everything about one emitter, until the signal: its events are worked off one at a time. */
export async function relay(parts: Relay, emitter: Emitter): Promise<void> {
  const { deployment, signal, note, pollMs } = parts
  const client = readerOf(chainOf(deployment, emitter.chainId))
  const place = { chainId: emitter.chainId, emitter: emitter.address }
  let state = await initialState(parts, emitter)
  let last: Promise<void> = Promise.resolve()
  const post = (event: RelayerEvent): Promise<void> => {
    last = last.then(() => handle(event)).catch((failure) => note('failed', { ...place, why: `${failure}` }))
    return last
  }
  const handle = async (event: RelayerEvent): Promise<void> => {
    if (signal.aborted) return
    const next = step(state, event)
    state = next.state
    for (const effect of next.effects) {
      if (effect.type === 'remember') parts.store.advance(place.chainId, place.emitter, effect.writes, effect.cursor)
      else if (effect.type === 'distrust')
        note('distrusted', { ...place, statement: effect.statement, root: effect.root })
      else if (effect.type === 'read') await read(effect.quorum)
      else void carry(effect)
    }
  }
  const read = async (quorum: Quorum): Promise<void> => {
    const { blockNumber, blockHash } = quorum.statement
    note('quorum', { ...place, blockNumber })
    const checkpoint: Checkpoint = await checkpointAt(client, emitter, state.cursor, blockNumber, blockHash)
    await handle({ type: 'checkpoint', checkpoint, quorum })
  }
  const carry = async (effect: Parameters<typeof carryEffect>[1]): Promise<void> => {
    const { writes, refused } = await carryEffect(parts, effect)
    const heard = await heardAt(parts, emitter, effect.destination, effect.hears)
    await post({ type: 'settled', destination: effect.destination, writes, refused, heard })
  }
  const asking = deployment.committee.attestors.map(({ url }) => {
    let heard = 0n
    return repeat(
      async () => {
        const after = max(heard, state.cursor.blockNumber)
        const signed = await fetchSigned(url, place.chainId, place.emitter, after, signal)
        if (!signed) return
        heard = signed.statement.blockNumber
        const signer = await recoverTypedDataAddress({
          ...typedStatement(signed.statement),
          signature: signed.signature,
        })
        await post({
          type: 'signed',
          signer: signer.toLowerCase() as Address,
          hash: hashStatement(signed.statement),
          signed,
        })
      },
      pollMs,
      { signal, report: (failure) => note('failed', { ...place, attestor: url, why: `${failure}` }) },
    )
  })
  await Promise.all(asking)
}

type CarryEffect = Extract<ReturnType<typeof step>['effects'][number], { type: 'carry' }>

type Carried = { readonly writes: readonly Write[]; readonly refused: readonly Write[] }

/** Which of the records are settled, and which were refused for now. */
async function carryEffect(parts: Relay, { destination, quorum, claims, hears }: CarryEffect): Promise<Carried> {
  const { chainId, emitter, blockNumber } = quorum.statement
  const place = { chainId: Number(chainId), emitter, blockNumber, destination }
  const target = parts.destinations.get(destination)
  if (!target) {
    parts.note('no_route', place)
    return { writes: claims.map(({ write }) => write), refused: [] }
  }
  const known = parts.patienceSeconds > 0 ? await Promise.all(claims.map(({ write }) => isKnown(parts, write))) : []
  const unknown = withoutKnown(claims, known)
  const others = claims.filter((claim) => !unknown.includes(claim)).map(({ write }) => write)
  if (unknown.length === 0 && others.length > 0) return { writes: others, refused: [] }
  try {
    const sent = () => parts.note('root_submitted', { ...place, records: unknown.length })
    const load = { quorum, claims: unknown, hears }
    const outcome = await carryTo(target, parts.deployment.committee.signers, load, sent)
    const hashes = outcome.settled.map(({ hash }) => hash)
    parts.note(outcome.accepted ? 'records_learned' : 'root_not_accepted', { ...place, hashes })
    if (outcome.refused.length > 0) await parts.refused?.(outcome.refused)
    return { writes: [...others, ...outcome.settled], refused: outcome.refused.map(({ write }) => write) }
  } catch (failure) {
    parts.note('failed', { ...place, why: `${failure}` })
    return { writes: others, refused: [] }
  }
}

/** What hearers there have written of the emitter: asked of the chain, since anybody may have made them. */
async function heardAt(
  { destinations }: Relay,
  emitter: Emitter,
  destination: number,
  hearers: readonly Address[],
): Promise<Heard[]> {
  const target = destinations.get(destination)
  return target ? heardBy(target, emitter, hearers) : []
}

/** A vault or venue elsewhere hears the clearing, and the clearing hears it. */
async function hearersOf(parts: Relay, emitter: Emitter): Promise<Hearer[]> {
  const { clearing, chains } = parts.deployment
  const isClearing = emitter.chainId === clearing.chainId && emitter.address === clearing.address
  const spokes = chains.flatMap(({ chainId, emitters }) => emitters.map(({ address }) => ({ chainId, address })))
  const peers = (isClearing ? spokes : [clearing]).filter(({ chainId }) => chainId !== emitter.chainId)
  const hearers = peers.map(async ({ chainId, address }): Promise<Hearer[]> => {
    const target = parts.destinations.get(chainId)
    if (!target) return []
    const [heartbeat, [last]] = await Promise.all([
      // One that does not say is asked each time, and refuses what comes too early.
      target.reader.readContract({ address, abi: RecordBook.abi, functionName: 'heartbeat' }).catch(() => 0n),
      heardAt(parts, emitter, chainId, [address]),
    ])
    return [{ chainId, address, heartbeat, heard: last?.timestamp ?? 0n }]
  })
  return (await Promise.all(hearers)).flat()
}

/** Where the store left off; what the readers already know is not pending. */
async function initialState(parts: Relay, emitter: Emitter): Promise<RelayerState> {
  const { store, deployment, heartbeatSeconds, kinds, patienceSeconds } = parts
  const { chainId, address } = emitter
  const writes = store.writesOf(chainId, address)
  const remote = writes.filter((write) => isCarried(write, chainId, kinds))
  const unknown = await Promise.all(remote.map(async (write) => ((await isKnown(parts, write)) ? [] : [write])))
  return {
    chainId,
    threshold: deployment.committee.threshold,
    signers: deployment.committee.signers,
    cursor: store.cursorOf(chainId, address),
    claims: withWrites(undefined, writes),
    markets: withMarkets(new Map(), writes),
    signed: new Map(),
    pending: new Map(unknown.flat().map((write) => [write.hash, { write, since: 0n }])),
    inFlight: new Set(),
    carriedAt: new Map(),
    hearers: parts.hears ? await hearersOf(parts, emitter) : [],
    heartbeat: heartbeatSeconds === undefined ? undefined : BigInt(heartbeatSeconds),
    kinds,
    patience: BigInt(patienceSeconds),
  }
}

/**
 * Whether the reader has learned these fields or newer ones. A chain that is not in the deployment is taken to know all, as nothing
 * can be carried there; one that does not answer, nothing.
 */
export async function isKnown({ destinations }: Pick<Relay, 'destinations'>, { key, fields }: Write): Promise<boolean> {
  const destination = destinations.get(Number(key.readerChain))
  if (!destination) return true
  const address = getAddress(key.reader)
  const [known] = await destination.reader
    .readContract({ address, abi: RecordBook.abi, functionName: 'learnedOf', args: [key] })
    .catch(() => [undefined])
  return known?.every((field, i) => field >= (fields[i] ?? 0n)) ?? false
}
