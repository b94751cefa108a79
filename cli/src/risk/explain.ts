/** `omnimargin risk explain`: what a haircut is made of, term by term, and what the clearing makes of it now. */
import { join } from 'node:path'
import { Clearing } from '@omnimargin/chains/abi'
import { type Bound, clampStep, floorOf } from '@omnimargin/core/bounds'
import { ageOf, applyEvents, EMPTY_LEDGER, haircutsOf, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import type { ListingTerms, Parameters, VaultTerms } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import { readerOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { eventsOf, numberOf, placeAt } from '@omnimargin/service/reconcile/place'
import type { SeenBlock } from '@omnimargin/service/reconcile/sides'
import { type Measured, measurerOf, type Unmeasured } from '@omnimargin/service/steward/measure'
import { knownOf } from '@omnimargin/service/steward/measures'
import { policyOf } from '@omnimargin/service/steward/run'
import { boundOf, HAIRCUTS, type PolicyTerms } from '@omnimargin/service/steward/step'
import { timed } from '@omnimargin/service/steward/timed'
import { blockAsked, type DeployedToken, listingOf } from '../names.ts'
import { stewardSchema } from '../run.ts'
import { screenOn } from '../story/screen.ts'
import { explainJson, explainTables } from './explain/tables.ts'

export const SHIPPED_MEASURES = join(import.meta.dirname, '..', '..', '..', 'risk', 'steward.json')

const MADE_UP =
  'The hourly bars, depths and routes are the made-up ones that are shipped: name yours in a file, with --config.\n'

export type ExplainOptions = {
  readonly asset: string
  readonly chain: string
  readonly deployment: string
  readonly config: string
  readonly block: string
  readonly json: boolean
}

/** One haircut on chain: what is in force, within what it may move, and what the age of the round trip makes of it. */
export type OnChain = {
  readonly posted: bigint
  readonly widened: bigint
  /** Nothing where the policy lets no steward move it. */
  readonly bound: (Bound & { readonly floor: bigint; readonly next: bigint }) | undefined
}

export type Explained = {
  readonly name: string
  readonly block: SeenBlock
  readonly measured: Measured
  readonly initial: OnChain
  readonly maintenance: OnChain
  readonly terms: ListingTerms
  readonly vault: VaultTerms
  /** Seconds: of the vault's round trip, and since the parameters were set, and since the steward posted. */
  readonly age: bigint
  readonly setAgo: bigint
  readonly life: number
  readonly postedAgo: bigint | undefined
  readonly interval: bigint | undefined
  readonly breaker: 'normal' | 'tripped' | 'late'
  readonly version: number
}

/** Throws ConfigError or InputError with the place of what cannot be used, and ChainError where a chain cannot be read. */
export async function explain({ asset, chain, deployment: file, config, block: text, json }: ExplainOptions) {
  const deployment = readConfig(file, deploymentSchema)
  const measures = readConfig(config, stewardSchema.partial({ deployment: true, keyFile: true }))
  const known = knownOf(deployment, measures, config)
  const home = chainOf(deployment, deployment.clearing.chainId)
  const reader = readerOf(home)
  const place = await placeAt(home, reader, blockAsked(text))
  const events = await eventsOf(place, deployment.clearing.address, Clearing.abi)
  const ledger = applyEvents(EMPTY_LEDGER, events as LedgerEvent[])
  const measurer = measurerOf(known)
  const now = place.block.timestamp
  measurer.observe(await timed(reader, events), Number(now))
  const token = tokenAsked(deployment, ledger, asset, chain)
  const listing = listingOf(ledger, token)
  const measured = measurer.measure(ledger, listing, now)
  const name = `${token.symbol} on ${chainOf(deployment, token.chainId).name}`
  if (typeof measured === 'string')
    throw new ConfigError(`${name} cannot be explained: ${CURES[measured]} (${measured}).`)
  const { parameters } = ledger
  if (!parameters) throw new ConfigError(`${file}: its clearing has no parameters yet: set them first.`)
  const at = { blockNumber: numberOf(place.block) }
  const { policy: owner } = deployment.clearing
  const policy = owner ? await policyOf({ reader }, owner, at) : undefined
  const block = { name: home.name, chainId: home.chainId, number: at.blockNumber, time: now }
  const told = { name, block, measured, ...onChainOf({ ledger, parameters, listing, policy, measured, now }) }
  if (json) process.stdout.write(explainJson(told))
  else explainTables(screenOn(process.stdout), told)
  if (!json && config === SHIPPED_MEASURES) process.stdout.write(MADE_UP)
}

const CURES: Record<Unmeasured, string> = {
  not_in_configuration: 'the clearing’s events do not name it as the deployment does: correct the deployment',
  feed_not_in_configuration: 'its price is not among "feeds" in the configuration: add it',
  no_route: 'its "route" is not in the configuration: add the quartiles of its delivery times',
  too_few_bars:
    'there are too few hourly bars of its price: name "bars" of it in the configuration, two weeks at least',
  no_price: 'the clearing has heard no price of it yet: see that a publisher pokes it',
}

type Facts = {
  ledger: Ledger
  parameters: Parameters
  listing: number
  policy: PolicyTerms | undefined
  measured: Measured
  now: bigint
}

function onChainOf({ ledger, parameters, listing, policy, measured, now }: Facts) {
  const terms = parameters.listings[listing]
  const vault = terms && parameters.vaults[terms.vault]
  if (!terms || !vault) throw new Error(`The parameters have no listing ${listing}, though it is listed.`)
  const peer = vaultPeer(terms.vault)
  const age = ageOf(ledger, peer, now)
  const widened = haircutsOf(ledger, parameters, listing, now)
  const { fast, slow } = measured.haircut
  const [initial, maintenance] = HAIRCUTS.map((field): OnChain => {
    const bound = policy && boundOf(parameters, listing, field, policy.bounds)
    const posted = terms[field]
    const target = field === 'initialHaircut' ? fast : slow
    const limits = bound && { ...bound, floor: floorOf(bound), next: clampStep(posted, target, bound) }
    return { posted, widened: widened[field], bound: limits }
  }) as [OnChain, OnChain]
  const isLate = vault.isRemote && age >= BigInt(vault.tripAge)
  const breaker = ledger.tripped.has(peer) ? ('tripped' as const) : isLate ? ('late' as const) : ('normal' as const)
  return {
    ...{ initial, maintenance, terms, vault, age, breaker, version: ledger.version },
    ...{ setAgo: now - ledger.setAt, life: parameters.life },
    postedAgo: policy && policy.postedAt > 0n ? now - policy.postedAt : undefined,
    interval: policy?.interval,
  }
}

/** By its own symbol, or by its price's, on a chain by name or id. */
function tokenAsked(deployment: Deployment, ledger: Ledger, asset: string, chain: string): DeployedToken {
  const { chains, clearing, tokens } = deployment
  const found = chains.find(({ name, chainId }) => name === chain || `${chainId}` === chain)
  if (!found) throw new ConfigError(`--chain ${chain}: it must be one of ${chains.map(({ name }) => name).join(', ')}.`)
  const there = tokens.filter(({ chainId }) => chainId === found.chainId)
  const priceOf = (token: DeployedToken): string => {
    const feed = ledger.parameters?.listings[listingOf(ledger, token)]?.feed
    return clearing.feeds[feed ?? -1]?.symbol ?? ''
  }
  const isMeant = (name: string) => name.toLowerCase() === asset.toLowerCase()
  const bySymbol = there.filter(({ symbol }) => isMeant(symbol))
  const byPrice = there.filter((token) => isMeant(priceOf(token)) || isMeant(priceOf(token).split('/')[0] ?? ''))
  const [token, other] = bySymbol.length > 0 ? bySymbol : byPrice
  const names = there.map(({ symbol }) => symbol).join(', ')
  if (!token)
    throw new ConfigError(`${asset}: ${found.name} has ${names || 'no asset'}; name one of them, or its price.`)
  if (other)
    throw new ConfigError(`${asset} is the price of ${token.symbol} and ${other.symbol} there: name one of them.`)
  return token
}
