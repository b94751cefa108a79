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
import type { Deployment } from '../deployment.ts'
import type { Log } from '../role.ts'
import { type LocalChain, PLANS, startChain } from './chains.ts'
import { deployAll } from './deploy.ts'
import { type Oracle, startOracle } from './oracle.ts'
import { FEEDS, PARAMETERS } from './parameters.ts'
import { type Crew, crewOf, type Keys, type RoleName } from './roles.ts'
import { fillWallet } from './wallet.ts'

export type Devnet = {
  readonly deployment: Deployment
  /** Where the deployment is written, for other programs; gone once it stops. Who changes it has every role started anew with it. */
  readonly deploymentFile: string
  readonly chains: readonly LocalChain[]
  readonly oracle: Oracle
  /** The account that deployed, and schedules at the timelock that governs the clearing. */
  readonly council: PrivateKeyAccount
  /** Its key is beside the deployment for who wants to govern, as the trader's is. */
  readonly councilKeyFile: string
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

/** Those that a story is told with. A steward would move the haircuts while it is told: it is started afterwards, and a watcher with it. */
const ROLES: readonly RoleName[] = ['attestor', 'relayer', 'publisher', 'keeper', 'sentinel']
export const ATTESTORS = 4
export const START_PRICES = { 'ETH/USD': 2_000n, 'BTC/USD': 60_000n, 'USDC/USD': 1n }
const HERMES_SCALE = 10n ** 8n

/** Starts everything and returns once the contracts are there and the roles run. */
export async function startDevnet({
  log,
  roles = ROLES,
  attestorKeys,
  webhook,
  parameters = PARAMETERS,
}: DevnetOptions): Promise<Devnet> {
  // Blocks go on until the roles have ended, since a role waits for what it has sent.
  const mining = new AbortController()
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-'))
  const chains = await Promise.all(PLANS.map(startChain))
  const oracle = await startOracle()
  const [councilKey, traderKey] = [generatePrivateKey(), generatePrivateKey()]
  const keys = makeKeys(privateKeyToAccount(councilKey), attestorKeys)
  let crew: Crew | undefined
  const stop = async () => {
    await crew?.stop()
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
    const councilKeyFile = keyFileIn(folder, 'council', councilKey)
    const traderKeyFile = keyFileIn(folder, 'trader', traderKey)
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
    crew = crewOf(wiring, deploymentFile, log, fail)
    for (const role of roles) crew.start(role)
    const { council, keeper, steward } = keys
    return {
      deployment,
      deploymentFile,
      chains,
      oracle,
      council,
      councilKeyFile,
      keeper,
      steward,
      trader,
      traderKeyFile,
      pauseAttestors,
      start: crew.start,
      failed,
      stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Rejects with the first role's error; stays open for as long as all is well. */
function failure(): { failed: Promise<never>; fail: (cause: unknown) => void } {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  failed.catch(() => undefined)
  return { failed, fail }
}

function keyFileIn(folder: string, name: string, key: Hex): string {
  const file = join(folder, `${name}.key`)
  writeFileSync(file, key, { mode: 0o600 })
  return file
}

function makeKeys(
  council: PrivateKeyAccount,
  attestorKeys: readonly Hex[] = Array.from({ length: ATTESTORS }, generatePrivateKey),
): Keys {
  const make = () => privateKeyToAccount(generatePrivateKey())
  const attestors = attestorKeys.map((key) => privateKeyToAccount(key))
  const guardians = [make(), make(), make()]
  return { council, attestors, relayer: make(), publisher: make(), keeper: make(), steward: make(), guardians }
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
