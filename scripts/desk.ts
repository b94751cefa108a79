// `npm run desk -- DEPLOYMENT COUNCIL_KEY`: puts the Desk of docs/venue.md under a devnet that runs, as its council, and trades there.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Clearing, Policy, TimelockController } from '@omnimargin/chains/abi'
import { type Deployer, deploy } from '@omnimargin/chains/deploy'
import { type Parameters, packParameters, unpackParameters } from '@omnimargin/core/parameters'
import { readerOf, walletOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { reachChain } from '@omnimargin/service/devnet/chains'
import { until } from '@omnimargin/service/devnet/until'
import { type Abi, type Address, encodeFunctionData, type Hex, type PublicClient, zeroHash } from 'viem'
import { readKey } from '../cli/src/secret.ts'
import { makeActor } from '../cli/src/story/actor.ts'

const SYMBOL = 'ETH-DESK'
/** Of the price that the Desk goes by, and of the underlying that its market is of: ether's are the devnet's first. */
const [FEED, UNDERLYING] = [0, 0]
const SIZE = 5n * 10n ** 18n

const contracts = join(import.meta.dirname, '..', 'contracts')
// forge's own variable, for a build beside the usual one.
const out = resolve(contracts, process.env.FOUNDRY_OUT ?? 'out')
const say = (text: string) => process.stdout.write(`${text}\n`)

/** Compiles the contract, which no other command builds, and puts it on the clearing's chain. */
async function deployDesk(council: Deployer, { clearing }: Deployment): Promise<{ desk: Address; abi: Abi }> {
  const { status } = spawnSync('forge', ['build', 'test/venue/Desk.sol'], { cwd: contracts, stdio: 'inherit' })
  if (status !== 0) throw new ConfigError('forge could not build the Desk: see above.')
  const { abi, bytecode } = JSON.parse(readFileSync(join(out, 'Desk.sol', 'Desk.json'), 'utf8'))
  const args = [clearing.address, FEED, council.wallet.account.address]
  return { abi, desk: await deploy(council, { abi, bytecode: bytecode.object }, args) }
}

/** The deployment with an emitter and a market more. */
function withDesk(deployment: Deployment, desk: Address, fromBlock: number): Deployment {
  const { chains, clearing } = deployment
  const { chainId, markets } = clearing
  const market = { symbol: SYMBOL, feed: FEED, chainId, venue: desk, item: 0 }
  return {
    ...deployment,
    chains: chains.map((chain) => {
      const emitter = { kind: 'venue', address: desk, fromBlock } as const
      return chain.chainId === chainId ? { ...chain, emitters: [...chain.emitters, emitter] } : chain
    }),
    clearing: { ...clearing, markets: [...markets, market] },
  }
}

/** The parameters in force, with a row more for the venue and for its market: wider than the Desk's band, and without funding. */
function withRows(now: Parameters): Parameters {
  const venue = { legShare: 0n, calmAge: 30, warnAge: 90, deadAge: 300, tripAge: 300, isRemote: false }
  const size = { minSize: 10n ** 16n, openInterestCap: 1_000n * 10n ** 18n }
  const terms = { band: 3n * 10n ** 16n, maxFunding: 0n, instrument: 0 }
  const market = { underlying: UNDERLYING, venue: now.venues.length, ...size, ...terms }
  return { ...now, markets: [...now.markets, market], venues: [...now.venues, venue] }
}

/** What the timelock is to call, all at once: in between, no steward could post. */
async function callsOf({ reader }: Deployer, { clearing }: Deployment, policy: Address, desk: Address): Promise<Hex[]> {
  const [, blob] = await reader.readContract({
    address: clearing.address,
    abi: Clearing.abi,
    functionName: 'parameters',
  })
  const bounds = await reader.readContract({ address: policy, abi: Policy.abi, functionName: 'bounds' })
  const chainId = BigInt(clearing.chainId)
  const parameters = packParameters(withRows(unpackParameters(blob)))
  const { abi } = Clearing
  const atClearing = [
    encodeFunctionData({ abi, functionName: 'addVenue', args: [chainId, desk] }),
    encodeFunctionData({ abi, functionName: 'addMarket', args: [{ chainId, venue: desk, item: zeroHash }] }),
    encodeFunctionData({ abi, functionName: 'setParameters', args: [parameters] }),
  ]
  return [
    ...atClearing.map((call) => encodeFunctionData({ abi: Policy.abi, functionName: 'execute', args: [call] })),
    // Listings and underlyings, which they name, stand before markets and venues: their places are what they were.
    encodeFunctionData({ abi: Policy.abi, functionName: 'setBounds', args: [bounds] }),
  ]
}

/** Scheduled, waited for, executed. */
async function govern({ reader, wallet }: Deployer, timelock: Address, policy: Address, calls: Hex[]): Promise<void> {
  const lock = { address: timelock, abi: TimelockController.abi } as const
  const batch = [calls.map(() => policy), calls.map(() => 0n), calls, zeroHash, zeroHash] as const
  const delay = await reader.readContract({ ...lock, functionName: 'getMinDelay' })
  const schedule = wallet.writeContract({ ...lock, functionName: 'scheduleBatch', args: [...batch, delay] })
  const at = await timeOf(reader, schedule, 'The timelock')
  say(`Scheduled at the timelock; it waits ${delay} s.`)
  await until('the delay to pass', async () => (await reader.getBlock()).timestamp >= at + delay)
  await timeOf(reader, wallet.writeContract({ ...lock, functionName: 'executeBatch', args: batch }), 'The timelock')
}

/** When the transaction was included. Throws if it was refused. */
async function timeOf(reader: PublicClient, sent: Promise<Hex>, whose: string): Promise<bigint> {
  const { status, blockNumber, transactionHash } = await reader.waitForTransactionReceipt({ hash: await sent })
  if (status !== 'success') throw new Error(`${whose} refused: transaction ${transactionHash}.`)
  return (await reader.getBlock({ blockNumber })).timestamp
}

/** Two accounts with collateral and a limit each, a trade that the operator writes down, and the positions that come of it. */
async function trade({ reader, wallet }: Deployer, deployment: Deployment, desk: Address, abi: Abi): Promise<void> {
  const { chains, clearing, tokens } = deployment
  const [market, token] = [clearing.markets.length - 1, tokens.find(({ chainId }) => chainId === clearing.chainId)]
  if (!token) throw new ConfigError('The deployment has no token on the clearing’s chain to lock.')
  const buyer = await makeActor('the buyer', chains.map(reachChain), deployment)
  const seller = await makeActor('the seller', chains.map(reachChain), deployment)
  for (const actor of [buyer, seller]) {
    await actor.openLine(token)
    await actor.deposit(token, 50_000n * 10n ** BigInt(token.decimals))
  }
  await buyer.raiseLimits(market, SIZE, 0n)
  await seller.raiseLimits(market, 0n, SIZE)
  const read = { address: clearing.address, abi: Clearing.abi } as const
  const { price } = await reader.readContract({ ...read, functionName: 'indexPrice', args: [BigInt(FEED)] })
  const args = [buyer.account, seller.account, SIZE, price]
  await timeOf(reader, wallet.writeContract({ address: desk, abi, functionName: 'trade', args }), 'The Desk')
  for (const { name, account } of [buyer, seller]) {
    const size = await until(`the position of ${name}`, async () => {
      const [position] = await reader.readContract({
        ...read,
        functionName: 'positionOf',
        args: [account, BigInt(market)],
      })
      return position.size !== 0n && position.size
    })
    say(`Position of ${name}, ${account}: ${size / 10n ** 18n} ETH.`)
  }
}

async function main(file: string, keyFile: string): Promise<void> {
  const deployment = readConfig(file, deploymentSchema)
  const { chainId, policy, timelock, markets } = deployment.clearing
  if (!policy || !timelock) throw new ConfigError(`${file}: "clearing" names no policy or no timelock: add them.`)
  if (markets.some(({ symbol }) => symbol === SYMBOL))
    throw new ConfigError(`${file}: it has a market ${SYMBOL} already: start the devnet anew for another.`)
  const chain = chainOf(deployment, chainId)
  const council = { reader: readerOf(chain), wallet: walletOf(chain, readKey(keyFile)) }
  const { desk, abi } = await deployDesk(council, deployment)
  // It is there from this block on, and has written nothing yet.
  const fromBlock = Number(await council.reader.getBlockNumber())
  say(`The Desk is at ${desk} on ${chain.name}.`)
  const wider = withDesk(deployment, desk, fromBlock)
  writeFileSync(file, JSON.stringify(wider, null, 2))
  await govern(council, timelock, policy, await callsOf(council, wider, policy, desk))
  say(`The clearing has it as market ${wider.clearing.markets.length - 1}, ${SYMBOL}.`)
  await trade(council, wider, desk, abi)
}

const [file, keyFile] = process.argv.slice(2)
try {
  if (!file || !keyFile)
    throw new ConfigError('Usage: npm run desk -- DEPLOYMENT COUNCIL_KEY, both as `npm start` says.')
  await main(file, keyFile)
} catch (failure) {
  process.stderr.write(`${failure instanceof ConfigError ? failure.message : failure}\n`)
  process.exitCode = 1
}
