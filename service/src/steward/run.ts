/** The steward's process: measures, posts haircuts through the policy's bounds, and cuts caps. Trusted for nothing beyond them. */
import { Clearing, Policy } from '@omnimargin/chains/abi'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { packParameters } from '@omnimargin/core/parameters'
import { type Ratio, WAD } from '@omnimargin/core/wad'
import { type Address, encodeFunctionData } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { attempt } from '../attempt.ts'
import { ConfigError } from '../config.ts'
import type { Deployment } from '../deployment.ts'
import { type Destination, destinationsOf, homeOf } from '../destination.ts'
import { follow } from '../follow.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import type { Known } from './known.ts'
import { measurerOf, type Unmeasured } from './measure.ts'
import { type PolicyTerms, type StewardEffect, type StewardState, step, type Target } from './step.ts'
import { timed } from './timed.ts'

export type StewardConfig = {
  readonly deployment: Deployment
  /** A steward's key, by the policy. */
  readonly account: PrivateKeyAccount
  readonly known: Known
  readonly pollMs: number
  readonly grain: Ratio
  readonly maxShare: Ratio
}

/** What is posted in one transaction, and waited for, before anything else is measured. */
export const GAS_LIMIT = 8_000_000n

/** Runs until the signal. Keeps nothing on disk: the events say all again, and the slow haircut stands where it was posted. */
export async function runSteward(config: StewardConfig, { signal, log }: RoleContext): Promise<void> {
  const { deployment, account, known, pollMs, grain, maxShare } = config
  const note = logOf('steward', log)
  const { address, policy } = deployment.clearing
  const home = homeOf(deployment, destinationsOf(deployment, account))
  if (!policy) throw new ConfigError('A steward needs "policy" in the deployment\'s "clearing": add it.')
  const followed = follow(home, { address, abi: Clearing.abi }, (from) => note('reorganized', { from }))
  const blank: StewardState = { ledger: EMPTY_LEDGER, grain, maxShare, reach: WAD, refusedAt: 0n, seen: new Map() }
  let [state, measurer] = [blank, measurerOf(known)]
  let unmeasured = new Map<number, Unmeasured['why']>()

  const work = async () => {
    const batch = await followed.next()
    if (batch === undefined) return
    if (batch === 'reorganized') {
      state = { ...blank, seen: state.seen }
      measurer = measurerOf(known)
      return
    }
    const { events, now } = batch
    measurer.observe(await timed(home.reader, events), Number(now))
    state = step(state, { type: 'block', events: events as LedgerEvent[] }).state
    followed.accept(batch)
    const terms = await policyOf(home, policy)
    const targets = new Map<number, Target>()
    const lastKnown = new Map<number, bigint>()
    const blind = new Map<number, Unmeasured['why']>()
    for (const listing of state.ledger.listings.keys()) {
      const found = measurer.measure(state.ledger, listing, now, terms.interval)
      if (!('why' in found)) targets.set(listing, { ...found.haircut, cap: found.cap })
      else {
        blind.set(listing, found.why)
        if (found.lastKnown !== undefined) lastKnown.set(listing, found.lastKnown)
      }
    }
    const next = step(state, { type: 'measured', targets, lastKnown, policy: terms, now })
    state = next.state
    for (const [listing, why] of blind) {
      if (unmeasured.get(listing) !== why) note('not_measured', { listing, why, since: state.seen.get(listing) })
    }
    for (const listing of unmeasured.keys()) if (!blind.has(listing)) note('measured_again', { listing })
    unmeasured = blind
    for (const effect of next.effects) {
      const why = await act(home, policy, account, effect)
      note(nameOf(effect, why), { ...detailsOf(effect), why, reach: state.reach })
      if (effect.type === 'post')
        state = step(state, why === undefined ? { type: 'posted' } : { type: 'failed', now }).state
    }
  }
  await repeat(work, pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}

/** At the newest block unless told. */
export async function policyOf(
  { reader }: Pick<Destination, 'reader'>,
  address: Address,
  at: { readonly blockNumber?: bigint } = {},
): Promise<PolicyTerms> {
  const read = { address, abi: Policy.abi, ...at } as const
  const [bounds, interval, postedAt] = await Promise.all([
    reader.readContract({ ...read, functionName: 'bounds' }),
    reader.readContract({ ...read, functionName: 'interval' }),
    reader.readContract({ ...read, functionName: 'postedAt' }),
  ])
  return { bounds, interval: BigInt(interval), postedAt }
}

/** Nothing once it is done, or why not. */
async function act(
  home: Destination,
  to: Address,
  { address: from }: PrivateKeyAccount,
  effect: StewardEffect,
): Promise<string | undefined> {
  if (effect.type === 'hold') return effect.verdict.code
  const args = [packParameters(effect.parameters)] as const
  const data = encodeFunctionData({ abi: Policy.abi, functionName: 'post', args })
  return attempt(home, { from, to, data, gas: GAS_LIMIT }, [...Policy.abi, ...Clearing.abi])
}

function nameOf(effect: StewardEffect, why: string | undefined): string {
  if (effect.type === 'hold') return 'held'
  return why === undefined ? effect.why : 'not_posted'
}

function detailsOf(effect: StewardEffect): Record<string, unknown> {
  const moves = effect.moves.filter(({ initial, maintenance, cap }) =>
    [initial, maintenance, cap].some(({ from, to }) => from !== to),
  )
  return { moves, ...(effect.type === 'hold' ? { verdict: effect.verdict } : {}) }
}
