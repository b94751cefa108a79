/** The keeper's process: rebuilds every account from the clearing's events, and takes over who is below maintenance. */
import { Clearing } from '@omnimargin/chains/abi'
import { type EventCursor, eventsSince } from '@omnimargin/chains/events'
import { accountOf } from '@omnimargin/core/account'
import { EMPTY_LEDGER, type LedgerEvent } from '@omnimargin/core/ledger'
import { encodeFunctionData, type Hex } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf, walletOf } from '../clients.ts'
import { chainOf, type Deployment } from '../deployment.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { senderOf } from '../sender.ts'
import { type KeeperEffect, type KeeperState, step } from './step.ts'

export type KeeperConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly pollMs: number
}

const GAS_LIMIT = 12_000_000n

/** Runs until the signal. Keeps nothing on disk: the events say all of it again after a start. */
export async function runKeeper(config: KeeperConfig, { signal, log }: RoleContext): Promise<void> {
  const note = logOf('keeper', log)
  const { address, chainId } = config.deployment.clearing
  const chain = chainOf(config.deployment, chainId)
  const reader = readerOf(chain)
  const sender = senderOf(reader, walletOf(chain, config.account))
  const fromBlock = chain.emitters.find((emitter) => emitter.address === address)?.fromBlock ?? 0
  const start: EventCursor = { blockNumber: BigInt(fromBlock) - 1n, blockHash: undefined }
  const own = accountOf(config.account.address)
  const blank: KeeperState = { ledger: EMPTY_LEDGER, account: own, attempted: new Set() }
  let cursor = start
  let state = blank

  /** Tried as a call first: somebody else may have been faster, or the price may have moved. */
  const send = async (data: Hex, gas: bigint): Promise<boolean> => {
    const refusal = await reader.call({ account: config.account, to: address, data }).then(
      () => undefined,
      (cause: unknown) => (cause instanceof Error ? cause.message.split('\n')[0] : `${cause}`),
    )
    if (refusal !== undefined) {
      note('refused', { why: refusal })
      return false
    }
    return (await sender.send({ to: address, data, gas })).status === 'success'
  }
  const act = async (effect: KeeperEffect): Promise<void> => {
    if (effect.type === 'open_line') {
      const args = [own, effect.listing, config.account.address] as const
      await send(encodeFunctionData({ abi: Clearing.abi, functionName: 'openLine', args }), GAS_LIMIT)
      return
    }
    note('below_maintenance', { account: effect.account, margin: effect.margin })
    const args = [effect.account, own] as const
    try {
      const isDone = await send(encodeFunctionData({ abi: Clearing.abi, functionName: 'liquidate', args }), GAS_LIMIT)
      note(isDone ? 'liquidated' : 'not_liquidated', { account: effect.account })
    } finally {
      state = step(state, { type: 'attempted', account: effect.account }).state
    }
  }
  const work = async () => {
    const batch = await eventsSince(reader, { address, abi: Clearing.abi }, cursor)
    if (batch === 'reorganized') {
      note('reorganized', { from: cursor.blockNumber })
      cursor = start
      state = blank
    } else if (batch) {
      cursor = batch.cursor
      const next = step(state, { type: 'block', events: batch.events as LedgerEvent[], now: batch.now })
      state = next.state
      for (const effect of next.effects) await act(effect)
    }
  }
  await repeat(work, config.pollMs, { signal, report: (failure) => note('failed', { why: `${failure}` }) })
}
