/** The publisher's process: brings prices from Hermes to the clearing and its venues. Trusted for nothing beyond Pyth. */
import { Clearing, Venue } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import type { Ratio } from '@omnimargin/core/wad'
import { type Abi, type Address, encodeFunctionData, type Hex } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf, walletOf } from '../clients.ts'
import type { DeployedChain, Deployment } from '../deployment.ts'
import { fetchUpdate, type Update } from '../hermes.ts'
import { updateFee } from '../pyth.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { senderOf } from '../sender.ts'
import { type PublisherState, step } from './step.ts'

export type PublisherConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly hermes: string
  readonly hermesKey?: string | undefined
  readonly pollMs: number
  readonly deviation: Ratio
  readonly heartbeatSeconds: number
  readonly accrueSeconds: number
}

/** What a poke is sent with, beside that of its feeds. */
export const POKE_GAS = 1_500_000n
/** For each feed: the first poke of a month opens five spans of its extremes. */
const FEED_GAS = 200_000n

type Note = (event: string, details: Record<string, unknown>) => void

/** Whoever on one chain caches prices: the clearing, and every venue. */
type Site = { readonly chain: DeployedChain; readonly pyth: Address; readonly readers: readonly Reader[] }
type Reader = {
  readonly address: Address
  readonly abi: Abi
  /** The number that the reader gives to each feed it caches; none for the others. */
  readonly numbersOf: (feed: number) => readonly number[]
}

/**
 * Runs until the signal, each chain by itself, so that a slow or dead one holds up no other. Keeps nothing on disk:
 * what was poked before a restart is poked once more.
 */
export async function runPublisher(config: PublisherConfig, context: RoleContext): Promise<void> {
  await Promise.all(sitesOf(config.deployment).map((site) => publish(config, site, context)))
}

async function publish(config: PublisherConfig, site: Site, { signal, log }: RoleContext): Promise<void> {
  const { chainId } = site.chain
  const write = logOf('publisher', log)
  const note = (event: string, details: Record<string, unknown>) => write(event, { chainId, ...details })
  const poke = pokerOf(config.account, site, note)
  const accrue = accruerOf(config.account, site, note)
  const hermes = { url: config.hermes, key: config.hermesKey }
  const { feeds } = config.deployment.clearing
  let state: PublisherState = {
    feeds: [...feeds.keys()].filter((feed) => isRead(site, feed)),
    poked: new Map(),
    deviation: config.deviation,
    heartbeat: BigInt(config.heartbeatSeconds),
    accrued: new Map(),
    accrueEvery: BigInt(config.accrueSeconds),
  }
  const work = async () => {
    const update = await fetchUpdate(
      hermes,
      feeds.map(({ feedId }) => feedId),
      signal,
    )
    const next = step(state, { type: 'reported', reports: update.reports })
    state = next.state
    for (const { type, feeds } of next.effects) {
      if (type === 'accrue') {
        await accrue(feeds)
        continue
      }
      const taken = await poke(update, feeds)
      state = step(state, { type: 'poked', reports: update.reports, feeds: taken }).state
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

function isRead({ readers }: Site, feed: number): boolean {
  return readers.some(({ numbersOf }) => numbersOf(feed).length > 0)
}

/** The clearing's site has it as the first reader: it reads every feed. */
function sitesOf({ chains, clearing }: Deployment): Site[] {
  return chains.flatMap((chain) => {
    const markets = clearing.markets.filter(({ chainId }) => chainId === chain.chainId)
    const venues = [...new Set(markets.map(({ venue }) => venue))]
    const readers: Reader[] = venues.map((address) => ({
      address,
      abi: Venue.abi,
      numbersOf: (feed) => markets.flatMap((m) => (m.venue === address && m.feed === feed ? [m.item] : [])),
    }))
    if (chain.chainId === clearing.chainId) {
      readers.unshift({ address: clearing.address, abi: Clearing.abi, numbersOf: (feed) => [feed] })
    }
    return chain.pyth && readers.length > 0 ? [{ chain, pyth: chain.pyth, readers }] : []
  })
}

/** Pokes what the first reader would take, at it and then at the others, and returns the feeds that were taken. */
function pokerOf(account: PrivateKeyAccount, { chain, pyth, readers }: Site, note: Note) {
  const reader = readerOf(chain)
  const sender = senderOf(reader, walletOf(chain, account))

  return async ({ data, reports }: Update, feeds: readonly number[]): Promise<readonly number[]> => {
    const updates = [...data]
    const value = await updateFee(reader, pyth, updates)
    const [first, ...others] = readers
    if (!first) return []
    const call = (some: readonly number[]) => ({ to: first.address, data: pokeData(first, some, updates), value })
    const isTakeable = async (some: readonly number[]): Promise<boolean> => {
      const why = await refusalOf(reader, { from: account.address, ...call(some) }, first.abi)
      if (why !== undefined) note('poke_refused', { feeds: some, why })
      return why === undefined
    }
    const taken = await takeable(feeds, isTakeable)
    if (taken.length === 0) return []
    const gas = POKE_GAS + FEED_GAS * BigInt(taken.length)
    const { status } = await sender.send({ ...call(taken), gas })
    if (status !== 'success') return []
    note('poked', { feeds: taken, prices: taken.map((feed) => reports[feed]?.price) })
    for (const other of others) {
      if (taken.flatMap(other.numbersOf).length === 0) continue
      // Without updates: Pyth has them by now.
      const receipt = await sender.send({ to: other.address, data: pokeData(other, taken, []), gas: POKE_GAS })
      if (receipt.status !== 'success') return []
    }
    return taken
  }
}

/** Has the venues write down what their markets' funding has come to. */
function accruerOf(account: PrivateKeyAccount, { chain, readers }: Site, note: Note) {
  const sender = senderOf(readerOf(chain), walletOf(chain, account))
  const venues = readers.filter(({ abi }) => abi === Venue.abi)
  return async (feeds: readonly number[]): Promise<void> => {
    for (const { address, numbersOf } of venues) {
      for (const market of feeds.flatMap(numbersOf)) {
        const data = encodeFunctionData({ abi: Venue.abi, functionName: 'accrue', args: [BigInt(market)] })
        const { status } = await sender.send({ to: address, data, gas: POKE_GAS })
        note(status === 'success' ? 'accrued' : 'not_accrued', { venue: address, market })
      }
    }
  }
}

/** All of them if they can go together; otherwise those that can go alone, so that one bad feed holds up no other. */
async function takeable(
  feeds: readonly number[],
  isTakeable: (feeds: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  if (await isTakeable(feeds)) return feeds
  if (feeds.length === 1) return []
  const verdicts = await Promise.all(feeds.map((feed) => isTakeable([feed])))
  return feeds.filter((_, i) => verdicts[i])
}

function pokeData({ abi, numbersOf }: Reader, feeds: readonly number[], updates: readonly Hex[]): Hex {
  return encodeFunctionData({ abi, functionName: 'poke', args: [feeds.flatMap(numbersOf).map(BigInt), [...updates]] })
}
