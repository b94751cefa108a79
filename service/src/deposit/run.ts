/** A deposit, from what the chains say of it to where it is locked; how it comes to count is told by follow.ts. */
import { Clearing, Token, Vault } from '@omnimargin/chains/abi'
import { ChainError, RpcFailed } from '@omnimargin/chains/errors'
import { type Plan, planDeposit, type Refusal, type Step } from '@omnimargin/core/deposit'
import type { PrivateKeyAccount } from 'viem/accounts'
import { sendTried } from '../attempt.ts'
import { chainOf, type DeployedChain, type Deployment } from '../deployment.ts'
import { type Destination, destinationTo } from '../destination.ts'
import { type Call, type Line, openLineCall } from '../line.ts'
import { approveCall, depositCall } from './calls.ts'
import { GAS_LIMIT, type Lack, lackOf } from './gas.ts'
import { readSituation, type Situation } from './read.ts'

/** The line's holder pays; only where there is no line yet need that be the account's owner. */
export type Wanted = { readonly deployment: Deployment; readonly line: Line; readonly units: bigint }

/** What would be done, or what is missing for it. */
export type Answer = { readonly situation: Situation } & (
  | { readonly plan: Plan }
  | { readonly refusal: Refusal }
  | { readonly lack: Lack }
)
type Planned = Extract<Answer, { plan: Plan }>

/** The block of the vault's chain that the deposit is in. */
export type Locked = { readonly blockNumber: bigint }

/** The clearing, the token or the vault refused what was planned. */
export class StepRefused extends ChainError {
  constructor({ kind }: Step, why: string) {
    super(`${NAMES[kind]} was refused: ${why}. Nothing was deposited: put that right, then ask again.`, true)
  }
}

/** The deposit was sent, and nobody says what became of it. Asking again might deposit twice. */
export class OutcomeUnknown extends ChainError {
  constructor({ name }: DeployedChain, cause: RpcFailed) {
    const remedy = `Look at what the wallet sent last on ${name} before you deposit again.`
    super(`The deposit may have been made. ${cause.message} ${remedy}`, false, cause)
  }
}

const NAMES: Record<Step['kind'], string> = {
  open_line: 'To open a line',
  approve: 'The approval',
  deposit: 'The deposit',
}
const REFUSED_WITH = [...Clearing.abi, ...Token.abi, ...Vault.abi]

/** Nothing is sent, and no key is needed. Throws ChainError where a chain cannot be read. */
export async function planNow({ deployment, line, units }: Wanted): Promise<Answer> {
  const situation = await readSituation(deployment, line, units)
  const { ledger, wish, around, purses } = situation
  const plan = planDeposit(ledger, wish, around)
  if (typeof plan === 'string') return { situation, refusal: plan }
  const lack = lackOf(plan.steps, purses, around.allowance === 'coin')
  return lack ? { situation, lack } : { situation, plan }
}

/**
 * Takes the plan's steps, each once, after a rehearsal; returns nothing if the signal came before the deposit was sent.
 * Throws StepRefused, OutcomeUnknown, or RpcFailed before anything is deposited.
 */
export async function lock(
  { deployment, line }: Wanted,
  { plan, situation }: Planned,
  key: PrivateKeyAccount,
  report: (step: Step) => void,
  signal: AbortSignal,
): Promise<Locked | undefined> {
  const isCoin = situation.around.allowance === 'coin'
  const home = destinationTo(chainOf(deployment, deployment.clearing.chainId), key)
  const there = destinationTo(chainOf(deployment, line.token.chainId), key)
  for (const step of plan.steps) {
    if (signal.aborted) return undefined
    const call = { ...callOf(deployment, line, step, isCoin), from: key.address, gas: GAS_LIMIT }
    const blockNumber = await take(step, step.kind === 'open_line' ? home : there, call)
    report(step)
    if (step.kind === 'deposit') return { blockNumber }
  }
  return undefined
}

/** The block that it is in. */
async function take(step: Step, end: Destination, call: Parameters<typeof sendTried>[1]): Promise<bigint> {
  let isSent = false
  const sending = () => {
    isSent = true
  }
  try {
    const done = await sendTried(end, call, REFUSED_WITH, sending)
    if ('why' in done) throw new StepRefused(step, done.why)
    return done.receipt.blockNumber
  } catch (failure) {
    if (step.kind === 'deposit' && isSent && failure instanceof RpcFailed) throw new OutcomeUnknown(end.chain, failure)
    throw failure
  }
}

function callOf(deployment: Deployment, line: Line, step: Step, isCoin: boolean): Call {
  switch (step.kind) {
    case 'open_line':
      return openLineCall(deployment, line)
    case 'approve':
      return approveCall(line.token, step.units)
    case 'deposit':
      return depositCall(deployment, line, step.units, isCoin)
  }
}
