/** `omnimargin withdraw`: collateral or cash of an account, as an asset on a chain; the system finds the way. */
import { ownerOf } from '@omnimargin/core/account'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import type { Plan, Step, Wait } from '@omnimargin/core/withdrawal'
import { ConfigError } from '@omnimargin/service/config'
import type { DeployedToken } from '@omnimargin/service/deployment'
import { withdraw as carryOut, type Outcome, type Progress, planNow } from '@omnimargin/service/withdrawal/run'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readKey } from './secret.ts'
import { amount, moment, stopwatch } from './terminal/amounts.ts'
import { awaited } from './terminal/progress.ts'
import { type Screen, screenOn } from './terminal/screen.ts'
import { type TransferOptions, transferOf, unitsOf } from './transfer.ts'

export type WithdrawOptions = TransferOptions & { readonly partial: boolean }

/** Some of it cannot be had now. */
const NOT_ALL = 2

/**
 * Returns the exit code: 0 if all of it was withdrawn, or would be; 2 if a part cannot be had now. Throws ConfigError for what
 * cannot be looked up, and ChainError where a chain cannot be read or refuses. Once something is sent it is no longer
 * ended anywhere, but between two steps.
 */
export async function withdraw(options: WithdrawOptions, untilStopped: () => AbortSignal): Promise<number> {
  const screen = screenOn(process.stdout)
  const wanted = transferOf(options, 'nothing is asked for')
  const { token } = wanted
  const key = keyOf(options, wanted.account)
  const plan = await awaited('Reading the chains', planNow(wanted))
  show(screen, plan, token, options.chain)
  if (!key) return plan.queued === 0n ? 0 : NOT_ALL
  const missing = plan.queued + plan.short
  if (missing > 0n && !options.partial) {
    const now = wanted.units - missing
    const part = now > 0n ? `: with --partial it takes the ${unitsOf(now, token)} that can be had now` : ''
    screen.say(`Nothing is done${part}.`)
    return NOT_ALL
  }
  const since = stopwatch()
  const outcome = await carryOut(
    { ...wanted, key, isPartial: options.partial },
    (progress) => screen.say(`${since().padStart(8)}  ${progressOf(progress, token, options.chain)}`),
    untilStopped(),
  )
  screen.say(resultOf(outcome, token, options.chain))
  return outcome.withdrawn === wanted.units ? 0 : NOT_ALL
}

/** None in a dry run: a plan is anybody's to see. */
function keyOf({ dryRun, keyFile }: WithdrawOptions, id: Hex): PrivateKeyAccount | undefined {
  if (dryRun) return undefined
  if (keyFile === undefined)
    throw new ConfigError('--key-file is missing: give the owner’s, or --dry-run to see the plan.')
  const key = readKey(keyFile)
  if (isSame(ownerOf(id), key.address)) return key
  throw new ConfigError(
    `--account ${id}: its owner is ${ownerOf(id)}, the key is of ${key.address}: give the owner’s key.`,
  )
}

function show(screen: Screen, plan: Plan, token: DeployedToken, chain: string): void {
  const units = (value: bigint) => unitsOf(value, token)
  const has = (name: string, value: bigint): string[][] => (value > 0n ? [[name, units(value), '']] : [])
  const before = [...has('free at the vault already', plan.free), ...has('released, on its way', plan.underWay)]
  const steps = plan.steps.map((step) => rowOf(step, token, chain))
  const rows = [...before, ...steps, ...has('not now', plan.queued)]
  screen.table(['step', `${token.symbol} on ${chain}`, ''], rows)
  if (plan.queued > 0n) screen.say(`Not now: ${units(plan.queued)}: ${waitOf(plan, units)}.`)
  if (plan.short > 0n) screen.say(`The vault’s pool is ${units(plan.short)} short: that part waits for grants there.`)
}

function rowOf(step: Step, token: DeployedToken, chain: string): string[] {
  const units = (value: bigint) => unitsOf(value, token)
  switch (step.kind) {
    case 'release':
      return ['release', units(step.units), `of line ${step.index}`]
    case 'pay_funding':
      return ['settle funding', '', 'so that the cash is known']
    case 'open_line':
      return ['open a line', step.units > 0n ? units(step.units) : '', `for ${token.symbol} on ${chain}`]
    case 'put_up':
      return ['put up a debtor', '', `${step.debtor}, whose debt is due`]
    case 'buy':
      return ['buy', units(step.units), `for ${amount(step.price)} USD of cash from ${step.seller}`]
  }
}

const WHY: Record<Exclude<Wait, 'margin'>, string> = {
  frozen: 'a guardian holds what is at that vault',
  prices_old: 'the clearing’s prices are too old: ask again once a publisher has poked them',
  records_old:
    'fills of a venue where a limit is open are not proven freshly: ask again once they are, or void the limit (voidLimits), which has the venue write them anew',
  close_price:
    'a venue where the account has a position is closed, and its price is not fixed yet: ask again once somebody has fixed it (priceClosed)',
  line_of_another: 'the account’s line of this asset has another holder, to whom bought units would go: withdraw there',
  too_many_lines: 'the account has its 16 lines, and none of this asset to buy into',
  no_cash: 'the account has no more of it, and no cash left to buy it with',
  round_trip_old: 'nothing young enough has come back from that chain: ask again once a root has',
  debt_not_due: 'who owes cash and has such units need not sell them yet',
  nobody_owes: 'nobody else who owes cash has such units: ask for the asset on another chain, or again later',
}

/** Why the rest cannot be had now, and what then helps: nothing on chain waits for it. */
export function waitOf({ wait, queued }: Pick<Plan, 'wait' | 'queued'>, units: (value: bigint) => string): string {
  if (!wait) return ''
  if (wait.why === 'margin') return `${marginOf(wait.own ?? 0n, queued, units)}: deposit, or close positions`
  return wait.until === undefined ? WHY[wait.why] : `${WHY[wait.why]}: ask again from ${moment(wait.until)} on`
}

function marginOf(own: bigint, queued: bigint, units: (value: bigint) => string): string {
  if (own === 0n) return 'the account has no more of it, and its margin does not let it buy any'
  const needed = own < queued ? `${units(own)} of it, and the account has no more` : 'it'
  return `the account’s own margin needs ${needed}`
}

function progressOf(progress: Progress, token: DeployedToken, chain: string): string {
  switch (progress.stage) {
    case 'done':
      return `${rowOf(progress.step, token, chain).filter(Boolean).join(' ')}: done`
    case 'refused':
      return `${progress.step.kind} was refused (${progress.why}): planning anew`
    case 'under_way':
      return `${unitsOf(progress.units, token)} released; waiting for the vault on ${chain} to learn of it`
    case 'honored':
      return `${unitsOf(progress.units, token)} honored by the vault`
    case 'withdrawn':
      return `${unitsOf(progress.units, token)} withdrawn on ${chain}`
  }
}

function resultOf({ withdrawn, plan }: Outcome, token: DeployedToken, chain: string): string {
  const got = `${unitsOf(withdrawn, token)} ${token.symbol} withdrawn on ${chain}`
  const units = (value: bigint) => unitsOf(value, token)
  if (plan.queued > 0n) return `${got}, not now ${units(plan.queued)}: ${waitOf(plan, units)}.`
  const rest = plan.underWay > 0n ? `, ${units(plan.underWay)} on the way: run the command again` : ''
  return `${got}${rest}.`
}
