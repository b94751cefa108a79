/** A deposit's way to becoming margin, stage by stage, as the roles and the chains report it. */
import type { Hex } from '@omnimargin/core/bytes'
import type { LogEvent } from '@omnimargin/service/role'
import { seconds } from '../terminal/amounts.ts'

export const STAGES = ['included', 'finalized', 'attested', 'learned', 'counted'] as const
export type Stage = (typeof STAGES)[number]

export type Journey = {
  readonly what: string
  readonly chainId: number
  readonly emitter: string
  readonly recordHash: Hex
  readonly startedMs: number
  blockNumber: bigint | undefined
  /** When each stage was reached, in ms after the start. */
  readonly reached: Map<Stage, number>
}

/** Takes in what a role reports. */
export function observe(journey: Journey, event: LogEvent): void {
  const { blockNumber } = journey
  if (blockNumber === undefined) return
  const isSame = Number(event.chainId) === journey.chainId && event.emitter === journey.emitter
  if (!isSame || typeof event.blockNumber !== 'bigint' || event.blockNumber < blockNumber) return
  if (event.event === 'checkpoint_seen') reach(journey, 'finalized', event.ms)
  if (event.event === 'quorum') reach(journey, 'attested', event.ms)
  if (event.event === 'records_learned' && Array.isArray(event.hashes) && event.hashes.includes(journey.recordHash)) {
    reach(journey, 'learned', event.ms)
  }
}

/** Notes the first time a stage was reached. */
export function reach(journey: Journey, stage: Stage, ms: number): void {
  if (!journey.reached.has(stage)) journey.reached.set(stage, ms - journey.startedMs)
}

export function isOver({ reached }: Journey): boolean {
  return STAGES.every((stage) => reached.has(stage))
}

/** One row of the live table. */
export function rowOf({ what, reached }: Journey): string[] {
  return [
    what,
    ...STAGES.map((stage) => {
      const ms = reached.get(stage)
      return ms === undefined ? '…' : seconds(ms)
    }),
  ]
}
