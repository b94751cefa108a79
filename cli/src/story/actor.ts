/** Someone with a key: what a trader does by hand, as transactions and signed orders. */
import { Clearing, Token, Vault, Venue } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import type { DeployedToken, Deployment } from '@omnimargin/service/deployment'
import { approveCall, depositCall } from '@omnimargin/service/deposit/calls'
import type { ReachedChain } from '@omnimargin/service/devnet/chains'
import { until } from '@omnimargin/service/devnet/until'
import { type Call, type Line, openLineCall } from '@omnimargin/service/line'
import { senderOf } from '@omnimargin/service/sender'
import { type Address, encodeFunctionData, isAddressEqual, type PublicClient, type TransactionReceipt } from 'viem'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'

export type Actor = {
  readonly name: string
  readonly address: Address
  /** Its margin account at the clearing. */
  readonly account: Hex
  readonly deposit: (token: DeployedToken, amount: bigint) => Promise<TransactionReceipt>
  readonly openLine: (token: DeployedToken) => Promise<TransactionReceipt>
  readonly raiseLimits: (market: number, buy: bigint, sell: bigint) => Promise<TransactionReceipt>
  readonly voidLimits: (market: number) => Promise<TransactionReceipt>
  readonly release: (line: number, units: bigint) => Promise<TransactionReceipt>
  readonly withdraw: (token: DeployedToken, amount: bigint) => Promise<TransactionReceipt>
  readonly signOrder: (order: OrderTerms) => Promise<SignedOrder>
  readonly fill: (maker: SignedOrder, taker: SignedOrder, size: bigint) => Promise<TransactionReceipt>
}

export type OrderTerms = {
  /** The clearing's number of the market. */
  readonly market: number
  readonly isBuy: boolean
  readonly size: bigint
  readonly price: bigint
  readonly expiry: bigint
  readonly nonce: bigint
}

export type SignedOrder = {
  /** Its `market` is the number at the venue. */
  readonly order: OrderTerms & { readonly account: Hex }
  readonly signature: Hex
  readonly chainId: number
  readonly venue: Address
}

const GAS_LIMIT = 5_000_000n
/** What the contracts that a trader calls refuse with. */
const REFUSALS = [...Clearing.abi, ...Vault.abi, ...Venue.abi]

const ORDER = [
  { name: 'account', type: 'bytes32' },
  { name: 'market', type: 'uint32' },
  { name: 'isBuy', type: 'bool' },
  { name: 'size', type: 'uint128' },
  { name: 'price', type: 'uint96' },
  { name: 'expiry', type: 'uint64' },
  { name: 'nonce', type: 'uint64' },
] as const

