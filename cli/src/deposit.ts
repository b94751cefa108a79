/** `omnimargin deposit`: collateral out of a wallet, locked on its chain and counted at the clearing. */
import { ChainError } from '@omnimargin/chains/errors'
import { ownerOf } from '@omnimargin/core/account'
import type { Plan, Refusal, Standing, Step } from '@omnimargin/core/deposit'
import { ConfigError } from '@omnimargin/service/config'
import { chainOf } from '@omnimargin/service/deployment'
import { follow, type Stage } from '@omnimargin/service/deposit/follow'
import type { Lack } from '@omnimargin/service/deposit/gas'
import { type Answer, lock, OutcomeUnknown, planNow, type Wanted } from '@omnimargin/service/deposit/run'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readKey } from './secret.ts'
import { amount, moment, stopwatch } from './terminal/amounts.ts'
import { awaited, complain } from './terminal/progress.ts'
import { type Screen, screenOn } from './terminal/screen.ts'
import { type TransferOptions, transferOf, unitsOf } from './transfer.ts'

/** It was sent, or would be, and not all of it is known to count. */
const NOT_ALL = 2
const NOTHING = 1

/** What is missing for it, by its code; nothing was sent. */
export class DepositRefused extends ConfigError {
  readonly code: Refusal | 'no_gas'

  constructor(code: Refusal | 'no_gas', message: string) {
    super(message)
    this.name = 'DepositRefused'
    this.code = code
  }
}

/** Somebody's deposit, with the names that it was typed with. */
type Typed = Wanted & { readonly asset: string; readonly chain: string; readonly home: string }

/**
 * Returns the exit code: 0 if all of it counts, or would; 2 if it was sent, or may have been, and not all of it is known to
 * count, or not all of it would; 1 if the signal came before it was sent. Throws ConfigError for what cannot be looked up or is missing, and ChainError
 * where a chain cannot be read or refuses: then nothing was deposited. Once it is sent the signal ends only the waiting.
 */
export async function deposit(options: TransferOptions, untilStopped: () => AbortSignal): Promise<number> {
  const screen = screenOn(process.stdout)
  const key = keyOf(options)
  const typed = typedOf(options, key)
  const answer = await awaited('Reading the chains', planNow(typed))
  if (!('plan' in answer)) throw refusalOf(typed, answer)
  show(screen, typed, answer.plan)
  if (options.dryRun || !key) return answer.plan.waits === 0n ? 0 : NOT_ALL
  const since = stopwatch()
  const tell = (text: string) => screen.say(`${since().padStart(8)}  ${text}`)
  try {
    return await carryOut(screen, typed, answer, key, tell, untilStopped())
  } catch (failure) {
    if (!(failure instanceof OutcomeUnknown)) throw failure
    complain(failure.message)
    return NOT_ALL
  }
}

async function carryOut(
  screen: Screen,
  typed: Typed,
  planned: Extract<Answer, { plan: Plan }>,
  key: PrivateKeyAccount,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const locked = await lock(typed, planned, key, (step) => tell(doneOf(step, typed)), signal)
  if (!locked) {
    screen.say('Stopped before the deposit was sent: nothing was deposited.')
    return NOTHING
  }
  try {
    const standing = await follow(typed, locked, (stage) => tell(stageOf(stage, typed)), signal)
    screen.say(standing ? resultOf(standing, typed) : `Not waited for any longer. ${LATER}`)
    return standing?.waits === 0n ? 0 : NOT_ALL
  } catch (failure) {
    if (!(failure instanceof ChainError)) throw failure
    complain(`${failure.message} ${LATER}`)
    return NOT_ALL
  }
}

const LATER = 'The deposit is locked, and counts once the clearing has learned of it: do not deposit again for that.'

/** A plan is anybody's to see. */
function keyOf({ dryRun, keyFile }: TransferOptions): PrivateKeyAccount | undefined {
  if (keyFile !== undefined) return readKey(keyFile)
  if (dryRun) return undefined
  throw new ConfigError('--key-file is missing: give that of the wallet that pays, or --dry-run to see the plan.')
}

/** Without a key the wallet is the owner's. */
function typedOf(options: TransferOptions, key: PrivateKeyAccount | undefined): Typed {
  const { deployment, account, token, units } = transferOf(options, 'nothing would be locked')
  const { asset, chain } = options
  const holder = key?.address ?? ownerOf(account)
  const home = chainOf(deployment, deployment.clearing.chainId).name
  return { deployment, line: { account, holder, token }, units, asset, chain, home }
}

function refusalOf(typed: Typed, answer: { refusal: Refusal; situation: Answer['situation'] } | { lack: Lack }) {
  if ('lack' in answer) {
    const { chain, coin, needed } = answer.lack
    const what = `${typed.line.holder} has ${coinOf(coin)} of the coin of ${chain.name}, and up to ${coinOf(needed)} may be needed`
    return new DepositRefused('no_gas', `${what}: send it coin there. Nothing was sent.`)
  }
  const { around } = answer.situation
  return new DepositRefused(answer.refusal, `${whyOf(typed, around)[answer.refusal]}. Nothing was sent.`)
}

