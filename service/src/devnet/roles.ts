/** The devnet's roles, each with its own key and folder, in this one process. */
import { unwatchFile, watchFile } from 'node:fs'
import { join } from 'node:path'
import type { PrivateKeyAccount } from 'viem/accounts'
import { runAttestor } from '../attestor/run.ts'
import { readConfig } from '../config.ts'
import { type Deployment, deploymentSchema } from '../deployment.ts'
import { runKeeper } from '../keeper/run.ts'
import { runPublisher } from '../publisher/run.ts'
import { runRelayer } from '../relayer/run.ts'
import { type Log, logOf } from '../role.ts'
import { runSentinel } from '../sentinel/run.ts'
import { knownOf, measuresSchema } from '../steward/known.ts'
import { runSteward } from '../steward/run.ts'
import { runWatcher } from '../watcher/run.ts'
import { HEARTBEAT_SECONDS } from './parameters.ts'

export type RoleName = 'attestor' | 'relayer' | 'publisher' | 'keeper' | 'sentinel' | 'steward' | 'watcher'

export type Keys = {
  readonly council: PrivateKeyAccount
  readonly attestors: readonly PrivateKeyAccount[]
  readonly relayer: PrivateKeyAccount
  readonly publisher: PrivateKeyAccount
  readonly keeper: PrivateKeyAccount
  readonly steward: PrivateKeyAccount
  /** The sentinel is the first of the guardians. */
  readonly guardians: readonly PrivateKeyAccount[]
}

export type Crew = {
  /** Starts a role that does not run yet. */
  readonly start: (role: RoleName) => void
  readonly stop: () => Promise<void>
}

const POLL_MS = 50
const SENTINEL_POLL_MS = 5_000
const STEWARD_POLL_MS = 1_000
const FILE_POLL_MS = 200
/** What the devnet's steward is told, with made-up prices. */
const MEASURES = join(import.meta.dirname, '..', '..', '..', 'risk', 'steward.json')

export type Wiring = {
  deployment: Deployment
  keys: Keys
  ports: readonly number[]
  folder: string
  hermes: string
  webhook: string | undefined
  isPaused: (chainId: number) => boolean
}

/** All its roles are started anew, as operators would, whenever the deployment file changes; one that cannot be read ends none. */
export function crewOf(wiring: Wiring, deploymentFile: string, log: Log, fail: (cause: unknown) => void): Crew {
  const note = logOf('devnet', log)
  const roles: RoleName[] = []
  let { deployment } = wiring
  let [stopping, running]: [AbortController, Promise<void>[]] = [new AbortController(), []]
  let isOver = false
  const start = (role: RoleName) => {
    for (const one of startRole({ ...wiring, deployment }, role, { signal: stopping.signal, log })) {
      one.catch(fail)
      running.push(one)
    }
  }
  const end = async () => {
    stopping.abort()
    await Promise.allSettled(running)
  }
  const startAnew = async () => {
    if (isOver) return
    deployment = readConfig(deploymentFile, deploymentSchema)
    await end()
    if (isOver) return
    ;[stopping, running] = [new AbortController(), []]
    // One that cannot start with the new file keeps no other from it.
    for (const role of roles) {
      try {
        start(role)
      } catch (cause) {
        note('failed', { role, why: `${cause}` })
      }
    }
    note('started_anew', { roles })
  }
  let last: Promise<void> = Promise.resolve()
  const changed = () => {
    last = last.then(startAnew).catch((cause) => note('failed', { why: `${cause}` }))
  }
  watchFile(deploymentFile, { interval: FILE_POLL_MS, persistent: false }, changed)
  return {
    start: (role) => {
      roles.push(role)
      start(role)
    },
    stop: async () => {
      isOver = true
      unwatchFile(deploymentFile, changed)
      await end()
      await last
    },
  }
}

function startRole(
  { deployment, keys, ports, folder, hermes, webhook, isPaused }: Wiring,
  role: RoleName,
  context: { signal: AbortSignal; log: Log },
): Promise<void>[] {
  const base = { deployment, pollMs: POLL_MS }
  // A root more often than readers may write that they heard it would tell nobody more.
  const heartbeatSeconds = Number(HEARTBEAT_SECONDS)
  const knownHere = () => knownOf(deployment, readConfig(MEASURES, measuresSchema), MEASURES)
  const starts: Record<RoleName, () => Promise<void>[]> = {
    attestor: () =>
      keys.attestors.map((account, i) => {
        const config = { ...base, account, dataDir: join(folder, `attestor-${i}`), port: ports[i] ?? 0, isPaused }
        return runAttestor(config, context)
      }),
    relayer: () => [
      runRelayer({ ...base, account: keys.relayer, dataDir: join(folder, 'relayer'), heartbeatSeconds }, context),
    ],
    publisher: () => [
      runPublisher(
        { ...base, account: keys.publisher, hermes, deviation: 10n ** 15n, heartbeatSeconds: 15, accrueSeconds: 1_200 },
        context,
      ),
    ],
    sentinel: () =>
      keys.guardians.slice(0, 1).map((account) => {
        return runSentinel({ deployment, account, pollMs: SENTINEL_POLL_MS }, context)
      }),
    watcher: () => {
      const rules = { horizonSeconds: 3_600, threshold: 0.05, repeatSeconds: 21_600, health: 125n * 10n ** 16n }
      return [runWatcher({ deployment, known: knownHere(), pollMs: STEWARD_POLL_MS, ...rules, webhook }, context)]
    },
    steward: () => {
      const known = knownHere()
      const limits = { grain: 10n ** 14n, maxShare: 10n ** 16n }
      return [runSteward({ deployment, account: keys.steward, known, pollMs: STEWARD_POLL_MS, ...limits }, context)]
    },
    keeper: () => [
      runKeeper(
        { ...base, account: keys.keeper, dataDir: join(folder, 'keeper'), hermes, patienceSeconds: 3 },
        context,
      ),
    ],
  }
  return starts[role]()
}
