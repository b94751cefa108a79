/** What Pyth's contract asks for taking signed updates in. */
import { RpcFailed } from '@omnimargin/chains/errors'
import { type Address, type Hex, type PublicClient, parseAbi } from 'viem'

const PYTH = parseAbi(['function getUpdateFee(bytes[] updateData) view returns (uint256)'])

/** In the chain's own coin, its smallest unit. Throws RpcFailed. */
export async function updateFee(reader: PublicClient, pyth: Address, updates: readonly Hex[]): Promise<bigint> {
  try {
    return await reader.readContract({ address: pyth, abi: PYTH, functionName: 'getUpdateFee', args: [[...updates]] })
  } catch (cause) {
    throw new RpcFailed("Pyth's fee", cause)
  }
}
