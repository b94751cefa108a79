/** The chains that a role sends transactions to, from one account. */
import type { PublicClient } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { readerOf, walletOf } from './clients.ts'
import type { DeployedChain, Deployment } from './deployment.ts'
import { type Sender, senderOf } from './sender.ts'

export type Destination = { readonly chain: DeployedChain; readonly reader: PublicClient; readonly sender: Sender }

/** By chain id. */
export type Destinations = ReadonlyMap<number, Destination>

/** Every chain of the deployment. */
export function destinationsOf(deployment: Deployment, account: PrivateKeyAccount): Destinations {
  return new Map(deployment.chains.map((chain) => [chain.chainId, destinationTo(chain, account)]))
}

export function destinationTo(chain: DeployedChain, account: PrivateKeyAccount): Destination {
  const reader = readerOf(chain)
  return { chain, reader, sender: senderOf(reader, walletOf(chain, account)) }
}

/** The clearing's own. Asserts that the deployment has it. */
export function homeOf({ clearing }: Deployment, destinations: Destinations): Destination {
  return destinationOn(destinations, clearing.chainId)
}

/** The one on that chain. Asserts that the deployment has it. */
export function destinationOn(destinations: Destinations, chainId: number): Destination {
  const found = destinations.get(chainId)
  if (!found) throw new Error(`The deployment has no chain ${chainId}: add it to "chains".`)
  return found
}
