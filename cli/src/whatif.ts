/** `omnimargin whatif`: the margin of one live account before and after changes that nobody has made. */
import type { PortfolioFault } from '@omnimargin/core/ledger'
import { isLiquidatable, type Margin } from '@omnimargin/core/margin'
import { WAD } from '@omnimargin/core/wad'
import { type Answer, type Change, type Need, type Refusal, type Rejection, whatIf } from '@omnimargin/core/whatif'
import { readerOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { jsonOf } from '@omnimargin/service/json'
import { readAccount } from '@omnimargin/service/reconcile/account'
import type { SeenBlock } from '@omnimargin/service/reconcile/sides'
import { accountNamed, blockAsked } from './names.ts'
import { amount, moment, percent } from './terminal/amounts.ts'
import { type Screen, screenOn } from './terminal/screen.ts'
import { changesOf } from './whatif/changes.ts'
import { type Collateral, collateralOf, HEAD, rowOf } from './whatif/collateral.ts'
import type { Typed } from './whatif/forms.ts'

export type WhatIfOptions = {
  readonly deployment: string
  readonly account: string
  readonly changes: readonly Typed[]
  readonly block: string
  readonly json: boolean
}

/** The changes may not be made, the account would be liquidatable, or nobody has heard of it. */
const NO = 2

/** A change that cannot even be imagined, by its code. Editing the command helps. */
export class ChangeRefused extends ConfigError {
  readonly code: Refusal['code']

  constructor(code: Refusal['code'], message: string) {
    super(message)
    this.name = 'ChangeRefused'
    this.code = code
  }
}

/**
 * Returns the exit code: 0 if the changes may be made and the account, which somebody has heard of or deposits into,
 * would not be liquidatable, else 2. Throws ConfigError for what cannot be looked up or imagined, and ChainError where a
 * chain cannot be read.
 */
export async function whatif({
  deployment: file,
  account,
  changes,
  block: text,
  json,
}: WhatIfOptions): Promise<number> {
  const deployment = readConfig(file, deploymentSchema)
  const id = accountNamed(account)
  const resolve = changesOf(deployment, changes)
  const home = chainOf(deployment, deployment.clearing.chainId)
  const live = await readAccount(deployment, new Map([[home.chainId, readerOf(home)]]), id, blockAsked(text))
  const { ledger, block } = live
  const world = { now: block.time, homeChain: BigInt(home.chainId) }
  const wished = resolve.map((make) => make(ledger))
  const answer = whatIf(ledger, id, wished, world)
  if ('code' in answer) throw refusalOf(answer, changes)
  const isKnown = ledger.accounts.has(id)
  const isThere = isKnown || wished.some(({ kind }) => kind === 'deposit')
  const verdict = isThere ? verdictOf(answer, changes) : UNKNOWN
  const assumed = assumptionsOf(deployment, wished, isKnown)
  const collateral = collateralOf(deployment, ledger, id, block.time)
  if (json)
    process.stdout.write(`${jsonOf({ account: id, isKnown, block, collateral, ...answer, assumed, verdict }, 2)}\n`)
  else show(screenOn(process.stdout), { answer, block, collateral, assumed, verdict })
  return isThere && answer.mayBeMade && !answer.wouldBeLiquidatable ? 0 : NO
}

const CURES: Record<Rejection | PortfolioFault, string> = {
  no_parameters: 'the clearing has no parameters for it: governance sets them',
  price_too_old: 'the clearing’s prices are too old to tell a margin by: see that a publisher pokes them',
  no_such_listing: 'the clearing lists no such asset',
  no_such_market: 'the clearing has no such market',
  no_such_feed: 'the clearing has no such price',
  clearing_lost: 'the clearing itself is on that chain, and without it there is no margin: name another chain',
  venue_closed: 'its venue is closed or contradicted itself, nothing is traded there any more: name another market',
  nothing_asked: 'it changes nothing: give an amount, a size, a price or a percentage above zero',
  amount_too_large: 'it is larger than the clearing can hold: give less',
  no_price: 'the clearing has heard no price for it yet: see that a publisher pokes it',
  price_gone: 'it would leave no price above zero: give a fall of less than 100 %',
  below_min_size: 'the size is below the market’s smallest: give more',
  outside_band: 'the price is farther from the index than the market’s band: give one nearer, or none for the index',
  too_many_lines: 'the account has its 16 lines: deposit into one of them',
  too_many_markets: 'the account is in 16 markets already: close one first',
  not_enough_units: 'the account’s lines of that asset have less: give less, or deposit before it',
  open_interest_full: 'the market would be beyond its cap of open interest: give less',
}

function refusalOf({ change, code }: Refusal, typed: readonly Typed[]): ChangeRefused {
  return new ChangeRefused(code, `${nameOf(typed, change)}: ${CURES[code]} (${code}).`)
}

function nameOf(typed: readonly Typed[], change: number | undefined): string {
  const one = change === undefined ? undefined : typed[change]
  return one ? `--${one.option} ${one.text}` : 'The account as it is'
}

const UNKNOWN =
  'Up to that block the clearing has never seen the account: check its id, ask of --block latest if it is new, or add a --deposit.'

/** What is missing where it is not margin. */
const MISSING: Partial<Record<Need, string>> = {
  new_risk: 'its venue is late or its breaker tripped, and gives no new risk',
  thaw: 'a guardian holds what is at its vault',
  close_price:
    'a venue where the account has a position is closed, and its price is not fixed yet: anyone may (priceClosed)',
}

/** Whether it may be made and what would be then, in words. */
function verdictOf({ steps, after }: Answer, typed: readonly Typed[]): string {
  const [is, isNot] = steps.length === 0 ? ['is', 'is not'] : ['would be', 'would not be']
  const end = `The account ${isLiquidatable(after) ? is : isNot} liquidatable.`
  const first = steps.findIndex(({ isAllowed }) => !isAllowed)
  const refused = steps[first]
  if (!refused)
    return steps.some(({ change }) => change.kind !== 'shock' && change.kind !== 'lose')
      ? `The changes may be made. ${end}`
      : end
  const { need, judged } = refused
  const [balance, required] =
    need === 'initial'
      ? [judged.initialMarginBalance, judged.initialMargin]
      : [judged.maintenanceMarginBalance, judged.maintenanceMargin]
  const short = `the ${need} margin balance would be ${amount(balance)} of the ${amount(required)} required`
  const why = MISSING[need] ?? short
  return `${nameOf(typed, first)} may not be made: ${why}. ${end}`
}

/** What the figures take for granted, for the kinds of changes that were asked for. */
function assumptionsOf({ chains }: Deployment, changes: readonly Change[], isKnown: boolean): string[] {
  const has = (kind: Change['kind']) => changes.some((change) => change.kind === kind)
  const lost = changes.flatMap((change) => (change.kind === 'lose' ? [Number(change.chainId)] : []))
  const names = chains.filter(({ chainId }) => lost.includes(chainId)).map(({ name }) => name)
  return [
    ...(isKnown ? [] : ['The account has nothing, since nobody has heard of its id.']),
    ...(has('deposit')
      ? ['A deposit has arrived, in an open line, and counts as far as its caps and the listing’s inflow leave room.']
      : []),
    ...(has('withdraw')
      ? ['A withdrawal releases units that the account has; fills elsewhere are proven and fresh.']
      : []),
    ...(has('trade')
      ? [
          'A trade is filled whole, at the index unless told, under a limit raised for it: that limit is what is judged. Limits that are open stay open.',
        ]
      : []),
    ...(has('shock') ? ['A price moves at once, and every market on it.'] : []),
    ...names.map(
      (name) =>
        `${name} is lost: its venues are silent for good, so their legs are charged all of their rate; what is locked there counts nothing as margin, and stays in equity; positions there are kept at the index.`,
    ),
  ]
}

type Shown = {
  answer: Answer
  block: SeenBlock
  collateral: readonly Collateral[]
  assumed: readonly string[]
  verdict: string
}

function show(screen: Screen, { answer: { before, after }, block, collateral, assumed, verdict }: Shown): void {
  screen.say(`Read at block ${block.number} of ${block.name}, ${moment(block.time)}.`)
  if (collateral.length > 0) screen.table(HEAD, collateral.map(rowOf))
  const both = (balance: bigint, required: bigint) => `${amount(balance)} / ${amount(required)}`
  const rows: [string, (margin: Margin) => string][] = [
    ['equity', ({ equity }) => amount(equity)],
    ['initial margin balance / required', (m) => both(m.initialMarginBalance, m.initialMargin)],
    ['maintenance margin balance / required', (m) => both(m.maintenanceMarginBalance, m.maintenanceMargin)],
    ['buffer', (m) => amount(m.maintenanceMarginBalance - m.maintenanceMargin)],
    ['health', healthOf],
  ]
  screen.table(
    ['USD', 'before', 'after'],
    rows.map(([name, tell]) => [name, tell(before), tell(after)]),
  )
  for (const line of assumed) screen.say(`Assumed: ${line}`)
  screen.say(verdict)
}

/** Maintenance margin balance over what is required; shown only, nothing is decided by it. */
function healthOf({ maintenanceMarginBalance, maintenanceMargin }: Margin): string {
  if (maintenanceMargin === 0n) return maintenanceMarginBalance < 0n ? 'below nothing required' : 'nothing required'
  return percent((maintenanceMarginBalance * WAD) / maintenanceMargin)
}
