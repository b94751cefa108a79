/** Adding up both sides: what the vaults hold against what the clearing says, and the clearing against itself. */
import { Clearing, Token, Vault } from '@omnimargin/chains/abi'
import type { Hex } from '@omnimargin/core/bytes'
import { applyEvent, EMPTY_LEDGER, type Ledger, type LedgerEvent, unitsOfListing } from '@omnimargin/core/ledger'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { type Address, encodeAbiParameters, keccak256, parseAbiParameters } from 'viem'
import { amount } from './amounts.ts'

/** One equation: two numbers that must be the same. */
export type Sum = { readonly what: string; readonly left: string; readonly right: string; readonly holds: boolean }

/** The clearing's accounts, rebuilt from its events up to now. */
export async function readLedger({ chains, deployment }: Devnet): Promise<Ledger> {
  const { address, chainId } = deployment.clearing
  const chain = chains.find(({ plan }) => plan.chainId === chainId)
  const events = await chain?.reader.getContractEvents({ address, abi: Clearing.abi, fromBlock: 0n, strict: true })
  return (events as unknown as LedgerEvent[]).reduce(applyEvent, EMPTY_LEDGER)
}

/** All equations; `holders` are everybody who ever deposited or was released to. */
export async function addUp(devnet: Devnet, holders: readonly Address[]): Promise<Sum[]> {
  const ledger = await readLedger(devnet)
  const tokens = await Promise.all(
    devnet.deployment.tokens.map((token, i) => tokenSums(devnet, ledger, token, i, holders)),
  )
  return [...tokens.flat(), ...ledgerSums(ledger), ...(await replaySums(devnet, ledger))]
}

type DeployedToken = Devnet['deployment']['tokens'][number]

async function tokenSums(
  { chains, deployment }: Devnet,
  ledger: Ledger,
  token: DeployedToken,
  listing: number,
  holders: readonly Address[],
): Promise<Sum[]> {
  const chain = chains.find(({ plan }) => plan.chainId === token.chainId)
  if (!chain) throw new Error(`No chain ${token.chainId} for ${token.symbol}.`)
  const { clearing } = deployment
  const peer = keccak256(
    encodeAbiParameters(parseAbiParameters('uint256, address'), [BigInt(clearing.chainId), clearing.address]),
  )
  const vault = { address: token.vault, abi: Vault.abi } as const
  const [held, pool, ...free] = await Promise.all([
    chain.reader.readContract({
      address: token.address,
      abi: Token.abi,
      functionName: 'balanceOf',
      args: [token.vault],
    }),
    chain.reader.readContract({ ...vault, functionName: 'pool', args: [peer, token.address] }),
    ...holders.map((holder) =>
      chain.reader.readContract({ ...vault, functionName: 'free', args: [holder, token.address] }),
    ),
  ])
  const owed = free.reduce((total, part) => total + part, pool)
  const name = `${token.symbol} on ${chain.plan.name}`
  const show = (units: bigint) => amount(units, token.decimals, 4)
  const { units } = unitsOfListing(ledger, listing)
  return [
    equation(`${name}: vault holds = free + pool`, held, owed, show),
    equation(`${name}: vault's pool = units at the clearing`, pool, units, show),
  ]
}

function ledgerSums(ledger: Ledger): Sum[] {
  const positions = [...ledger.accounts.values()].map(({ positions }) => positions)
  const sizes = ledger.markets.map((_, market) => {
    const size = positions.reduce((total, held) => total + (held.get(market)?.size ?? 0n), 0n)
    return equation(`market ${market}: longs = shorts`, size, 0n, amount)
  })
  const quotes = positions.flatMap((held) => [...held.values()].map(({ quote }) => quote))
  const cash = [...ledger.accounts.values()].map((account) => account.cash)
  const total = [...quotes, ...cash].reduce((sum, part) => sum + part, 0n)
  return [...sizes, equation('cash + quotes over all accounts = 0', total, 0n, amount)]
}

/** What events say of every account is what the contract says of it. */
async function replaySums({ chains, deployment }: Devnet, ledger: Ledger): Promise<Sum[]> {
  const { address, chainId } = deployment.clearing
  const reader = chains.find(({ plan }) => plan.chainId === chainId)?.reader
  if (!reader) throw new Error(`No chain ${chainId} for the clearing.`)
  const contract = { address, abi: Clearing.abi } as const
  const checks = [...ledger.accounts].map(
    async ([account, { cash, lines, positions }]: [
      Hex,
      typeof ledger.accounts extends ReadonlyMap<Hex, infer A> ? A : never,
    ]) => {
      const onChain = await reader.readContract({ ...contract, functionName: 'accountOf', args: [account] })
      const heldLines = await Promise.all(
        lines.map((_, i) => reader.readContract({ ...contract, functionName: 'lineOf', args: [account, BigInt(i)] })),
      )
      const heldPositions = await Promise.all(
        [...positions.keys()].map((market) =>
          reader.readContract({ ...contract, functionName: 'positionOf', args: [account, BigInt(market)] }),
        ),
      )
      const same = [
        onChain.cash === cash,
        onChain.lineCount === lines.length,
        ...lines.map((line, i) => heldLines[i]?.[0].units === line.units && heldLines[i]?.[0].counted === line.counted),
        ...[...positions.values()].map((position, i) => {
          const [held, outstanding] = heldPositions[i] ?? []
          return held?.size === position.size && held.quote === position.quote && outstanding?.buy === position.buyOut
        }),
      ]
      return same.every(Boolean)
    },
  )
  const matching = (await Promise.all(checks)).filter(Boolean).length
  const total = ledger.accounts.size
  return [equation('accounts rebuilt from events = accounts on chain', BigInt(matching), BigInt(total), (n) => `${n}`)]
}

function equation(what: string, left: bigint, right: bigint, show: (value: bigint) => string): Sum {
  return { what, left: show(left), right: show(right), holds: left === right }
}
