/**
 * The relayer's process: carries every record of every emitter to its reader, has the clearing pull what venues on its own chain
 * filled, and has it written down what arrived. Trusted for nothing.
 */
import type { PrivateKeyAccount } from 'viem/accounts'
import { type Deployment, emittersOf } from '../deployment.ts'
import { destinationsOf } from '../destination.ts'
import { logOf, type RoleContext } from '../role.ts'
import { openStore } from '../store.ts'
import { pullFills } from './pull.ts'
import { type Relay, relay } from './relay.ts'

export type RelayerConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly dataDir: string
  readonly pollMs: number
  readonly heartbeatSeconds: number
}

/** Runs until the signal. */
export async function runRelayer(config: RelayerConfig, { signal, log }: RoleContext): Promise<void> {
  const { deployment, account, dataDir, pollMs, heartbeatSeconds } = config
  const store = openStore(dataDir)
  const parts: Relay = {
    deployment,
    destinations: destinationsOf(deployment, account),
    store,
    pollMs,
    heartbeatSeconds,
    patienceSeconds: 0,
    hears: true,
    signal,
    note: logOf('relayer', log),
  }
  try {
    await Promise.all([
      pullFills(parts),
      ...deployment.chains.flatMap(emittersOf).map((emitter) => relay(parts, emitter)),
    ])
  } finally {
    store.close()
  }
}