function whyOf(
  { line: { account, holder, token }, units, asset, chain }: Typed,
  { balance, allowance }: Answer['situation']['around'],
): Record<Refusal, string> {
  const wallet =
    allowance === 'coin' ? `of ${chain}’s own coin, which becomes ${asset} in the vault` : `${asset} on ${chain}`
  return {
    not_listed: `${asset} on ${chain} is not listed by the clearing: take another asset or chain`,
    no_parameters: `The clearing has no parameters for ${asset} on ${chain}: governance sets them`,
    vault_over: `The vault on ${chain} contradicted itself, nothing of it is learned any more: take another chain`,
    amount_too_large: `--amount ${unitsOf(units, token)}: it is larger than the clearing can hold: give less`,
    too_little: `${holder} has ${unitsOf(balance, token)} ${wallet}: give no more, or fill the wallet`,
    not_the_owner: `--account ${account}: it has no line of ${asset} on ${chain} for ${holder}, and only its owner ${ownerOf(account)} can open one: give the owner’s key`,
    too_many_lines: `--account ${account}: it has its 16 lines, and none of ${asset} on ${chain}: deposit into one of those`,
  }
}

function show(screen: Screen, typed: Typed, { steps, counts, waits, wait }: Plan): void {
  const { asset, chain, home, line } = typed
  const has = (name: string, value: bigint): string[][] => (value > 0n ? [[name, unitsOf(value, line.token), '']] : [])
  const rows = [...steps.map((step) => rowOf(step, typed)), ...has('counts', counts), ...has('waits', waits)]
  screen.table(['step', `${asset} on ${chain}`, ''], rows)
  const when =
    chain === home ? 'as it is locked' : `once ${chain} is final and the clearing on ${home} has learned of it`
  if (counts > 0n) screen.say(`${wait ? unitsOf(counts, line.token) : 'All of it'} counts ${when}.`)
  if (wait) screen.say(`${unitsOf(waits, line.token)} waits: ${waitOf(wait)}.`)
}

function rowOf(step: Step, { chain, home, line: { token } }: Typed): string[] {
  switch (step.kind) {
    case 'open_line':
      return ['open a line', '', `at the clearing on ${home}`]
    case 'approve':
      return [
        'approve',
        unitsOf(step.units, token),
        step.units > 0n ? 'for the vault to take' : 'as less was approved before',
      ]
    case 'deposit':
      return ['deposit', unitsOf(step.units, token), `into the vault on ${chain}`]
  }
}

/** What is awaited before more of it counts. */
export function waitOf({ why, until }: NonNullable<Standing['wait']>): string {
  const again = until === undefined ? '' : `, until ${moment(until)} at the earliest`
  return `${WHY[why]}${again}`
}

const WHY: Record<NonNullable<Standing['wait']>['why'], string> = {
  frozen: 'a guardian has frozen the vault, from where nothing new counts',
  vault: 'the vault is late or its breaker tripped, and nothing new of it counts until it has been healthy for a while',
  listing_cap: 'the listing is at its cap, which governance sets: it counts once others have withdrawn',
  account_cap: 'the account is at its cap for this asset: lock another one, or the same on another chain',
  vault_cap: 'the vault is at its cap, which governance sets: it counts once others have withdrawn',
  asset_cap: 'the asset is at its cap over all chains, which governance sets: it counts once others have withdrawn',
  inflow: 'what is new counts at the rate at which the listing’s burst fills up again, and a keeper has it counted',
  room: 'there is room for it by now: a keeper has it counted, or anyone (Clearing.count)',
}

function doneOf(step: Step, { chain, home, line: { token } }: Typed): string {
  switch (step.kind) {
    case 'open_line':
      return `line opened on ${home}`
    case 'approve':
      return `${unitsOf(step.units, token)} approved on ${chain}`
    case 'deposit':
      return `${unitsOf(step.units, token)} locked on ${chain}`
  }
}

function stageOf(stage: Stage, { chain, home }: Typed): string {
  return stage === 'finalized' ? `final on ${chain}` : `learned by the clearing on ${home}`
}

function resultOf({ counts, waits, wait }: Standing, { asset, chain, units, line: { token } }: Typed): string {
  const done = `${unitsOf(units, token)} ${asset} locked on ${chain}`
  if (!wait) return `${done}, all of it counts.`
  return `${done}, ${unitsOf(counts, token)} counts, ${unitsOf(waits, token)} waits: ${waitOf(wait)}.`
}

function coinOf(value: bigint): string {
  return amount(value, 18, 6)
}
