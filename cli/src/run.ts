/** `omnimargin run <role>`: one role as a process of its own, out of a configuration file. */
import { dirname, resolve } from 'node:path'
import { isSame } from '@omnimargin/core/bytes'
import { runAttestor } from '@omnimargin/service/attestor/run'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import type { Hermes } from '@omnimargin/service/hermes'
import { jsonOf } from '@omnimargin/service/json'
import { runKeeper } from '@omnimargin/service/keeper/run'
import { GAS_LIMIT as KEEPER_GAS } from '@omnimargin/service/keeper/show'
import { type Means, tellMeans } from '@omnimargin/service/means'
import { POKE_GAS, runPublisher } from '@omnimargin/service/publisher/run'
import { CARRY_GAS } from '@omnimargin/service/relayer/carry'
import { runRelayer } from '@omnimargin/service/relayer/run'
import { type LogEvent, type RoleContext, sparing } from '@omnimargin/service/role'
import { runSentinel, GAS_LIMIT as SENTINEL_GAS } from '@omnimargin/service/sentinel/run'
import { knownOf, measuresShape } from '@omnimargin/service/steward/known'
import { runSteward, GAS_LIMIT as STEWARD_GAS } from '@omnimargin/service/steward/run'
import { runWatcher } from '@omnimargin/service/watcher/run'
import { z } from 'zod'
import { readKey, readSecret } from './secret.ts'

const base = z.strictObject({
  /** Paths are as seen from the configuration file. */
  deployment: z.string(),
  keyFile: z.string(),
  pollMs: z.int().min(1).max(60_000).default(200),
})
const port = z.int().min(1).max(65_535)
const hermes = {
  /** The deployment's own unless it is said. */
  hermes: z.url().optional(),
  /** Hermes' own API key; the public instances ask for one. */
  hermesKeyFile: z.string().optional(),
}
const seconds = z.int().min(1).max(86_400)
const ratio = z
  .string()
  .regex(/^\d{1,19}$/, 'must be a ratio at 1e18 as a string of digits')
  .transform(BigInt)

/** Of one role and of `risk explain`, which needs neither key nor deployment of it. */
export const stewardSchema = base.extend({
  ...measuresShape,
  pollMs: z.int().min(100).max(600_000).default(15_000),
  /** A haircut that moves by less is left as it is. */
  grain: ratio.default(10n ** 14n),
  /** The most of the margin that a post may make liquidatable. */
  maxShare: ratio.default(10n ** 16n),
})

const { deployment: deploymentPath } = base.shape
/** It sends nothing, so that it has no key. */
const watcherSchema = z.strictObject({
  ...measuresShape,
  deployment: deploymentPath,
  pollMs: z.int().min(100).max(600_000).default(5_000),
  /** Looked at least so far ahead; an account's own horizon may be longer. */
  horizonSeconds: z.int().min(0).max(86_400).default(0),
  /** The chance from which on an account is warned. */
  threshold: z.number().gt(0).max(1).default(0.05),
  repeatSeconds: z.int().min(60).max(604_800).default(21_600),
  /** What a cure brings the account back to: balance by requirement. */
  health: ratio.default(125n * 10n ** 16n),
  /** Warnings are posted there as JSON. */
  webhook: z.url({ protocol: /^https?$/ }).optional(),
})

/** What each role's configuration file is. */
export const roleSchemas = {
  attestor: base.extend({ dataDir: z.string(), port }),
  relayer: base.extend({ dataDir: z.string(), heartbeatSeconds: seconds.default(60) }),
  publisher: base.extend({
    ...hermes,
    /** The public instances answer 30 questions in 10 seconds. */
    pollMs: z.int().min(1).max(60_000).default(1_000),
    deviation: ratio.default(10n ** 15n),
    heartbeatSeconds: seconds.default(20),
    /** Well below the age of funding that the clearing lets anything loosen on. */
    accrueSeconds: seconds.default(1_200),
  }),
  sentinel: base.extend({ pollMs: z.int().min(100).max(600_000).default(15_000) }),
  keeper: base.extend({ ...hermes, dataDir: z.string(), patienceSeconds: z.int().min(0).max(86_400).default(30) }),
  steward: stewardSchema,
  watcher: watcherSchema,
}
type RoleName = keyof typeof roleSchemas

/** A role with its configuration read: what it lives on, and what runs until the signal. */
type Ready = { readonly means: Omit<Means, 'role'>; readonly go: (context: RoleContext) => Promise<void> }

