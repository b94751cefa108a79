/** What becomes of a deposit that is locked, until the clearing has counted what there is room for. */
import { Clearing } from '@omnimargin/chains/abi'
import { ChainError } from '@omnimargin/chains/errors'
import { type Standing, standingOf } from '@omnimargin/core/deposit'
import type { PublicClient } from 'viem'
import { readerOf } from '../clients.ts'
import { chainOf, type DeployedChain, type Deployment } from '../deployment.ts'
import { grantKey, type Line } from '../line.ts'
import { listingOf, readKnown } from '../reconcile/home.ts'
import { asked, placeAt } from '../reconcile/place.ts'
import { pause } from '../role.ts'
import { grantedAt } from './read.ts'
import type { Locked, Wanted } from './run.ts'

/** On its way: a checkpoint with it is final on the vault's chain; then the clearing has learned of it. */
export type Stage = 'finalized' | 'learned'

/** It is locked, and has not come further for so long that somebody must be asleep. */
export class DepositLate extends ChainError {
  constructor({ name }: DeployedChain, isFinal: boolean, lateMs: number) {
    const what = isFinal
      ? 'the clearing has not learned of it: see that attestors and a relayer run'
      : `it has not become final on ${name}: see that the chain goes on`
    super(`For ${lateMs / 1_000} s now ${what}.`, true)
  }
}

const POLL_MS = 500
/** About twice what the slowest of known chains takes to be final. */
const LATE_MS = 1_800_000
/** How often in a row a chain may fail to answer. */
const MAX_FAILURES = 5

/**
 * Waits until the clearing has learned of it; returns how much counts then, or nothing once the signal comes. Throws
 * DepositLate, or ChainError where a chain fails to answer again and again.
 */
export async function follow(
  wanted: Wanted,
  locked: Locked,
  report: (stage: Stage) => void,
  signal: AbortSignal,
  lateMs = LATE_MS,
): Promise<Standing | undefined> {
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  // At once, though a chain may be taking its time to answer.
  return Promise.race([awaitCounted(wanted, locked, report, signal, lateMs), stopped])
}

async function awaitCounted(
  { deployment, line, units }: Wanted,
  { blockNumber }: Locked,
  report: (stage: Stage) => void,
  signal: AbortSignal,
  lateMs: number,
): Promise<Standing | undefined> {
  const chain = chainOf(deployment, line.token.chainId)
  const home = readerOf(chainOf(deployment, deployment.clearing.chainId))
  const there = readerOf(chain)
  const granted = await patiently(async () => {
    return grantedAt(deployment, await placeAt(chain, there, blockNumber), line)
  }, signal)
  let [since, isFinal] = [performance.now(), false]
  while (granted !== undefined && !signal.aborted) {
    const learned = await patiently(() => learnedNow(deployment, home, line), signal)
    if (learned !== undefined && learned >= granted) {
      report('learned')
      return patiently(() => standingNow(deployment, home, line, units), signal)
    }
    if (!isFinal && (await patiently(() => isFinalNow(chain, there, blockNumber), signal))) {
      report('finalized')
      since = performance.now()
      isFinal = true
    }
    if (performance.now() - since > lateMs) throw new DepositLate(chain, isFinal, lateMs)
    await pause(POLL_MS, signal)
  }
  return undefined
}

/** A chain may fail to answer a few times; nothing is returned once the signal comes. */
async function patiently<Found>(ask: () => Promise<Found>, signal: AbortSignal): Promise<Found | undefined> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await ask()
    } catch (failure) {
      if (!(failure instanceof ChainError && failure.retry) || failures >= MAX_FAILURES) throw failure
      await pause(POLL_MS * 2 ** failures, signal)
    }
  }
  return undefined
}

/** What the clearing knows that the holder granted to the account. */
async function learnedNow(deployment: Deployment, reader: PublicClient, line: Line): Promise<bigint> {
  const { chainId, address } = deployment.clearing
  const args = [grantKey(deployment, line)] as const
  const [[granted]] = await asked(chainOf(deployment, chainId), () =>
    reader.readContract({ address, abi: Clearing.abi, functionName: 'learnedOf', args }),
  )
  return granted
}

/** Attestors look at checkpoints only: the first that has the block must be final. */
async function isFinalNow(chain: DeployedChain, reader: PublicClient, blockNumber: bigint): Promise<boolean> {
  const interval = BigInt(chain.checkpointInterval)
  const checkpoint = ((blockNumber + interval - 1n) / interval) * interval
  const { number } = await asked(chain, () => reader.getBlock({ blockTag: 'finalized' }))
  return number >= checkpoint
}

async function standingNow(
  deployment: Deployment,
  reader: PublicClient,
  { account, holder, token }: Line,
  units: bigint,
): Promise<Standing> {
  const home = await placeAt(chainOf(deployment, deployment.clearing.chainId), reader, 'latest')
  const { ledger } = await readKnown(deployment, home)
  return standingOf(ledger, { account, holder, listing: listingOf(ledger, token), units }, home.block.timestamp)
}
