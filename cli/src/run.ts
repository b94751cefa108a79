/** `omnimargin run <role>`: one role as a process of its own, out of a configuration file. */
import { dirname, resolve } from 'node:path'
import { runAttestor } from '@omnimargin/service/attestor/run'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { deploymentSchema } from '@omnimargin/service/deployment'
import { runKeeper } from '@omnimargin/service/keeper/run'
import { runPublisher } from '@omnimargin/service/publisher/run'
import { runRelayer } from '@omnimargin/service/relayer/run'
import type { LogEvent, RoleContext } from '@omnimargin/service/role'
import { runSentinel } from '@omnimargin/service/sentinel/run'
import { knownOf, measuresShape } from '@omnimargin/service/steward/measures'
import { runSteward } from '@omnimargin/service/steward/run'
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
  hermes: z.url(),
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

const schemas = {
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
}

/** Runs until the signal. Throws ConfigError for a role, file, field or key that is not what it must be. */
export async function run(role: string, file: string, signal: AbortSignal): Promise<void> {
  const context: RoleContext = { signal, log: print }
  const from = (path: string) => resolve(dirname(file), path)
  const common = (config: { deployment: string; keyFile: string }) => ({
    deployment: readConfig(from(config.deployment), deploymentSchema),
    account: readKey(from(config.keyFile)),
  })
  const keyOf = ({ hermesKeyFile }: { hermesKeyFile?: string | undefined }) =>
    hermesKeyFile === undefined ? undefined : readSecret(from(hermesKeyFile), /^\S+$/)
  if (role === 'attestor') {
    const config = readConfig(file, schemas.attestor)
    return runAttestor({ ...config, ...common(config), dataDir: from(config.dataDir) }, context)
  }
  if (role === 'relayer') {
    const config = readConfig(file, schemas.relayer)
    return runRelayer({ ...config, ...common(config), dataDir: from(config.dataDir) }, context)
  }
  if (role === 'publisher') {
    const config = readConfig(file, schemas.publisher)
    return runPublisher({ ...config, ...common(config), hermesKey: keyOf(config) }, context)
  }
  if (role === 'sentinel') {
    const config = readConfig(file, schemas.sentinel)
    return runSentinel({ ...config, ...common(config) }, context)
  }
  if (role === 'keeper') {
    const config = readConfig(file, schemas.keeper)
    const dataDir = from(config.dataDir)
    return runKeeper({ ...config, ...common(config), hermesKey: keyOf(config), dataDir }, context)
  }
  if (role === 'steward') {
    const config = readConfig(file, stewardSchema)
    const named = common(config)
    return runSteward({ ...config, ...named, known: knownOf(named.deployment, config, file) }, context)
  }
  if (role === 'watcher') {
    const config = readConfig(file, watcherSchema)
    const deployment = readConfig(from(config.deployment), deploymentSchema)
    return runWatcher({ ...config, deployment, known: knownOf(deployment, config, file) }, context)
  }
  throw new ConfigError(
    `There is no role "${role}": choose attestor, relayer, publisher, keeper, sentinel, steward or watcher.`,
  )
}

function print(event: LogEvent): void {
  const bigints = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event }, bigints)}\n`)
}
