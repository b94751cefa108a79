/** The sentinel's process: adds up both sides of every route, and freezes a peer that does not add up. It can stop, never move. */
import { Clearing, Policy } from '@omnimargin/chains/abi'
import { RpcFailed } from '@omnimargin/chains/errors'
import { type Address, encodeFunctionData } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { attempt } from '../attempt.ts'
import { readerOf } from '../clients.ts'
import { ConfigError } from '../config.ts'
import type { Deployment } from '../deployment.ts'
import { type Destination, destinationsOf, homeOf } from '../destination.ts'
import { BlockUnusable, type Memory } from '../reconcile/place.ts'
import { readSides } from '../reconcile/read.ts'
import type { PeerPlace } from '../reconcile/sides.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { type SentinelState, step } from './step.ts'

export type SentinelConfig = {
  readonly deployment: Deployment
  /** A guardian's key. */
  readonly account: PrivateKeyAccount
  readonly pollMs: number
}

export const GAS_LIMIT = 500_000n
/** The clearing's errors come through the policy. */
const ABI = [...Policy.abi, ...Clearing.abi]

/**
 * Runs until the signal. Keeps nothing on disk: what does not add up still does not after a restart. Of blocks that are
 * final nothing is read twice, until something is suspected, or fails: then all is read from the first block again.
 */
export async function runSentinel(
  { deployment, account, pollMs }: SentinelConfig,
  context: RoleContext,
): Promise<void> {
  const { signal, log } = context
  const note = logOf('sentinel', log)
  const { clearing, chains } = deployment
  const home = homeOf(deployment, destinationsOf(deployment, account))
  const { policy } = clearing
  if (!policy) throw new ConfigError('A sentinel needs "policy" in the deployment\'s "clearing": add it.')
  const readers = new Map(chains.map((chain) => [chain.chainId, readerOf(chain)]))
  const nothing = () => new Map(chains.map(({ chainId }) => [chainId, { writes: new Map(), events: new Map() }]))
  let memory: ReadonlyMap<number, Memory> = nothing()
  let state: SentinelState | undefined
  const work = async () => {
    state ??= { suspected: new Map(), frozenUntil: new Map(), freezeSeconds: await freezeSecondsOf(home, policy) }
    const sides = await readSides(deployment, readers, () => 'finalized', memory)
    const now = sides.blocks.find(({ chainId }) => chainId === clearing.chainId)?.time ?? 0n
    const next = step(state, { type: 'read', sides, now })
    state = next.state
    if (state.suspected.size > 0 || next.effects.some(({ type }) => type === 'alarm')) memory = nothing()
    for (const effect of next.effects) {
      if (effect.type === 'alarm') {
        note('alarm', { what: effect.what })
        continue
      }
      if (effect.type === 'trip') {
        const why = await trip(home, clearing.address, account.address, effect.listing)
        note(why === undefined ? 'tripped' : 'not_tripped', { listing: effect.listing, why })
        continue
      }
      const { peer, what } = effect
      const why = await freeze(home, policy, account.address, peer)
      note(why === undefined ? 'frozen' : 'not_frozen', { ...peer, what, why })
      if (why === undefined) state = step(state, { type: 'frozen', peer, now }).state
    }
    note('added_up', { suspected: state.suspected.size })
  }
  // A young chain has no final block that holds everything yet.
  const report = (failure: unknown) => {
    memory = nothing()
    note(failure instanceof BlockUnusable ? 'not_yet' : 'failed', { why: `${failure}` })
  }
  await repeat(work, pollMs, { signal, report })
}

/** How long a freeze holds, and for how long after it the same peer cannot be frozen again. Throws RpcFailed. */
async function freezeSecondsOf({ reader, chain }: Destination, policy: Address): Promise<bigint> {
  const read = { address: policy, abi: Policy.abi } as const
  try {
    const [freezeFor, coolDown] = await Promise.all([
      reader.readContract({ ...read, functionName: 'freezeFor' }),
      reader.readContract({ ...read, functionName: 'coolDown' }),
    ])
    return BigInt(freezeFor) + BigInt(coolDown)
  } catch (cause) {
    throw new RpcFailed(`the policy ${policy} on chain ${chain.name}`, cause)
  }
}

/** Nothing once it is frozen, or why not. Another guardian may have been faster. */
function freeze(home: Destination, policy: Address, from: Address, { chainId, address }: PeerPlace) {
  const data = encodeFunctionData({ abi: Policy.abi, functionName: 'freeze', args: [BigInt(chainId), address] })
  return attempt(home, { from, to: policy, data, gas: GAS_LIMIT }, ABI)
}

function trip(home: Destination, clearing: Address, from: Address, listing: number) {
  const data = encodeFunctionData({ abi: Clearing.abi, functionName: 'tripDispersed', args: [BigInt(listing)] })
  return attempt(home, { from, to: clearing, data, gas: GAS_LIMIT }, ABI)
}
