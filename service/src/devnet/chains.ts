/** Three real local chains that differ as real ones do: in block time, and in how far behind finality is. */
import { type Anvil, startAnvil } from '@omnimargin/chains/anvil'
import { type Account, type Address, type PublicClient, toHex } from 'viem'
import { readerOf, type Wallet, walletOf } from '../clients.ts'
import type { DeployedChain } from '../deployment.ts'
import { pause } from '../role.ts'

export type ChainPlan = {
  readonly name: string
  readonly chainId: number
  readonly blockMs: number
  readonly checkpointInterval: number
  /** The finalized block is twice this many blocks behind the newest. */
  readonly slotsInAnEpoch: number
}

/** One like Ethereum, two like rollups; the last is where trading happens. */
export const PLANS = [
  { name: 'slow', chainId: 31001, blockMs: 2_000, checkpointInterval: 1, slotsInAnEpoch: 2 },
  { name: 'fast', chainId: 31002, blockMs: 500, checkpointInterval: 2, slotsInAnEpoch: 2 },
  { name: 'trading', chainId: 31003, blockMs: 500, checkpointInterval: 2, slotsInAnEpoch: 2 },
] as const satisfies readonly ChainPlan[]

/** What somebody who trades needs of a local chain, whichever process runs it. */
export type ReachedChain = {
  readonly plan: Pick<ChainPlan, 'name' | 'chainId'>
  readonly reader: PublicClient
  readonly walletOf: (account: Account) => Wallet
  readonly fund: (...addresses: Address[]) => Promise<void>
}

export type LocalChain = ReachedChain & {
  readonly plan: ChainPlan
  readonly url: string
  /** From a block a transaction to a block an interval. */
  readonly startMining: (signal: AbortSignal) => Promise<void>
  /** Whether it makes no blocks: a chain that has halted, whose nodes still answer. */
  readonly halt: (isHalted: boolean) => void
  readonly stop: () => Promise<void>
}

const FUNDS = 10n ** 24n

export async function startChain(plan: ChainPlan): Promise<LocalChain> {
  const anvil: Anvil = await startAnvil(plan)
  const reached = reachChain({ ...plan, rpc: [anvil.url] })
  const ask = (method: string, params: unknown[] = []) => reached.reader.request({ method, params } as never)
  let isHalted = false
  return {
    ...reached,
    plan,
    url: anvil.url,
    startMining: async (signal) => {
      await ask('evm_setAutomine', [false])
      void mine(async (method) => (isHalted ? undefined : ask(method)), plan.blockMs, signal)
    },
    halt: (halted) => {
      isHalted = halted
    },
    stop: anvil.stop,
  }
}

export function reachChain(place: Pick<DeployedChain, 'chainId' | 'name' | 'rpc'>): ReachedChain {
  const reader = readerOf(place)
  const give = (address: Address) =>
    reader.request({ method: 'anvil_setBalance', params: [address, toHex(FUNDS)] } as never)
  return {
    plan: place,
    reader,
    walletOf: (account) => walletOf(place, account),
    fund: async (...addresses) => {
      await Promise.all(addresses.map(give))
    },
  }
}

/** Ends with the signal, or with the chain: whoever still needs it will say so. */
async function mine(ask: (method: string) => Promise<unknown>, blockMs: number, signal: AbortSignal): Promise<void> {
  for (let due = performance.now() + blockMs; !signal.aborted; due += blockMs) {
    await pause(Math.max(0, due - performance.now()), signal)
    if (signal.aborted) return
    await ask('evm_mine').catch(() => undefined)
  }
}
