/** Putting the contracts on the devnet's chains, and telling everybody where they are. */
import * as abi from '@omnimargin/chains/abi'
import { type Deployer, deploy } from '@omnimargin/chains/deploy'
import { type Parameters, packParameters } from '@omnimargin/core/parameters'
import { type Address, type Hex, type PublicClient, padHex, toHex, zeroAddress } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { type Deployment, deploymentSchema } from '../deployment.ts'
import { BOUNDS, POLICY_TIMES } from './bounds.ts'
import type { LocalChain } from './chains.ts'
import {
  FEEDS,
  FUNDING_PERIOD_SECONDS,
  HEARTBEAT_SECONDS,
  LEASE_SECONDS,
  MARKETS,
  MAX_PREMIUM,
  MIN_SIZE,
  PRICE_POLICY,
  TOKENS,
  VENUE_BAND,
  VENUES,
} from './parameters.ts'

/** Who may do what at the clearing's policy; the council schedules at the timelock that owns it. */
export type Governance = {
  readonly council: Address
  readonly steward: Address
  readonly guardians: readonly Address[]
}
export type Attestors = { readonly addresses: readonly Address[]; readonly urls: readonly string[] }

type Site = {
  chain: LocalChain
  deployer: Deployer
  roots: Address
  batch: Address
  vault: Address
  tokens: Tokens
  fromBlock: number
}
type Placed = { chainId: number; address: Address; pyth: Address; fromBlock: number }
type Tokens = { symbol: string; address: Address; decimals: number }[]

const THRESHOLD = 3
const EPOCH_SECONDS = 365 * 24 * 3600
const PYTH_FEE = 1n

/** Deploys everything, tells the clearing what there is, and hands it over to its policy: from then on the deployer's key owns nothing. */
export async function deployAll(
  chains: readonly LocalChain[],
  account: PrivateKeyAccount,
  attestors: Attestors,
  governance: Governance,
  parameters: Parameters,
): Promise<Deployment> {
  const signers = [...attestors.addresses].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  const sites = await Promise.all(chains.map((chain) => deploySite(chain, account, signers)))
  const trading = sites.at(-1)
  if (!trading) throw new Error('A devnet has at least one chain.')
  const clearing = await deployClearing(trading, account)
  const venues = await Promise.all(
    VENUES.map((name) => {
      const site = sites.find(({ chain }) => chain.plan.name === name)
      if (!site) throw new Error(`There is no chain ${name} for a venue.`)
      return deployVenue(site, clearing)
    }),
  )
  await register(trading, sites, { clearing: clearing.address, venues, parameters })
  const owners = await deployPolicy(trading.deployer, clearing.address, governance)
  return deploymentSchema.parse({
    chains: sites.map((site) => describe(site, clearing, venues)),
    committee: {
      epoch: 0,
      threshold: THRESHOLD,
      signers,
      attestors: attestors.addresses.map((address, i) => ({ address, url: attestors.urls[i] })),
    },
    clearing: {
      chainId: clearing.chainId,
      address: clearing.address,
      ...owners,
      feeds: FEEDS,
      markets: venues.flatMap(({ chainId, address: venue }) =>
        MARKETS.map((market, item) => ({ ...market, chainId, venue, item })),
      ),
    },
    tokens: sites.flatMap(({ chain, vault, tokens }) =>
      tokens.map((token) => ({ ...token, chainId: chain.plan.chainId, vault })),
    ),
  })
}

async function deploySite(chain: LocalChain, account: PrivateKeyAccount, signers: Address[]): Promise<Site> {
  await chain.fund(account.address)
  const deployer = { reader: chain.reader, wallet: chain.walletOf(account) }
  const { timestamp } = await chain.reader.getBlock()
  const end = Number(timestamp) + EPOCH_SECONDS
  const roots = await deploy(deployer, abi.CommitteeRoots, [signers, THRESHOLD, end])
  const batch = await deploy(deployer, abi.Batch)
  const tokens: Tokens = []
  let wrapped: Address = zeroAddress
  for (const { symbol, decimals, isWrappedCoin } of TOKENS.filter((token) => token.chain === chain.plan.name)) {
    const address = await (isWrappedCoin
      ? deploy(deployer, abi.WrappedCoin)
      : deploy(deployer, abi.Token, [symbol, decimals]))
    if (isWrappedCoin) wrapped = address
    tokens.push({ symbol, decimals, address })
  }
  const vault = await deploy(deployer, abi.Vault, [roots, HEARTBEAT_SECONDS, wrapped])
  // Nothing has been written yet, so this is where everybody may begin to read.
  const fromBlock = Number(await chain.reader.getBlockNumber())
  return { chain, deployer, roots, batch, vault, tokens, fromBlock }
}

async function deployClearing({ chain, deployer, roots }: Site, account: PrivateKeyAccount): Promise<Placed> {
  const pyth = await deployPyth(deployer)
  const libraries: Record<string, Address> = {}
  const { Breakers, Closings, Index, Lines, Limits, Liquidation, Misfits, Settlement } = abi
  const free = { Breakers, Closings, Index, Lines, Limits, Liquidation, Misfits, Settlement }
  for (const [name, library] of Object.entries(free)) libraries[name] = await deploy(deployer, library)
  // These are linked with others themselves.
  for (const [name, library] of Object.entries({ Learning: abi.Learning, Registrar: abi.Registrar })) {
    libraries[name] = await deploy(deployer, library, [], libraries)
  }
  const clearingArgs = [roots, HEARTBEAT_SECONDS, pyth, PRICE_POLICY, account.address]
  const address = await deploy(deployer, abi.Clearing, clearingArgs, libraries)
  return { chainId: chain.plan.chainId, address, pyth, fromBlock: await newestBlock(chain) }
}

