import { Clearing } from '@omnimargin/chains/abi'
import { applyEvents, EMPTY_LEDGER, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import { readerOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf, type DeployedToken, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { eventsOf, numberOf, placeAt } from '@omnimargin/service/reconcile/place'
import { knownOf } from '@omnimargin/service/steward/known'
import { policyOf } from '@omnimargin/service/steward/run'
import { timed } from '@omnimargin/service/steward/timed'
import { blockAsked, listingNamed } from '../names.ts'
import { screenOn } from '../terminal/screen.ts'
import { explainedOf } from './explain/explained.ts'
import { explainJson, explainTables } from './explain/tables.ts'
import { readMeasures, SHIPPED_MEASURES } from './measures.ts'

const MADE_UP =
  'The hourly bars, depths and routes are the made-up ones that are shipped: name yours in a file, with --config.'

export type ExplainOptions = {
  readonly asset: string
  readonly chain: string
  readonly deployment: string
  readonly config: string
  readonly block: string
  readonly json: boolean
}

/** Throws ConfigError or InputError with the place of what cannot be used, and ChainError where a chain cannot be read. */
export async function explain({ asset, chain, deployment: file, config, block: text, json }: ExplainOptions) {
  const deployment = readConfig(file, deploymentSchema)
  const measures = readMeasures(config)
  const known = knownOf(deployment, measures, config)
  const home = chainOf(deployment, deployment.clearing.chainId)
  const reader = readerOf(home)
  const place = await placeAt(home, reader, blockAsked(text))
  const events = await eventsOf(place, deployment.clearing.address, Clearing.abi)
  const ledger = applyEvents(EMPTY_LEDGER, events as LedgerEvent[])
  const token = tokenAsked(deployment, ledger, asset, chain)
  if (!ledger.parameters) throw new ConfigError(`${file}: its clearing has no parameters yet: set them first.`)
  const at = { blockNumber: numberOf(place.block) }
  const { policy: owner } = deployment.clearing
  const policy = owner ? await policyOf({ reader }, owner, at) : undefined
  const block = { name: home.name, chainId: home.chainId, number: at.blockNumber, time: place.block.timestamp }
  const listing = listingNamed(ledger, token)
  const told = explainedOf({
    deployment,
    known,
    events: await timed(reader, events),
    ledger,
    policy,
    block,
    listing,
  })
  if (json) {
    process.stdout.write(explainJson(told))
    return
  }
  const screen = screenOn(process.stdout)
  explainTables(screen, told)
  if (config === SHIPPED_MEASURES) screen.say(MADE_UP)
}

/** By its own symbol, or by its price's, on a chain by name or id. */
function tokenAsked(deployment: Deployment, ledger: Ledger, asset: string, chain: string): DeployedToken {
  const { chains, clearing, tokens } = deployment
  const found = chains.find(({ name, chainId }) => name === chain || `${chainId}` === chain)
  if (!found) throw new ConfigError(`--chain ${chain}: it must be one of ${chains.map(({ name }) => name).join(', ')}.`)
  const there = tokens.filter(({ chainId }) => chainId === found.chainId)
  const priceOf = (token: DeployedToken): string => {
    const feed = ledger.parameters?.listings[listingNamed(ledger, token)]?.feed
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
