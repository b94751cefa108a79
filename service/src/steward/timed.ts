/** Events with the times of their blocks, where a round trip is measured by them. */
import { RpcFailed } from '@omnimargin/chains/errors'
import type { DecodedEvent } from '@omnimargin/chains/events'
import type { LedgerEvent } from '@omnimargin/core/ledger'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import type { PublicClient } from 'viem'
import { inTurns } from '../reconcile/place.ts'
import type { Timed } from './measure.ts'

type Log = LedgerEvent & { readonly blockNumber: bigint; readonly blockTimestamp?: bigint | `0x${string}` }

/** Of each vault the newest that a route remembers; older ones would be forgotten again. Throws RpcFailed. */
export async function timed(reader: PublicClient, events: readonly DecodedEvent[]): Promise<Timed[]> {
  const logs = events as unknown as readonly Log[]
  const counts = new Map<bigint, number>()
  const wanted = new Set(
    [...logs].reverse().filter((log) => {
      if (log.eventName !== 'VaultHeard') return false
      const count = (counts.get(log.args.vault) ?? 0) + 1
      counts.set(log.args.vault, count)
      return count <= DEFAULTS.latency.ring
    }),
  )
  const missing = [...wanted].filter(({ blockTimestamp }) => blockTimestamp === undefined)
  const blocks = [...new Set(missing.map(({ blockNumber }) => blockNumber))]
  try {
    const times = await inTurns(blocks, async (blockNumber) => (await reader.getBlock({ blockNumber })).timestamp)
    const byBlock = new Map(blocks.map((block, i) => [block, times[i]]))
    return logs.map((event) => {
      const time = wanted.has(event) ? (event.blockTimestamp ?? byBlock.get(event.blockNumber)) : undefined
      return { event, time: time === undefined ? undefined : Number(BigInt(time)) }
    })
  } catch (cause) {
    throw new RpcFailed('the times of blocks in which vaults were heard', cause)
  }
}
