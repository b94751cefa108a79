/** Where everything is: written by whoever deploys, read by every role. */
import type { Emitter } from '@omnimargin/chains/emitter'
import { isAddress } from 'viem'
import { z } from 'zod'

export const address = z
  .string()
  .refine((text) => isAddress(text, { strict: false }), 'must be an address: 0x and 40 hexadecimal digits')
  .transform((text) => text.toLowerCase() as `0x${string}`)
const word = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/i, 'must be 0x and 64 hexadecimal digits')
  .transform((text) => text as `0x${string}`)
const count = z.int().min(0)

const emitter = z.strictObject({ kind: z.enum(['vault', 'clearing', 'venue']), address, fromBlock: count })

const chain = z.strictObject({
  name: z.string().min(1),
  chainId: z.int().positive(),
  rpc: z.array(z.url()).min(1),
  /** Roots exist at blocks that are a multiple of this. */
  checkpointInterval: z.int().positive(),
  roots: address,
  batch: address,
  /** Where prices arrive; needed on a chain with a clearing or a venue. */
  pyth: address.optional(),
  emitters: z.array(emitter),
})

const parts = z.strictObject({
  chains: z.array(chain).min(1),
  /** Where Pyth's reports are asked for by roles whose configuration names no other place. */
  hermes: z.url().optional(),
  committee: z.strictObject({
    epoch: count,
    threshold: z.int().min(3),
    signers: z.array(address).min(4),
    attestors: z.array(z.strictObject({ address, url: z.url() })),
  }),
  clearing: z.strictObject({
    chainId: z.int().positive(),
    address,
    /** The contract that owns the clearing, and lets stewards and guardians do what they may. */
    policy: address.optional(),
    /** The timelock that owns the policy. */
    timelock: address.optional(),
    feeds: z.array(z.strictObject({ symbol: z.string(), feedId: word })),
    /** In the clearing's order; `item` is the number that a market has at its venue. */
    markets: z.array(
      z.strictObject({ symbol: z.string(), feed: count, chainId: z.int().positive(), venue: address, item: count }),
    ),
  }),
  tokens: z.array(
    z.strictObject({
      chainId: z.int().positive(),
      symbol: z.string(),
      address,
      decimals: z.int().min(0).max(36),
      vault: address,
    }),
  ),
})

export type Deployment = z.infer<typeof parts>

export const deploymentSchema = parts
  .superRefine((deployment, context) => {
    for (const { path, message } of faultsBetween(deployment)) context.addIssue({ code: 'custom', path, message })
  })
  .describe('`npm start` writes one, prints where, and takes it away when it ends')
export type DeployedChain = Deployment['chains'][number]
export type DeployedMarket = Deployment['clearing']['markets'][number]
export type DeployedToken = Deployment['tokens'][number]

type Fault = { path: (string | number)[]; message: string }

/** Parts that are each well-formed, and do not fit together. */
function faultsBetween({ chains, committee, clearing, tokens }: Deployment): Fault[] {
  const chainIds = chains.map(({ chainId }) => chainId)
  const unknownChain = (path: Fault['path'], chainId: number): Fault[] =>
    chainIds.includes(chainId) ? [] : [{ path, message: `chain ${chainId} is not among "chains"` }]
  const { signers, threshold } = committee
  return [
    ...chainIds.flatMap((chainId, i): Fault[] =>
      chainIds.indexOf(chainId) < i
        ? [{ path: ['chains', i, 'chainId'], message: `chain ${chainId} is there twice` }]
        : [],
    ),
    ...signers.flatMap((signer, i): Fault[] =>
      i > 0 && signer <= (signers[i - 1] ?? '')
        ? [{ path: ['committee', 'signers', i], message: 'must be sorted by address, each once' }]
        : [],
    ),
    ...(threshold > signers.length
      ? [{ path: ['committee', 'threshold'], message: `must be at most the ${signers.length} signers` }]
      : []),
    ...committee.attestors.flatMap(({ address }, i): Fault[] =>
      signers.includes(address)
        ? []
        : [{ path: ['committee', 'attestors', i, 'address'], message: `${address} is not among the signers` }],
    ),
    ...unknownChain(['clearing', 'chainId'], clearing.chainId),
    ...clearing.markets.flatMap(({ feed }, i): Fault[] =>
      feed < clearing.feeds.length
        ? []
        : [{ path: ['clearing', 'markets', i, 'feed'], message: `there are only ${clearing.feeds.length} feeds` }],
    ),
    ...clearing.markets.flatMap(({ chainId }, i) => unknownChain(['clearing', 'markets', i, 'chainId'], chainId)),
    ...clearing.markets.flatMap(({ symbol, chainId }, i): Fault[] =>
      clearing.markets.findIndex((one) => one.symbol === symbol && one.chainId === chainId) < i
        ? [
            {
              path: ['clearing', 'markets', i, 'symbol'],
              message: `chain ${chainId} has a market ${symbol} already: name it otherwise`,
            },
          ]
        : [],
    ),
    ...[clearing, ...clearing.markets].flatMap(({ chainId }): Fault[] => {
      const i = chainIds.indexOf(chainId)
      const message = 'is missing: prices must arrive where a clearing or a venue is'
      return chains[i] && !chains[i].pyth ? [{ path: ['chains', i, 'pyth'], message }] : []
    }),
    ...tokens.flatMap(({ chainId }, i) => unknownChain(['tokens', i, 'chainId'], chainId)),
  ]
}

/** The chain with that id. Asserts that the deployment has it. */
export function chainOf(deployment: Deployment, chainId: number): DeployedChain {
  const found = deployment.chains.find((candidate) => candidate.chainId === chainId)
  if (!found) throw new Error(`The deployment has no chain ${chainId}: add it to "chains".`)
  return found
}

/** The emitters of a chain, in the form that the chain reader takes. */
export function emittersOf(chain: DeployedChain): Emitter[] {
  return chain.emitters.map(({ address, fromBlock }) => ({
    chainId: chain.chainId,
    address,
    checkpointInterval: BigInt(chain.checkpointInterval),
    fromBlock: BigInt(fromBlock),
  }))
}