/** A funded actor on every chain; with a new key unless one is given. */
export async function makeActor(
  name: string,
  chains: readonly ReachedChain[],
  deployment: Deployment,
  key: PrivateKeyAccount = privateKeyToAccount(generatePrivateKey()),
): Promise<Actor> {
  await Promise.all(chains.map((chain) => chain.fund(key.address)))
  const ways = new Map(
    chains.map(({ plan, reader, walletOf }) => [plan.chainId, { reader, sender: senderOf(reader, walletOf(key)) }]),
  )
  const { clearing } = deployment
  const account = accountOf(key.address)
  const send = async (chainId: number, { to, data, value = 0n }: Call, what: string) => {
    const way = ways.get(chainId)
    if (!way) throw new Error(`${name} has no key on chain ${chainId}.`)
    const { reader, sender } = way
    const call = { to, data, value, gas: GAS_LIMIT }
    const rehearse = (blockNumber?: bigint) =>
      refusalOf(reader, { from: key.address, ...call, ...(blockNumber && { blockNumber }) }, REFUSALS)
    await untilTaken(`${name} to be able to ${what}`, rehearse)
    const receipt = await sender.send(call)
    if (receipt.status === 'success') return receipt
    const { transactionHash, blockNumber } = receipt
    const why = (await rehearse(blockNumber)) ?? 'it reverted, and a block later would not have'
    throw new Error(`${name} could not ${what}: ${why} (transaction ${transactionHash}).`)
  }
  const atClearing = (data: Hex, what: string) => send(clearing.chainId, { to: clearing.address, data }, what)
  const lineOf = (token: DeployedToken) => ({ account, holder: key.address, token })
  return {
    name,
    address: key.address,
    account,
    deposit: (token, amount) => {
      const reader = chains.find(({ plan }) => plan.chainId === token.chainId)?.reader
      if (!reader) throw new Error(`There is no chain ${token.chainId} to lock ${token.symbol} on.`)
      return deposit(reader, send, deployment, lineOf(token), amount)
    },
    openLine: (token) => send(clearing.chainId, openLineCall(deployment, lineOf(token)), 'open a line'),
    raiseLimits: (market, buy, sell) => {
      const args = [account, BigInt(market), buy, sell] as const
      return atClearing(encodeFunctionData({ abi: Clearing.abi, functionName: 'raiseLimits', args }), 'raise limits')
    },
    voidLimits: (market) => {
      const args = [account, BigInt(market)] as const
      return atClearing(encodeFunctionData({ abi: Clearing.abi, functionName: 'voidLimits', args }), 'void limits')
    },
    release: (line, units) => {
      const args = [account, BigInt(line), units] as const
      return atClearing(encodeFunctionData({ abi: Clearing.abi, functionName: 'release', args }), 'release collateral')
    },
    withdraw: ({ chainId, vault, address: asset }, amount) => {
      const args = [asset, amount, key.address] as const
      const data = encodeFunctionData({ abi: Vault.abi, functionName: 'withdraw', args })
      return send(chainId, { to: vault, data }, 'withdraw')
    },
    signOrder: async (terms) => {
      const { chainId, venue, item } = marketOf(clearing, terms.market)
      const order = { account, ...terms, market: item }
      const domain = { name: 'Omnimargin Venue', version: '1', chainId, verifyingContract: venue }
      const typed = { domain, types: { Order: ORDER }, primaryType: 'Order', message: order } as const
      return { order, signature: await key.signTypedData(typed), chainId, venue }
    },
    fill: (maker, taker, size) => {
      const args = [maker.order, maker.signature, taker.order, taker.signature, size] as const
      const data = encodeFunctionData({ abi: Venue.abi, functionName: 'fill', args })
      return send(taker.chainId, { to: taker.venue, data }, 'match the orders')
    },
  }
}

/** A price or a route that is late on a slow machine is refused for a while only. Throws with what it was refused for. */
async function untilTaken(what: string, ask: () => Promise<string | undefined>): Promise<void> {
  let refusal: string | undefined
  const isTaken = async () => {
    refusal = await ask()
    return refusal === undefined
  }
  await until(what, isTaken).catch((cause) => {
    throw new Error(`Waited in vain for ${what}: ${refusal}.`, { cause })
  })
}

/** A seller's order and a buyer's at one price, good for ten minutes, and filled by the buyer; `reader` is of the venue's chain. */
export async function cross(
  reader: PublicClient,
  { seller, buyer }: { readonly seller: Actor; readonly buyer: Actor },
  terms: Pick<OrderTerms, 'market' | 'size' | 'price' | 'nonce'>,
): Promise<void> {
  const { timestamp } = await reader.getBlock()
  const order = { ...terms, expiry: timestamp + 600n }
  const ask = await seller.signOrder({ ...order, isBuy: false })
  await buyer.fill(ask, await buyer.signOrder({ ...order, isBuy: true }), terms.size)
}

function marketOf({ markets }: Deployment['clearing'], market: number) {
  const found = markets[market]
  if (!found) throw new Error(`There is no market ${market}.`)
  return found
}

/** Locks the chain's own coin for the account; or mints the devnet's token, lets the vault take it, and locks that. */
async function deposit(
  reader: PublicClient,
  send: (chainId: number, call: Call, what: string) => Promise<TransactionReceipt>,
  deployment: Deployment,
  line: Line,
  units: bigint,
): Promise<TransactionReceipt> {
  const { chainId, address, vault } = line.token
  const wrapped = await reader.readContract({ address: vault, abi: Vault.abi, functionName: 'wrapped' })
  const isCoin = isAddressEqual(wrapped, address)
  if (!isCoin) {
    const mint = encodeFunctionData({ abi: Token.abi, functionName: 'mint', args: [line.holder, units] })
    await send(chainId, { to: address, data: mint }, 'mint')
    await send(chainId, approveCall(line.token, units), 'approve the vault')
  }
  return send(chainId, depositCall(deployment, line, units, isCoin), 'deposit')
}
