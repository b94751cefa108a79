/** The same portfolios through Solidity and TypeScript, compared to the last unit. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { startAnvil } from '@omnimargin/chains/anvil'
import { deploy } from '@omnimargin/chains/deploy'
import { computeMargin, type Margin, type Portfolio } from '@omnimargin/core/margin'
import { readerOf, walletOf } from '@omnimargin/service/clients'
import {
  type Abi,
  type Address,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  toHex,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { readArtifacts } from '../artifacts.ts'
import { type Dice, diceOf, drawPortfolio } from './portfolio.ts'

export type Difference = {
  readonly portfolio: Portfolio
  readonly field: keyof Margin
  readonly here: bigint
  readonly there: bigint
}

const CONTRACTS = join(import.meta.dirname, '..', '..', 'contracts')
const BATCH = 250
const GAS_LIMIT = 10n ** 9n
const FIELDS = [
  'equity',
  'initialMarginBalance',
  'initialMargin',
  'maintenanceMarginBalance',
  'maintenanceMargin',
  'exposure',
] as const satisfies readonly (keyof Margin)[]

/** The first case on which the two sides differ, or nothing after all of them. `done` hears how many are through. */
export async function findDifference(
  cases: number,
  seed: bigint,
  done: (cases: number) => void = () => undefined,
): Promise<Difference | undefined> {
  const anvil = await startAnvil({ chainId: 31_337, gasLimit: GAS_LIMIT })
  try {
    const twin = await deployTwin(anvil.url)
    const dice = diceOf(seed)
    for (let through = 0; through < cases; ) {
      const count = Math.min(BATCH, cases - through)
      const difference = await compareBatch(twin, dice, count)
      if (difference) return difference
      through += count
      done(through)
    }
    return undefined
  } finally {
    await anvil.stop()
  }
}

type Twin = { reader: PublicClient; address: Address; abi: Abi }

/** Compiled anew: what is built for use does not hold the harness, and an old one would be compared with a formula that it never had. */
async function deployTwin(url: string): Promise<Twin> {
  execFileSync('forge', ['build', 'test/harness'], { cwd: CONTRACTS, stdio: ['ignore', 'ignore', 'inherit'] })
  const artifact = readArtifacts().find(({ name }) => name === 'Twin')
  if (!artifact) throw new Error('contracts/test/harness/Twin.sol has no contract Twin.')
  const place = { chainId: 31_337, name: 'local', rpc: [url] }
  const reader = readerOf(place)
  const owner = privateKeyToAccount(generatePrivateKey())
  await reader.request({ method: 'anvil_setBalance', params: [owner.address, toHex(10n ** 20n)] } as never)
  const abi = artifact.abi as Abi
  const address = await deploy({ reader, wallet: walletOf(place, owner) }, { abi, bytecode: artifact.bytecode as Hex })
  return { reader, address, abi }
}

async function compareBatch(
  { reader, address, abi }: Twin,
  dice: Dice,
  count: number,
): Promise<Difference | undefined> {
  const portfolios = Array.from({ length: count }, () => drawPortfolio(dice))
  const data = encodeFunctionData({ abi, functionName: 'margins', args: [portfolios.map(abiPortfolio)] })
  const answer = await reader.call({ to: address, data, gas: GAS_LIMIT })
  const there = decodeFunctionResult({ abi, functionName: 'margins', data: answer.data ?? '0x' }) as Margin[]
  for (const [i, portfolio] of portfolios.entries()) {
    const margin = computeMargin(portfolio)
    const field = FIELDS.find((name) => there[i]?.[name] !== margin[name])
    if (field) return { portfolio, field, here: margin[field], there: there[i]?.[field] ?? 0n }
  }
  return undefined
}

/** As contracts/test/harness/Portfolios.sol takes it. */
function abiPortfolio({ lines, positions, credits, ...rest }: Portfolio) {
  return {
    ...rest,
    lines: lines.map((line) => ({ ...line, decimals: BigInt(`${line.unit}`.length - 1) })),
    positions: positions.map((p) => ({ ...p, underlying: BigInt(p.underlying), venue: BigInt(p.venue) })),
    credits: credits.map((credit) => ({ ...credit, first: BigInt(credit.first), second: BigInt(credit.second) })),
  }
}
