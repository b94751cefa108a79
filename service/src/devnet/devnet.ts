/** The whole system on this machine: three chains, the contracts, every role with its own key and folder. */

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from '@omnimargin/core/bytes'
import type { Parameters } from '@omnimargin/core/parameters'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { runAttestor } from '../attestor/run.ts'
import { readConfig } from '../config.ts'
import type { Deployment } from '../deployment.ts'
import { runKeeper } from '../keeper/run.ts'
import { runPublisher } from '../publisher/run.ts'
import { runRelayer } from '../relayer/run.ts'
import type { Log } from '../role.ts'
import { runSentinel } from '../sentinel/run.ts'
import { knownOf, measuresSchema } from '../steward/known.ts'
import { runSteward } from '../steward/run.ts'
import { runWatcher } from '../watcher/run.ts'
import { type LocalChain, PLANS, startChain } from './chains.ts'
import { deployAll } from './deploy.ts'
import { type Oracle, startOracle } from './oracle.ts'
import { FEEDS, HEARTBEAT_SECONDS, PARAMETERS } from './parameters.ts'
import { fillWallet } from './wallet.ts'

export type Devnet = {
  readonly deployment: Deployment
  /** Where the deployment is written, for other programs; gone once it stops. */
  readonly deploymentFile: string
  readonly chains: readonly LocalChain[]
  readonly oracle: Oracle
  /** The account that deployed, and schedules at the timelock that governs the clearing. */
  readonly council: PrivateKeyAccount
  readonly keeper: PrivateKeyAccount
  readonly steward: PrivateKeyAccount
  /** Somebody for stories to be told of, whose key is beside the deployment for who wants to act as them. */
  readonly trader: PrivateKeyAccount
  readonly traderKeyFile: string
  /** Whether the attestors in this process sign nothing of that chain. */
  readonly pauseAttestors: (chainId: number, isPaused: boolean) => void
  /** Starts a role that does not run yet. */
  readonly start: (role: RoleName) => void
  /** Rejects when a role ends by itself. */
  readonly failed: Promise<never>
  readonly stop: () => Promise<void>
}

export type DevnetOptions = {
  readonly log: Log
  /** Which of the roles to run in this process; all but steward and watcher by default. */
  readonly roles?: readonly RoleName[]
  /** The attestors' keys, where their processes are somebody else's; new ones otherwise. */
  readonly attestorKeys?: readonly Hex[]
  /** Where a watcher tells its warnings. */
  readonly webhook?: string
  /** What the clearing is set up with, laid out like the devnet's own. */
  readonly parameters?: Parameters
}

export type RoleName = 'attestor' | 'relayer' | 'publisher' | 'keeper' | 'sentinel' | 'steward' | 'watcher'

/** Those that a story is told with. A steward would move the haircuts while it is told: it is started afterwards, and a watcher with it. */
const ROLES: readonly RoleName[] = ['attestor', 'relayer', 'publisher', 'keeper', 'sentinel']
export const ATTESTORS = 4
export const START_PRICES = { 'ETH/USD': 2_000n, 'BTC/USD': 60_000n, 'USDC/USD': 1n }
const HERMES_SCALE = 10n ** 8n
const POLL_MS = 50
const SENTINEL_POLL_MS = 5_000
const STEWARD_POLL_MS = 1_000
/** What the devnet's steward is told, with made-up prices. */
const MEASURES = join(import.meta.dirname, '..', '..', '..', 'risk', 'steward.json')

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

/** Starts everything and returns once the contracts are there and the roles run. */
export async function startDevnet({
  log,
  roles = ROLES,
  attestorKeys,
  webhook,
  parameters = PARAMETERS,
}: DevnetOptions): Promise<Devnet> {
  const stopping = new AbortController()
  // Blocks go on until the roles have ended, since a role waits for what it has sent.
  const mining = new AbortController()
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-'))
  const chains = await Promise.all(PLANS.map(startChain))
  const oracle = await startOracle()
  const keys = makeKeys(attestorKeys)
  const running: Promise<void>[] = []
  const stop = async () => {
    stopping.abort()
    await Promise.allSettled(running)
    mining.abort()
    await Promise.all([oracle.close(), ...chains.map((chain) => chain.stop())])
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const { symbol, feedId } of FEEDS) oracle.set(feedId, START_PRICES[symbol] * HERMES_SCALE)
    const ports = await freePorts(ATTESTORS)
    const addresses = keys.attestors.map(({ address }) => address)
    const attestors = { addresses, urls: ports.map((port) => `http://127.0.0.1:${port}`) }
    const guardians = keys.guardians.map(({ address }) => address)
    const governance = { council: keys.council.address, steward: keys.steward.address, guardians }
    const deployed = await deployAll(chains, keys.council, attestors, governance, parameters)
    const deployment = { ...deployed, hermes: oracle.url }
    const deploymentFile = join(folder, 'deployment.json')
    writeFileSync(deploymentFile, JSON.stringify(deployment, null, 2))
    const traderKeyFile = join(folder, 'trader.key')
    const traderKey = generatePrivateKey()
    writeFileSync(traderKeyFile, traderKey, { mode: 0o600 })
    const spenders = [keys.relayer, keys.publisher, keys.keeper, keys.steward, ...keys.guardians].map((k) => k.address)
    const paused = new Set<number>()
    const isPaused = (chainId: number) => paused.has(chainId)
    const pauseAttestors = (chainId: number, isPaused: boolean) => {
      if (isPaused) paused.add(chainId)
      else paused.delete(chainId)
    }
    await Promise.all(chains.map((chain) => chain.fund(...spenders)))
    const trader = privateKeyToAccount(traderKey)
    await fillWallet(chains, deployment.tokens, keys.council, trader.address)
    await Promise.all(chains.map((chain) => chain.startMining(mining.signal)))
    const { failed, fail } = failure()
    const wiring = { deployment, keys, ports, folder, hermes: oracle.url, webhook, isPaused }
    const start = (role: RoleName) => {
      for (const one of startRole(wiring, role, { signal: stopping.signal, log })) {
        one.catch(fail)
        running.push(one)
      }
    }
    for (const role of roles) start(role)
    const { council, keeper, steward } = keys
    return {
      deployment,
      deploymentFile,
      chains,
      oracle,
      council,
      keeper,
      steward,
      trader,
      traderKeyFile,
      pauseAttestors,
      start,
      failed,
      stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}

type Wiring = {
  deployment: Deployment
  keys: Keys
  ports: readonly number[]
  folder: string
  hermes: string
  webhook: string | undefined
  isPaused: (chainId: number) => boolean
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

/** Rejects with the first role's error; stays open for as long as all is well. */
function failure(): { failed: Promise<never>; fail: (cause: unknown) => void } {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  failed.catch(() => undefined)
  return { failed, fail }
}

function makeKeys(attestorKeys: readonly Hex[] = Array.from({ length: ATTESTORS }, generatePrivateKey)): Keys {
  const make = () => privateKeyToAccount(generatePrivateKey())
  const attestors = attestorKeys.map((key) => privateKeyToAccount(key))
  const guardians = [make(), make(), make()]
  return { council: make(), attestors, relayer: make(), publisher: make(), keeper: make(), steward: make(), guardians }
}

/** Ports that were free a moment ago, all held at once so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
