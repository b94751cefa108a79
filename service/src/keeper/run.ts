/**
 * The keeper's process: proves fills that nobody else carried home, rebuilds every account from the clearing's events,
 * and takes over who is below maintenance.
 */
import { Clearing } from '@omnimargin/chains/abi'
import { accountOf } from '@omnimargin/core/account'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { KIND } from '@omnimargin/core/record'
import { encodeFunctionData, type Hex } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { attempt } from '../attempt.ts'
import type { Deployment } from '../deployment.ts'
import { follow } from '../follow.ts'
import { fetchFirst, HermesFailed } from '../hermes.ts'
import { updateFee } from '../pyth.ts'
import type { Destination } from '../relayer/carry.ts'
import { pullFills } from '../relayer/pull.ts'
import { type Destinations, destinationsOf, type Relay, relay } from '../relayer/relay.ts'
import { emittersOf, logOf, type RoleContext, repeat } from '../role.ts'
import { openStore } from '../store.ts'
import { type KeeperEffect, type KeeperState, step } from './step.ts'

export type KeeperConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly dataDir: string
  /** Where reports of the past are asked for. */
  readonly hermes: string
  readonly hermesKey?: string | undefined
  readonly pollMs: number
  /** How long relayers have to carry a remote venue's fills before the keeper does. */
  readonly patienceSeconds: number
}

type Note = ReturnType<typeof logOf>

/** Nothing was tried, and nothing is said of it. */
const NOT_YET = 'not yet'

const GAS_LIMIT = 12_000_000n
/** A report of the past that was not there, or not taken, is asked for again after this. */
const PRICE_PAUSE_MS = 5_000
/** What is noted of an effect that was carried out; with `not_` before it, of one that was not. */
const DONE: Record<KeeperEffect['type'], string> = {
  open_line: 'line_opened',
  liquidate: 'liquidated',
  close_venue: 'venue_closed',
  price_closed: 'priced',
  settle_closed: 'settled',
}

/** Runs until the signal. Only what proves fills is kept on disk: of accounts the events say all again after a start. */
export async function runKeeper(config: KeeperConfig, { signal, log }: RoleContext): Promise<void> {
  const note = logOf('keeper', log)
  const destinations = destinationsOf(config.deployment, config.account)
  const stopping = new AbortController()
  const ending = AbortSignal.any([signal, stopping.signal])
  const parts = [watch(config, destinations, ending, note), proveFills(config, destinations, ending, note)]
  try {
    await Promise.all(parts)
  } finally {
    // One that failed ends the other.
    stopping.abort()
    await Promise.allSettled(parts)
  }
}

/** A venue is believed once its record is proven, or pulled where it is here, and what it filled can only be bad news left unproven. */
async function proveFills(
  { deployment, dataDir, pollMs, patienceSeconds }: KeeperConfig,
  destinations: Destinations,
  signal: AbortSignal,
  note: Note,
): Promise<void> {
  const store = openStore(dataDir)
  const venues = deployment.clearing.markets.map(({ venue }) => venue)
  const emitters = deployment.chains
    .filter(({ chainId }) => chainId !== deployment.clearing.chainId)
    .flatMap(emittersOf)
    .filter(({ address }) => venues.includes(address))
  const kinds = [KIND.MARKET, KIND.FILLS]
  const parts: Relay = { deployment, destinations, store, pollMs, kinds, patienceSeconds, signal, note }
  try {
    await Promise.all([pullFills(parts), ...emitters.map((emitter) => relay(parts, emitter))])
  } finally {
    store.close()
  }
}

async function watch(config: KeeperConfig, destinations: Destinations, signal: AbortSignal, note: Note): Promise<void> {
  const { address, chainId } = config.deployment.clearing
  const home = destinations.get(chainId)
  if (!home) throw new Error(`The deployment has no chain ${chainId}.`)
  const act = actorOf(config, home, signal, note)
  const followed = follow(home, { address, abi: Clearing.abi }, (from) => note('reorganized', { from }))
  const blank: KeeperState = { ledger: EMPTY_LEDGER, account: accountOf(config.account.address) }
  let state = blank

  const work = async () => {
    const batch = await followed.next()
    if (batch === 'reorganized') {
      state = blank
    } else if (batch) {
      followed.accept(batch)
      const next = step(state, { type: 'block', events: batch.events as LedgerEvent[], now: batch.now })
      state = next.state
      for (const effect of next.effects) await act(effect)
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

/** Carries an effect out, or says why not: one that fails keeps none of the others from being tried. */
function actorOf(config: KeeperConfig, home: Destination, signal: AbortSignal, note: Note) {
  const own = accountOf(config.account.address)
  const send = senderTo(config, home)
  const price = pricerOf(config, home, send, signal)
  const carryOut = async (effect: KeeperEffect): Promise<string | undefined> => {
    const call = { abi: Clearing.abi } as const
    switch (effect.type) {
      case 'open_line': {
        const args = [own, effect.listing, config.account.address] as const
        return send(encodeFunctionData({ ...call, functionName: 'openLine', args }))
      }
      case 'liquidate':
        return send(encodeFunctionData({ ...call, functionName: 'liquidate', args: [effect.account, own] }))
      case 'close_venue':
        return send(encodeFunctionData({ ...call, functionName: 'closeVenue', args: [BigInt(effect.venue)] }))
      case 'price_closed':
        return price(effect)
      case 'settle_closed': {
        const args = [effect.account, BigInt(effect.market)] as const
        return send(encodeFunctionData({ ...call, functionName: 'settleClosed', args }))
      }
    }
  }
  return async (effect: KeeperEffect): Promise<void> => {
    const { type, ...details } = effect
    if (type === 'liquidate') note('below_maintenance', details)
    const why = await carryOut(effect)
    if (why === NOT_YET) return
    note(why === undefined ? DONE[type] : `not_${DONE[type]}`, { ...details, why })
  }
}

type Send = (data: Hex, value?: bigint) => Promise<string | undefined>

function senderTo({ deployment, account }: KeeperConfig, home: Destination): Send {
  const call = { from: account.address, to: deployment.clearing.address, gas: GAS_LIMIT }
  return (data, value = 0n) => attempt(home, { ...call, data, value }, Clearing.abi)
}

/** Shows the clearing a closed market's price: the first report after the grace, out of Hermes' history. */
function pricerOf(config: KeeperConfig, { chain, reader }: Destination, send: Send, signal: AbortSignal) {
  const hermes = { url: config.hermes, key: config.hermesKey }
  const askedAt = new Map<number, number>()
  return async ({ market, feedId, until }: Extract<KeeperEffect, { type: 'price_closed' }>) => {
    const now = performance.now()
    if (now < (askedAt.get(market) ?? -PRICE_PAUSE_MS) + PRICE_PAUSE_MS) return NOT_YET
    askedAt.set(market, now)
    if (!chain.pyth) return `the deployment names no "pyth" for chain ${chain.name}`
    try {
      const { data } = await fetchFirst(hermes, feedId, until, signal)
      const value = await updateFee(reader, chain.pyth, data)
      const args = [BigInt(market), [...data]] as const
      return await send(encodeFunctionData({ abi: Clearing.abi, functionName: 'priceClosed', args }), value)
    } catch (failure) {
      if (failure instanceof HermesFailed) return failure.message
      throw failure
    }
  }
}
