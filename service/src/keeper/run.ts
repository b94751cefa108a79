/**
 * The keeper's process: proves fills that nobody else carried home, and shows the clearing what prices it missed of them; rebuilds
 * every account from the clearing's events, and takes over who is below maintenance.
 */
import { Clearing } from '@omnimargin/chains/abi'
import { ChainError } from '@omnimargin/chains/errors'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { KIND } from '@omnimargin/core/record'
import { encodeFunctionData } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { type Deployment, emittersOf } from '../deployment.ts'
import { type Destination, type Destinations, destinationsOf, homeOf } from '../destination.ts'
import { follow } from '../follow.ts'
import { fetchFirst, type Hermes } from '../hermes.ts'
import { pullFills } from '../relayer/pull.ts'
import { type Relay, relay } from '../relayer/relay.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { openStore } from '../store.ts'
import { type Show, senderTo, showerTo } from './show.ts'
import { type KeeperEffect, type KeeperState, step } from './step.ts'
import { widenerOf } from './widen.ts'

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

/** How many accounts are watched is said when it has changed, and no more often than this. */
const COUNT_MS = 60_000
/** A report of the past that was not there, or not taken, is asked for again after this. */
const PRICE_PAUSE_MS = 5_000
/** What is noted of an effect that was carried out; with `not_` before it, of one that was not. */
const DONE: Record<KeeperEffect['type'], string> = {
  open_line: 'line_opened',
  liquidate: 'liquidated',
  close_venue: 'venue_closed',
  price_closed: 'priced',
  settle_closed: 'settled',
  count: 'counted',
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

/**
 * A venue is believed once its record is proven, or pulled where it is here, and what it filled can only be bad news left unproven.
 * A fill at a price that the clearing missed is not: it is shown that price first.
 */
async function proveFills(
  config: KeeperConfig,
  destinations: Destinations,
  signal: AbortSignal,
  note: Note,
): Promise<void> {
  const { deployment, dataDir, pollMs, patienceSeconds } = config
  const home = homeOf(deployment, destinations)
  const show = showerTo(home, senderTo(config, home))
  const store = openStore(dataDir)
  const venues = deployment.clearing.markets.map(({ venue }) => venue)
  const emitters = deployment.chains
    .filter(({ chainId }) => chainId !== deployment.clearing.chainId)
    .flatMap(emittersOf)
    .filter(({ address }) => venues.includes(address))
  const kinds = [KIND.MARKET, KIND.FILLS]
  const refused = widenerOf({ deployment, destinations, hermes: hermesOf(config), show, signal, note })
  const parts: Relay = { deployment, destinations, store, pollMs, kinds, patienceSeconds, refused, signal, note }
  try {
    await Promise.all([pullFills(parts), ...emitters.map((emitter) => relay(parts, emitter))])
  } finally {
    store.close()
  }
}

async function watch(config: KeeperConfig, destinations: Destinations, signal: AbortSignal, note: Note): Promise<void> {
  const { address } = config.deployment.clearing
  const home = homeOf(config.deployment, destinations)
  const act = actorOf(config, home, signal, note)
  const followed = follow(home, { address, abi: Clearing.abi }, (from) => note('reorganized', { from }))
  const blank: KeeperState = { ledger: EMPTY_LEDGER, owner: config.account.address }
  let state = blank
  let said = { accounts: -1, ms: -COUNT_MS }

  const work = async () => {
    const batch = await followed.next()
    if (batch === 'reorganized') {
      state = blank
    } else if (batch) {
      followed.accept(batch)
      const next = step(state, { type: 'block', events: batch.events as LedgerEvent[], now: batch.now })
      state = next.state
      const accounts = state.ledger.accounts.size
      if (accounts !== said.accounts && performance.now() >= said.ms + COUNT_MS) {
        note('watching', { accounts, blockNumber: batch.cursor.blockNumber })
        said = { accounts, ms: performance.now() }
      }
      for (const effect of next.effects) await act(effect)
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

function hermesOf({ hermes: url, hermesKey: key }: KeeperConfig): Hermes {
  return { url, key }
}

/** Carries an effect out, or says why not: one that fails keeps none of the others from being tried. */
function actorOf(config: KeeperConfig, home: Destination, signal: AbortSignal, note: Note) {
  const send = senderTo(config, home)
  const price = pricerOf(hermesOf(config), showerTo(home, send), signal)
  const carryOut = async (effect: KeeperEffect): Promise<string | undefined> => {
    const call = { abi: Clearing.abi } as const
    switch (effect.type) {
      case 'open_line': {
        const args = [effect.liquidator, effect.listing, config.account.address] as const
        return send(encodeFunctionData({ ...call, functionName: 'openLine', args }))
      }
      case 'liquidate': {
        const args = [effect.account, effect.liquidator] as const
        return send(encodeFunctionData({ ...call, functionName: 'liquidate', args }))
      }
      case 'close_venue':
        return send(encodeFunctionData({ ...call, functionName: 'closeVenue', args: [BigInt(effect.venue)] }))
      case 'price_closed':
        return price(effect)
      case 'settle_closed': {
        const args = [effect.account, BigInt(effect.market)] as const
        return send(encodeFunctionData({ ...call, functionName: 'settleClosed', args }))
      }
      case 'count': {
        const args = [effect.account, BigInt(effect.line)] as const
        return send(encodeFunctionData({ ...call, functionName: 'count', args }))
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

/** Shows the clearing a closed market's price: the first report after the grace, out of Hermes' history. */
function pricerOf(hermes: Hermes, show: Show, signal: AbortSignal) {
  const askedAt = new Map<number, number>()
  return async ({ market, feedId, until }: Extract<KeeperEffect, { type: 'price_closed' }>) => {
    const now = performance.now()
    if (now < (askedAt.get(market) ?? -PRICE_PAUSE_MS) + PRICE_PAUSE_MS) return NOT_YET
    askedAt.set(market, now)
    try {
      const update = await fetchFirst(hermes, feedId, until, signal)
      const args = [BigInt(market), [...update.data]] as const
      return await show(encodeFunctionData({ abi: Clearing.abi, functionName: 'priceClosed', args }), update)
    } catch (failure) {
      if (failure instanceof ChainError) return failure.message
      throw failure
    }
  }
}
