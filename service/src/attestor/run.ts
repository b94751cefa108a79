/** The attestor's process: reads finalized checkpoints, signs their roots once, and hands the signatures to who asks. */

import type { Emitter } from '@omnimargin/chains/emitter'
import { nextCheckpoint } from '@omnimargin/chains/emitter'
import type { PublicClient } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf } from '../clients.ts'
import type { Deployment } from '../deployment.ts'
import { emittersOf, logOf, type RoleContext, repeat } from '../role.ts'
import { hashStatement, type Signed, type Statement, typedStatement } from '../statement.ts'
import { openStore, type Store } from '../store.ts'
import { type Shelf, serve, shelfOf } from './serve.ts'
import { type AttestorState, step, withWrites } from './step.ts'

export type AttestorConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly dataDir: string
  readonly port: number
  readonly pollMs: number
}

type Parts = AttestorConfig & { store: Store; shelf: Shelf; note: ReturnType<typeof logOf> }

/** Runs until the signal. Ends with an error when it must not go on: broken finality, or a second story to sign. */
export async function runAttestor(config: AttestorConfig, { signal, log }: RoleContext): Promise<void> {
  const note = logOf('attestor', log)
  const parts: Parts = { ...config, store: openStore(config.dataDir), shelf: shelfOf(), note }
  const server = await serve(parts.shelf, config.port, signal)
  note('listening', { port: config.port, address: config.account.address })
  try {
    const following = config.deployment.chains.flatMap((chain) => {
      const client = readerOf(chain)
      return emittersOf(chain).map((emitter) => follow(parts, client, emitter, signal))
    })
    await Promise.all(following)
  } finally {
    await server.close()
    parts.store.close()
  }
}

async function follow(parts: Parts, client: PublicClient, emitter: Emitter, signal: AbortSignal): Promise<void> {
  const { store, deployment, pollMs, note } = parts
  const { chainId, address } = emitter
  let state: AttestorState = {
    epoch: BigInt(deployment.committee.epoch),
    chainId,
    emitter: address,
    cursor: store.cursorOf(chainId, address),
    claims: withWrites(undefined, store.writesOf(chainId, address)),
  }
  const work = async () => {
    const checkpoint = await nextCheckpoint(client, emitter, state.cursor)
    if (!checkpoint) return
    const { blockNumber } = checkpoint
    note('checkpoint_seen', { chainId, emitter: address, blockNumber, writes: checkpoint.writes.length })
    const next = step(state, { type: 'checkpoint', checkpoint })
    for (const effect of next.effects) {
      if (effect.type === 'remember') store.advance(chainId, address, effect.writes, effect.cursor)
      else parts.shelf.put(await sign(parts, effect.statement))
    }
    state = next.state
    note('checkpoint_signed', { chainId, emitter: address, blockNumber })
  }
  const report = (failure: unknown) => note('failed', { chainId, emitter: address, why: `${failure}` })
  await repeat(work, pollMs, { signal, report })
}

/** The journal is on disk before the signature exists. */
async function sign({ store, account }: Parts, statement: Statement): Promise<Signed> {
  store.signOnce(statement, hashStatement(statement))
  return { statement, signature: await account.signTypedData(typedStatement(statement)) }
}
