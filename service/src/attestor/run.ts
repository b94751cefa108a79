/** The attestor's process: reads finalized checkpoints, signs their roots once, and hands the signatures to who asks. */
import { checkpointAt, checkpointDue, type Emitter, type Final, newestFinal } from '@omnimargin/chains/emitter'
import type { PublicClient } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf } from '../clients.ts'
import { type Deployment, emittersOf } from '../deployment.ts'
import { logOf, type RoleContext, repeat } from '../role.ts'
import { openStore, type Store } from '../store.ts'
import { type Shelf, serve, shelfOf } from './serve.ts'
import { sign } from './sign.ts'
import { type AttestorState, step, withWrites } from './step.ts'

export type AttestorConfig = {
  readonly deployment: Deployment
  readonly account: PrivateKeyAccount
  readonly dataDir: string
  readonly port: number
  readonly pollMs: number
  /** Whether nothing of that chain is to be signed for now; what was left out is signed later. */
  readonly isPaused?: (chainId: number) => boolean
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
      const final = shared(() => newestFinal(client))
      return emittersOf(chain).map((emitter) => follow(parts, { client, final }, emitter, signal))
    })
    await Promise.all(following)
  } finally {
    await server.close()
    parts.store.close()
  }
}

/** Who asks while a question is under way gets that one's answer: a chain's emitters ask one question a poll. */
function shared<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let underWay: Promise<Answer> | undefined
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

type Chain = { readonly client: PublicClient; readonly final: () => Promise<Final> }

async function follow(parts: Parts, { client, final }: Chain, emitter: Emitter, signal: AbortSignal): Promise<void> {
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
    if (parts.isPaused?.(chainId)) return
    const due = checkpointDue(emitter, state.cursor, await final())
    if (!due) return
    const { blockNumber, blockHash } = due
    note('checkpoint_seen', { chainId, emitter: address, blockNumber })
    const checkpoint = await checkpointAt(client, emitter, state.cursor, blockNumber, blockHash)
    const next = step(state, { type: 'checkpoint', checkpoint })
    for (const effect of next.effects) {
      if (effect.type === 'remember') store.advance(chainId, address, effect.writes, effect.cursor)
      else parts.shelf.put(await sign(store, parts.account, effect.statement))
    }
    state = next.state
    note('checkpoint_signed', { chainId, emitter: address, blockNumber, writes: checkpoint.writes.length })
  }
  const report = (failure: unknown) => note('failed', { chainId, emitter: address, why: `${failure}` })
  await repeat(work, pollMs, { signal, report })
}
