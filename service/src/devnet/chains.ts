/** Three real local chains that differ as real ones do: in block time, and in how far behind finality is. */
import { type Anvil, startAnvil } from '@omnimargin/chains/anvil'
import { type Account, type Address, type PublicClient, toHex } from 'viem'
import { readerOf, type Wallet, walletOf } from '../clients.ts'
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

export type LocalChain = {
  readonly plan: ChainPlan
  readonly url: string
  readonly reader: PublicClient
  readonly walletOf: (account: Account) => Wallet
  readonly fund: (...addresses: Address[]) => Promise<void>
  /** From a block a transaction to a block an interval. */
  readonly startMining: (signal: AbortSignal) => Promise<void>
  /** Whether it makes no blocks: a chain that has halted, whose nodes still answer. */
  readonly halt: (isHalted: boolean) => void
  readonly stop: () => Promise<void>
}

const FUNDS = 10n ** 24n

export async function startChain(plan: ChainPlan): Promise<LocalChain> {
  const anvil: Anvil = await startAnvil(plan)
  const { chainId, name } = plan
  const place = { chainId, name, rpc: [anvil.url] }
  const reader = readerOf(place)
  const ask = (method: string, params: unknown[] = []) => reader.request({ method, params } as never)
  let isHalted = false
  return {
    plan,
    url: anvil.url,
    reader,
    walletOf: (account) => walletOf(place, account),
    fund: async (...addresses) => {
      await Promise.all(addresses.map((address) => ask('anvil_setBalance', [address, toHex(FUNDS)])))
    },
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

/** Ends with the signal, or with the chain: whoever still needs it will say so. */
async function mine(ask: (method: string) => Promise<unknown>, blockMs: number, signal: AbortSignal): Promise<void> {
  for (let due = performance.now() + blockMs; !signal.aborted; due += blockMs) {
    await pause(Math.max(0, due - performance.now()), signal)
    if (signal.aborted) return
    await ask('evm_mine').catch(() => undefined)
  }
}