/** A venue on the clearing's chain shares its Pyth. */
async function deployVenue({ chain, deployer, roots }: Site, clearing: Placed): Promise<Placed> {
  const { chainId } = chain.plan
  const pyth = chainId === clearing.chainId ? clearing.pyth : await deployPyth(deployer)
  const funding = { maxPremium: MAX_PREMIUM, fundingPeriod: FUNDING_PERIOD_SECONDS }
  const terms = MARKETS.map(({ feed }) => {
    return { feedId: FEEDS[feed].feedId, band: VENUE_BAND, ...funding, minSize: MIN_SIZE }
  })
  const home = [BigInt(clearing.chainId), clearing.address]
  const venueArgs = [roots, HEARTBEAT_SECONDS, ...home, LEASE_SECONDS, pyth, PRICE_POLICY, terms]
  const address = await deploy(deployer, abi.Venue, venueArgs)
  return { chainId, address, pyth, fromBlock: await newestBlock(chain) }
}

function deployPyth(deployer: Deployer): Promise<Address> {
  return deploy(deployer, abi.MockPyth, [BigInt(PRICE_POLICY.maxAge), PYTH_FEE])
}

async function newestBlock({ reader }: LocalChain): Promise<number> {
  return Number(await reader.getBlockNumber())
}

/** Tells the clearing its feeds, vaults, venues, listings, markets and parameters. */
async function register(
  trading: Site,
  sites: readonly Site[],
  { clearing, venues, parameters }: { clearing: Address; venues: readonly Placed[]; parameters: Parameters },
): Promise<void> {
  const { reader, wallet } = trading.deployer
  const contract = { address: clearing, abi: abi.Clearing.abi } as const
  const done = (hash: Promise<Hex>) => succeeded(reader, hash, 'The clearing')
  for (const { feedId } of FEEDS)
    await done(wallet.writeContract({ ...contract, functionName: 'addFeed', args: [feedId] }))
  for (const { chain, vault, tokens } of sites) {
    const chainId = BigInt(chain.plan.chainId)
    await done(wallet.writeContract({ ...contract, functionName: 'addVault', args: [chainId, vault] }))
    for (const { address: asset } of tokens) {
      await done(wallet.writeContract({ ...contract, functionName: 'listAsset', args: [{ chainId, vault, asset }] }))
    }
  }
  for (const { chainId: id, address: venue } of venues) {
    const chainId = BigInt(id)
    await done(wallet.writeContract({ ...contract, functionName: 'addVenue', args: [chainId, venue] }))
    for (const market of MARKETS.keys()) {
      const item = padHex(toHex(market), { size: 32 })
      await done(wallet.writeContract({ ...contract, functionName: 'addMarket', args: [{ chainId, venue, item }] }))
    }
  }
  await done(wallet.writeContract({ ...contract, functionName: 'setParameters', args: [packParameters(parameters)] }))
}

async function succeeded(reader: PublicClient, hash: Promise<Hex>, whose: string): Promise<void> {
  const { status, transactionHash } = await reader.waitForTransactionReceipt({ hash: await hash })
  if (status !== 'success') throw new Error(`${whose} refused its set-up: ${transactionHash}.`)
}

/** The policy, with its bounds, its people and the timelock that it makes itself, and the clearing handed over to it. */
async function deployPolicy(
  deployer: Deployer,
  clearing: Address,
  { council, steward, guardians }: Governance,
): Promise<{ policy: Address; timelock: Address }> {
  const { reader, wallet } = deployer
  const seats = { council: [council], stewards: [steward], guardians }
  const policy = await deploy(deployer, abi.Policy, [clearing, POLICY_TIMES, seats, BOUNDS])
  const read = { address: policy, abi: abi.Policy.abi } as const
  const offer = { address: clearing, abi: abi.Clearing.abi, functionName: 'transferOwnership', args: [policy] } as const
  await succeeded(reader, wallet.writeContract(offer), 'The clearing')
  await succeeded(reader, wallet.writeContract({ ...read, functionName: 'accept' }), 'The policy')
  return { policy, timelock: await reader.readContract({ ...read, functionName: 'owner' }) }
}

function describe({ chain, roots, batch, vault, fromBlock }: Site, clearing: Placed, venues: readonly Placed[]) {
  const { name, chainId, checkpointInterval } = chain.plan
  const here = [{ kind: 'clearing', ...clearing }, ...venues.map((venue) => ({ kind: 'venue', ...venue }))].filter(
    (placed) => placed.chainId === chainId,
  )
  const emitters = [
    { kind: 'vault', address: vault, fromBlock },
    ...here.map((placed) => ({ kind: placed.kind, address: placed.address, fromBlock: placed.fromBlock })),
  ]
  return { name, chainId, rpc: [chain.url], checkpointInterval, roots, batch, pyth: here[0]?.pyth, emitters }
}
