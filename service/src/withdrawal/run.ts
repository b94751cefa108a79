/** A withdrawal, from the ledger to the holder's hands. All it knows it reads off the chains, before every step. */
import { Clearing, Vault } from '@omnimargin/chains/abi'
import { ChainError } from '@omnimargin/chains/errors'
import { ownerOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Plan, planWithdrawal, type Step } from '@omnimargin/core/withdrawal'
import { encodeFunctionData, type PublicClient } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { sendTried } from '../attempt.ts'
import { readerOf } from '../clients.ts'
import { chainOf, type DeployedToken, type Deployment } from '../deployment.ts'
import { type Destination, destinationTo } from '../destination.ts'
import { type Call, type Line, openLineCall } from '../line.ts'
import { pause } from '../role.ts'
import { readSituation, type Situation } from './read.ts'

/** The holder is the account's owner, on the token's chain too. */
export type Wanted = {
  readonly deployment: Deployment
  readonly account: Hex
  readonly token: DeployedToken
  readonly units: bigint
}
export type Withdrawal = Wanted & {
  /** The owner's. */
  readonly key: PrivateKeyAccount
  /** Whether a part will do; else no step is taken while a plan leaves any of it out. */
  readonly isPartial: boolean
}

export type Progress =
  | { readonly stage: 'done'; readonly step: Step; readonly hash: Hex }
  | { readonly stage: 'refused'; readonly step: Step; readonly why: string }
  | { readonly stage: 'under_way'; readonly units: bigint }
  | { readonly stage: 'honored'; readonly units: bigint }
  | { readonly stage: 'withdrawn'; readonly units: bigint; readonly hash: Hex }

export type Outcome = { readonly withdrawn: bigint; readonly plan: Plan }

/** The clearing or the vault refused what had been planned from what they said a moment ago. */
export class StepRefused extends ChainError {
  constructor(what: string, why: string) {
    super(`${what} was refused: ${why}. Ask again: it is planned anew from what the chains then say.`, true)
  }
}

const GAS_LIMIT = 5_000_000n
const POLL_MS = 200
/** How often a step may be refused in a row, because the world moved between reading and sending. */
const MAX_REFUSALS = 5

type Readers = { readonly home: PublicClient; readonly there: PublicClient }
type Ends = { readonly home: Destination; readonly there: Destination }

/** What would be done now; no key is needed to know. */
export async function planNow(wanted: Wanted): Promise<Plan> {
  const readerOn = (chainId: number) => readerOf(chainOf(wanted.deployment, chainId))
  const readers = { home: readerOn(wanted.deployment.clearing.chainId), there: readerOn(wanted.token.chainId) }
  const { ledger, wish, around } = await situationOf(wanted, readers)
  return planWithdrawal(ledger, wish, around)
}

/**
 * Does the plan's first step and plans again, until nothing is left to do but to wait for the vault, then withdraws what
 * is free, and no more than was asked for. Started again after a crash it goes on from there: what was released and what
 * is free goes first. Throws StepRefused, or ChainError where a chain cannot be read; ends early with the signal.
 */
export async function withdraw(
  withdrawal: Withdrawal,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const ends = endsOf(withdrawal)
  const readers = { home: ends.home.reader, there: ends.there.reader }
  let refusals = 0
  let awaited = 0n
  for (;;) {
    const { ledger, wish, around } = await situationOf(withdrawal, readers)
    const plan = planWithdrawal(ledger, wish, around)
    if (signal.aborted || (plan.queued > 0n && !withdrawal.isPartial)) return { withdrawn: 0n, plan }
    const [step] = plan.steps
    if (step) {
      const done = await carryOut(withdrawal, ends.home, step)
      report(done)
      refusals = done.stage === 'refused' ? refusals + 1 : 0
      if (done.stage === 'refused' && refusals >= MAX_REFUSALS) throw new StepRefused(step.kind, done.why)
      if (done.stage === 'refused') await pause(POLL_MS, signal)
    } else if (plan.underWay > plan.short) {
      if (awaited !== plan.underWay) report({ stage: 'under_way', units: plan.underWay })
      awaited = plan.underWay
      await pause(POLL_MS, signal)
    } else {
      if (awaited > 0n) report({ stage: 'honored', units: awaited - plan.underWay })
      if (plan.free === 0n) return { withdrawn: 0n, plan }
      const hash = await payOut(withdrawal, ends.there, plan.free)
      report({ stage: 'withdrawn', units: plan.free, hash })
      return { withdrawn: plan.free, plan }
    }
  }
}

function endsOf({ deployment, key, token }: Withdrawal): Ends {
  const endOf = (chainId: number) => destinationTo(chainOf(deployment, chainId), key)
  return { home: endOf(deployment.clearing.chainId), there: endOf(token.chainId) }
}

function situationOf({ deployment, account, token, units }: Wanted, readers: Readers): Promise<Situation> {
  return readSituation(deployment, readers, { account, holder: ownerOf(account), token, units })
}

async function carryOut(
  { deployment, account, key, token }: Withdrawal,
  end: Destination,
  step: Step,
): Promise<Progress> {
  const call = {
    ...callOf(deployment, step, { account, holder: key.address, token }),
    from: key.address,
    gas: GAS_LIMIT,
  }
  const sent = await sendTried(end, call, Clearing.abi)
  if ('why' in sent) return { stage: 'refused', step, why: sent.why }
  return { stage: 'done', step, hash: sent.receipt.transactionHash }
}

async function payOut({ key, token: { vault, address } }: Withdrawal, end: Destination, units: bigint): Promise<Hex> {
  const args = [address, units, key.address] as const
  const data = encodeFunctionData({ abi: Vault.abi, functionName: 'withdraw', args })
  const sent = await sendTried(end, { from: key.address, to: vault, data, gas: GAS_LIMIT }, Vault.abi)
  if ('why' in sent) throw new StepRefused('The withdrawal', sent.why)
  return sent.receipt.transactionHash
}

function callOf(deployment: Deployment, step: Step, line: Line): Call {
  const { account } = line
  const { abi } = Clearing
  const atClearing = (data: Hex) => ({ to: deployment.clearing.address, data })
  switch (step.kind) {
    case 'release': {
      const args = [account, BigInt(step.index), step.units] as const
      return atClearing(encodeFunctionData({ abi, functionName: 'release', args }))
    }
    case 'pay_funding':
      return atClearing(encodeFunctionData({ abi, functionName: 'payFunding', args: [account] }))
    case 'open_line':
      return openLineCall(deployment, line)
    case 'put_up':
      return atClearing(encodeFunctionData({ abi, functionName: 'putUp', args: [step.debtor] }))
    case 'buy': {
      const args = [step.seller, BigInt(step.index), step.units, account] as const
      return atClearing(encodeFunctionData({ abi, functionName: 'buyUnits', args }))
    }
  }
}