const roles: Record<RoleName, (file: string) => Ready> = {
  attestor: (file) => {
    const config = readConfig(file, roleSchemas.attestor)
    const named = namedIn(config, file)
    const { committee } = named.deployment
    const { address } = named.account
    if (!committee.signers.some((signer) => isSame(signer, address))) {
      const cure = 'give the key of one of them, or the deployment of the epoch that it signs in'
      throw new ConfigError(`${file}: its key is of ${address}, none of the committee’s signers: ${cure}.`)
    }
    const means = { deployment: named.deployment, address, watches: emittersIn(named) }
    const dataDir = beside(file, config.dataDir)
    return { means, go: (context) => runAttestor({ ...config, ...named, dataDir }, context) }
  },
  relayer: (file) => {
    const config = readConfig(file, roleSchemas.relayer)
    const named = namedIn(config, file)
    const pays = { chains: named.deployment.chains, gas: CARRY_GAS }
    const dataDir = beside(file, config.dataDir)
    const go = (context: RoleContext) => runRelayer({ ...config, ...named, dataDir }, context)
    return { means: { ...paying(named, pays), watches: emittersIn(named) }, go }
  },
  publisher: (file) => {
    const config = readConfig(file, roleSchemas.publisher)
    const named = namedIn(config, file)
    const { clearing, chains } = named.deployment
    const read = [clearing, ...clearing.markets].map(({ chainId }) => chainId)
    const pays = { chains: chains.filter(({ chainId }) => read.includes(chainId)), gas: POKE_GAS }
    const hermes = hermesOf(config, named.deployment, file)
    const watches = clearing.feeds.map(({ symbol }) => symbol)
    const place = { hermes: hermes.url, hermesKey: hermes.key }
    return {
      means: { ...paying(named, pays), hermes, watches },
      go: (context) => runPublisher({ ...config, ...named, ...place }, context),
    }
  },
  sentinel: (file) => {
    const config = readConfig(file, roleSchemas.sentinel)
    const named = namedIn(config, file)
    const means = { ...paying(named, atHome(named, SENTINEL_GAS)), watches: emittersIn(named) }
    return { means, go: (context) => runSentinel({ ...config, ...named }, context) }
  },
  keeper: (file) => {
    const config = readConfig(file, roleSchemas.keeper)
    const named = namedIn(config, file)
    const hermes = hermesOf(config, named.deployment, file)
    const place = { hermes: hermes.url, hermesKey: hermes.key, dataDir: beside(file, config.dataDir) }
    return {
      means: { ...paying(named, atHome(named, KEEPER_GAS)), hermes, watches: emittersIn(named, ['clearing', 'venue']) },
      go: (context) => runKeeper({ ...config, ...named, ...place }, context),
    }
  },
  steward: (file) => {
    const config = readConfig(file, roleSchemas.steward)
    const named = namedIn(config, file)
    const known = knownOf(named.deployment, config, file)
    const watches = config.assets.map(({ asset, chain }) => `${asset} on ${chain}`)
    return {
      means: { ...paying(named, atHome(named, STEWARD_GAS)), watches },
      go: (context) => runSteward({ ...config, ...named, known }, context),
    }
  },
  watcher: (file) => {
    const config = readConfig(file, roleSchemas.watcher)
    const deployment = readConfig(beside(file, config.deployment), deploymentSchema)
    const known = knownOf(deployment, config, file)
    return {
      means: { deployment, watches: emittersIn({ deployment }, ['clearing']) },
      go: (context) => runWatcher({ ...config, deployment, known }, context),
    }
  },
}

/** Runs until the signal. Throws ConfigError for a role, file, field or key that is not what it must be. */
export async function run(role: string, file: string, signal: AbortSignal): Promise<void> {
  if (!isRole(role)) {
    const names = Object.keys(roles)
    const choice = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
    throw new ConfigError(`There is no role "${role}": choose ${choice}.`)
  }
  const { means, go } = roles[role](file)
  const log = sparing(print)
  const ended = new AbortController()
  const telling = { signal: AbortSignal.any([signal, ended.signal]), log }
  await Promise.all([go({ signal, log }).finally(() => ended.abort()), tellMeans({ role, ...means }, telling)])
}

function isRole(name: string): name is RoleName {
  return Object.hasOwn(roles, name)
}

type Named = { readonly deployment: Deployment; readonly account: ReturnType<typeof readKey> }

function namedIn(config: { deployment: string; keyFile: string }, file: string): Named {
  return {
    deployment: readConfig(beside(file, config.deployment), deploymentSchema),
    account: readKey(beside(file, config.keyFile)),
  }
}

function beside(file: string, path: string): string {
  return resolve(dirname(file), path)
}

function paying({ deployment, account }: Named, pays: NonNullable<Means['pays']>) {
  return { deployment, address: account.address, pays }
}

function atHome({ deployment }: Named, gas: bigint): NonNullable<Means['pays']> {
  return { chains: [chainOf(deployment, deployment.clearing.chainId)], gas }
}

type Asking = { hermes?: string | undefined; hermesKeyFile?: string | undefined }

function hermesOf({ hermes, hermesKeyFile }: Asking, deployment: Deployment, file: string): Hermes {
  const url = hermes ?? deployment.hermes
  if (url === undefined) throw new ConfigError(`${file}: "hermes" is missing, and the deployment names none: add it.`)
  return { url, key: hermesKeyFile === undefined ? undefined : readSecret(beside(file, hermesKeyFile), /^\S+$/) }
}

type EmitterKind = 'vault' | 'clearing' | 'venue'

function emittersIn(
  { deployment }: Pick<Named, 'deployment'>,
  kinds: readonly EmitterKind[] = ['vault', 'clearing', 'venue'],
): string[] {
  return deployment.chains.flatMap(({ name, emitters }) =>
    emitters.filter(({ kind }) => kinds.includes(kind)).map(({ kind, address }) => `${kind} ${address} on ${name}`),
  )
}

function print(event: LogEvent): void {
  process.stdout.write(`${jsonOf({ time: new Date().toISOString(), ...event })}\n`)
}
