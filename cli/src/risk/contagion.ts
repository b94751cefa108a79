/** `omnimargin risk contagion`: what each failure would cost, alone and two at once, told as people read it or as JSON. */
import { join } from 'node:path'
import { isSame } from '@omnimargin/core/bytes'
import { type Usd, WAD } from '@omnimargin/core/wad'
import { ACCOUNT_NODES, type Contagion, contagionOf, type Outcome, PAIRED_ACCOUNTS } from '@omnimargin/risk/contagion'
import type { Node, System } from '@omnimargin/risk/contagion/system'
import { ConfigError } from '@omnimargin/service/config'
import { decimalJson } from '../json.ts'
import { blockAsked, decimalOf } from '../names.ts'
import { amount, moment, percent } from '../terminal/amounts.ts'
import { progressOf } from '../terminal/progress.ts'
import { type Screen, screenOn } from '../terminal/screen.ts'
import { type Live, readLive } from './live.ts'
import { readMeasures } from './measures.ts'
import { type NamedLedger, readSystem } from './system.ts'
import { applyTerms, readTerms } from './terms.ts'

export const SHIPPED_TERMS = join(import.meta.dirname, '..', '..', '..', 'risk', 'contagion.json')

export type ContagionOptions = {
  readonly deployment?: string
  readonly system?: string
  readonly terms: string
  readonly config: string
  readonly insurance: string
  /** Only of what is running; finalized unless given. */
  readonly block?: string
  readonly top: string
  readonly json: boolean
}

/** Throws ConfigError or InputError with the place of what cannot be used, and ChainError where a chain cannot be read. */
export async function contagion(options: ContagionOptions): Promise<void> {
  const top = Number(options.top)
  if (!/^[1-9]\d{0,3}$/.test(options.top)) throw new ConfigError(`--top ${options.top}: give how many rows, 1 to 9999.`)
  const insurance = decimalOf(`--insurance ${options.insurance}`, options.insurance, 18)
  const terms = readTerms(options.terms)
  const measures = readMeasures(options.config)
  const named = await namedLedgerOf(options)
  const applied = applyTerms(
    { file: options.terms, content: terms },
    { file: options.config, content: measures },
    named,
  )
  const system: System = { ...named, insurance, ...applied }
  const progress = progressOf()
  const found = contagionOf(system, (share) => progress('Trying every failure', share))
  const nameOf = (node: Node) => nameIn(named, system, node)
  const idle = terms.issuers.filter(({ name }) => !applied.issuers.some((issuer) => issuer.name === name))
  const untried =
    idle.length > 0 ? ` Not tried, as nothing listed is theirs: ${idle.map(({ name }) => name).join(', ')}.` : ''
  const origin = `${named.origin}. Supposed of markets and issuers: ${terms.origin}.${untried}`
  if (options.json) process.stdout.write(jsonOf(found, { insurance, origin, nameOf }))
  else show(screenOn(process.stdout), { found, system, nameOf, top, origin })
}

async function namedLedgerOf({ deployment, system, block }: ContagionOptions): Promise<NamedLedger> {
  if ((deployment === undefined) === (system === undefined))
    throw new ConfigError('Give either --deployment, of what is running, or --system, a file that describes it.')
  if (system === undefined) return namesOf(await readLive(deployment ?? '', blockAsked(block ?? 'finalized')))
  if (block !== undefined)
    throw new ConfigError(`--block ${block}: a file has no blocks. Leave it out, or give --deployment for --system.`)
  return readSystem(system)
}

/** A live ledger, called by what its deployment calls things. */
function namesOf({ deployment, ledger, block }: Live): NamedLedger {
  const { chains, clearing, tokens } = deployment
  const chainNames = new Map(chains.map(({ chainId, name }) => [BigInt(chainId), name]))
  const chainName = (chainId: bigint) => chainNames.get(chainId) ?? `chain ${chainId}`
  const listings = ledger.listings.map(({ chainId, vault, asset }) => {
    const token = tokens.find(
      (one) => BigInt(one.chainId) === chainId && isSame(one.vault, vault) && isSame(one.address, asset),
    )
    return `${token?.symbol ?? asset}@${chainName(chainId)}`
  })
  const feeds = ledger.feeds.map((feedId) => clearing.feeds.find((one) => isSame(one.feedId, feedId))?.symbol ?? feedId)
  const homeChain = BigInt(clearing.chainId)
  const origin = `Read at block ${block.number} of ${block.name}, ${moment(block.time)}`
  return { origin, ledger, now: block.time, homeChain, chains: chainNames, feeds, listings, accounts: new Map() }
}

