/** Deploying contracts, with the libraries that are linked into them. */
import type { Abi, Account, Address, Chain, Hex, PublicClient, Transport, WalletClient } from 'viem'

export type Artifact = {
  readonly abi: Abi | readonly unknown[]
  readonly bytecode: Hex
  /** Names of linked libraries, each with the placeholder for its address in the bytecode. */
  readonly libraries?: Readonly<Record<string, string>>
}

export type Deployer = {
  readonly reader: PublicClient
  readonly wallet: WalletClient<Transport, Chain, Account>
}

/** Puts a contract on chain and returns its address. Asserts that every linked library is given. */
export async function deploy(
  { reader, wallet }: Deployer,
  artifact: Artifact,
  args: readonly unknown[] = [],
  libraries: Readonly<Record<string, Address>> = {},
): Promise<Address> {
  const bytecode = link(artifact, libraries)
  const hash = await wallet.deployContract({ abi: artifact.abi as Abi, bytecode, args: [...args] })
  const { contractAddress, status } = await reader.waitForTransactionReceipt({ hash })
  if (status !== 'success' || !contractAddress) throw new Error(`A deployment reverted: transaction ${hash}.`)
  return contractAddress.toLowerCase() as Address
}

function link({ bytecode, libraries = {} }: Artifact, addresses: Readonly<Record<string, Address>>): Hex {
  return Object.entries(libraries).reduce<string>((code, [name, placeholder]) => {
    const address = addresses[name]
    if (!address) throw new Error(`The contract is linked with ${name}: deploy that first and give its address.`)
    return code.replaceAll(placeholder, address.slice(2))
  }, bytecode) as Hex
}
