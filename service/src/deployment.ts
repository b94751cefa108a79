/** Where everything is: written by whoever deploys, read by every role. */
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
  emitters: z.array(emitter),
})

export const deploymentSchema = z.strictObject({
  chains: z.array(chain).min(1),
  committee: z.strictObject({
    epoch: count,
    threshold: z.int().min(3),
    signers: z.array(address).min(4),
    attestors: z.array(z.strictObject({ address, url: z.url() })),
  }),
  clearing: z.strictObject({
    chainId: z.int().positive(),
    address,
    venue: address,
    pyth: address,
    feeds: z.array(z.strictObject({ symbol: z.string(), feedId: word })),
    markets: z.array(z.strictObject({ symbol: z.string(), feed: count })),
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

export type Deployment = z.infer<typeof deploymentSchema>
export type DeployedChain = Deployment['chains'][number]

/** The chain with that id. Asserts that the deployment has it. */
export function chainOf(deployment: Deployment, chainId: number): DeployedChain {
  const found = deployment.chains.find((candidate) => candidate.chainId === chainId)
  if (!found) throw new Error(`The deployment has no chain ${chainId}: add it to "chains".`)
  return found
}