function nameIn({ accounts, feeds, chains }: NamedLedger, { issuers, depths }: System, node: Node): string {
  const chainOf = (chainId: bigint) => chains.get(chainId) ?? `chain ${chainId}`
  switch (node.kind) {
    case 'account':
      return `account ${accounts.get(node.id) ?? node.id}`
    case 'asset':
      return `${feeds[node.feed]} falls by ${amount((depths[node.feed]?.fall ?? 0n) * 100n, 18, 0)} %`
    case 'chain':
      return `chain ${chainOf(node.chainId)}`
    case 'vault':
    case 'venue':
      return `route of the ${node.kind} on ${chainOf(node.chainId)}`
    case 'issuer':
      return `issuer ${issuers[node.issuer]?.name}`
  }
}

/* TABLES */

const PAIRS_SHOWN = 5

type Shown = { found: Contagion; system: System; nameOf: (node: Node) => string; top: number; origin: string }

function show(screen: Screen, { found, system, nameOf, top, origin }: Shown): void {
  const { calm, single, pairs, margin } = found
  const { size } = system.ledger.accounts
  const rowOf = rowsFor(found, nameOf)
  const isFelt = feltBeyond(calm)
  const felt = single.filter(isFelt)
  const shown = felt.slice(0, top)
  screen.say(origin)
  screen.say(`${size} accounts, ${amount(margin)} USD of margin, ${amount(system.insurance)} USD of insurance.`)
  if (calm.atOnce.length > 0)
    screen.say(
      `With nothing lost, ${calm.atOnce.length} accounts are below maintenance; once closed, with those they drag down, ${calm.below.length}.`,
    )
  screen.table(HEAD, shown.map(rowOf))
  if (shown.length < felt.length) screen.say(`${felt.length - shown.length} more that cost less: --top tells them.`)
  if (felt.length < single.length)
    screen.say(`${single.length - felt.length} more that nobody would feel: --json has them.`)
  screen.say('\nTwo at once')
  screen.table(HEAD, pairs.filter(isFelt).slice(0, PAIRS_SHOWN).map(rowOf))
  screen.say(coverOf('Cover 1', single[0], nameOf))
  screen.say(coverOf('Cover 2', pairs[0], nameOf))
  screen.say(LEGEND)
}

/** Whether it takes margin or brings somebody below maintenance who would not be so anyway. */
function feltBeyond(calm: Outcome): (outcome: Outcome) => boolean {
  return ({ below, marginGone, badDebt }) =>
    below.length > calm.below.length || marginGone > calm.marginGone || badDebt > calm.badDebt
}

const HEAD = [
  'lost',
  'below\nat once',
  'dragged\ndown',
  'margin gone\nat once, USD',
  'of all\nmargin',
  'deepest\nfall',
  'bad debt,\nUSD',
  'not paid by\ninsurance',
]

function rowsFor({ margin }: Contagion, nameOf: (node: Node) => string) {
  return ({ lost, atOnce, below, marginGone, badDebt, uncovered, deepestFall }: Outcome) => [
    lost.map(nameOf).map(shortened).join(',\n'),
    atOnce.length,
    below.length - atOnce.length,
    amount(marginGone, 18, 0),
    margin === 0n ? '' : percent((marginGone * WAD) / margin),
    percent(deepestFall),
    amount(badDebt, 18, 0),
    amount(uncovered, 18, 0),
  ]
}

/** An account's id takes all of a table. */
function shortened(name: string): string {
  return name.replace(/0x([0-9a-f]{8})[0-9a-f]{50}([0-9a-f]{6})/, '0x$1…$2')
}

function coverOf(what: string, worst: Outcome | undefined, nameOf: (node: Node) => string): string {
  if (!worst || worst.badDebt === 0n) return `${what}: no loss is more than what accounts hold.`
  const paid =
    worst.uncovered === 0n ? 'all of it paid by insurance' : `${amount(worst.uncovered)} not paid by insurance`
  return `${what}: ${worst.lost.map(nameOf).join(' and ')}, ${amount(worst.badDebt)} USD of bad debt, ${paid}.`
}

const LEGEND = `
Lost at once; then whoever is below maintenance is closed whole, which moves prices by the square root of what is sold,
which may drag others down, until nobody is. Each account is judged at the prices that are worst for it. Of accounts,
the ${ACCOUNT_NODES} with the most to close are tried, ${PAIRED_ACCOUNTS} of them in pairs. What insurance does not pay is taken from nobody here.`

/* JSON */

type Told = { insurance: Usd; origin: string; nameOf: (node: Node) => string }

function jsonOf(found: Contagion, { insurance, origin, nameOf }: Told): string {
  const tell = ({ spans: _, lost, ...rest }: Outcome) => ({ lost: lost.map(nameOf), ...rest })
  const plain = {
    origin,
    insurance,
    margin: found.margin,
    calm: tell(found.calm),
    single: found.single.map(tell),
    pairs: found.pairs.map(tell),
  }
  return decimalJson(plain)
}
