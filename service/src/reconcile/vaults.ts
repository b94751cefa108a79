/** A token's two sides: the vault where it is locked, and the clearing that counts it. */
import { Token, Vault } from '@omnimargin/chains/abi'
import type { Write } from '@omnimargin/chains/emitter'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import type { Ledger } from '@omnimargin/core/ledger'
import { type Fields, KIND, peerKey } from '@omnimargin/core/record'
import type { Address } from 'viem'
import type { DeployedToken, Deployment } from '../deployment.ts'
import { comesFrom, goesTo, type Home, type Learned, listingOf, type RecordParts } from './home.ts'
import { asked, eventsOf, inTurns, numberOf, type Place, type Places, placeOf, writesOf } from './place.ts'
import { type Lines, lineOf, type TokenSides } from './sides.ts'

/** Each vault is read once, whatever the number of its tokens. Throws ChainSilent or AnswersDisagree. */
export async function readTokens(deployment: Deployment, places: Places, home: Home): Promise<TokenSides[]> {
  const vaults = new Map<string, Promise<VaultSide>>()
  const vaultOf = ({ chainId, vault }: DeployedToken): Promise<VaultSide> => {
    const key = `${chainId} ${vault}`
    const side = vaults.get(key) ?? readVault(placeOf(places, chainId), vault)
    vaults.set(key, side)
    return side
  }
  return Promise.all(
    deployment.tokens.map(async (token) =>
      readToken(deployment, placeOf(places, token.chainId), token, await vaultOf(token), home),
    ),
  )
}

/** What a vault wrote, and what it owes of each asset to whom, by its events. */
type VaultSide = {
  readonly written: readonly Write[]
  readonly debts: readonly Debt[]
  readonly honored: readonly Honor[]
}
type Debt = { readonly asset: Address; readonly whose: Creditor; readonly amount: bigint }
type Creditor = { readonly holder: Address } | Peer
type Peer = { readonly chainId: bigint; readonly clearing: Address }
type Honor = { readonly ledger: RecordParts; readonly amount: bigint }

async function readVault(place: Place, vault: Address): Promise<VaultSide> {
  const [written, events] = await Promise.all([writesOf(place, vault), eventsOf(place, vault, Vault.abi)])
  const debts: Debt[] = []
  const honored: Honor[] = []
  const granted = new Map<string, bigint>()
  let learning: RecordParts | undefined
  for (const { eventName, args } of events as VaultEvent[]) {
    if (eventName === 'Deposited') debts.push({ ...args, whose: { holder: args.holder } })
    if (eventName === 'Withdrawn') debts.push({ ...args, whose: { holder: args.holder }, amount: -args.amount })
    // What is honored is so while its ledger record is learned.
    if (eventName === 'RecordLearned') learning = args
    if (eventName === 'Honored' && learning) {
      const peer = { chainId: learning.writerChain, clearing: learning.writer }
      debts.push({ ...args, whose: { holder: args.holder } }, { ...args, whose: peer, amount: -args.amount })
      honored.push({ ledger: learning, amount: args.amount })
    }
    if (eventName === 'Recorded' && args.kind === KIND.GRANT) {
      const { readerChain, reader, account, item, holder, fields } = args
      const line = [readerChain, reader, account, item, holder].join()
      const amount = fields[0] - (granted.get(line) ?? 0n)
      granted.set(line, fields[0])
      const asset = assetOf(item)
      debts.push({ asset, whose: { holder }, amount: -amount })
      debts.push({ asset, whose: { chainId: readerChain, clearing: reader }, amount })
    }
  }
  return { written, debts, honored }
}

type VaultEvent =
  | { eventName: 'Deposited' | 'Withdrawn' | 'Honored'; args: { holder: Address; asset: Address; amount: bigint } }
  | { eventName: 'RecordLearned'; args: Learned }
  | { eventName: 'Recorded'; args: RecordParts & { readerChain: bigint; reader: Address; fields: Fields } }

async function readToken(
  { clearing }: Deployment,
  place: Place,
  token: DeployedToken,
  side: VaultSide,
  home: Home,
): Promise<TokenSides> {
  const { chainId, vault, address: asset, decimals, symbol } = token
  const isOurs = ({ item }: { item: Hex }) => isSame(assetOf(item), asset)
  const toVault = home.written.filter(({ key }) => goesTo(key, chainId, vault) && isOurs(key))
  const grants = side.written.filter(({ key }) => goesTo(key, clearing.chainId, clearing.address) && isOurs(key))
  const learned = home.learned.filter((one) => comesFrom(one, chainId, vault) && isOurs(one) && one.kind === KIND.GRANT)
  const honors = side.honored.filter(
    ({ ledger }) => comesFrom(ledger, clearing.chainId, clearing.address) && isOurs(ledger),
  )
  const grantsLearned = linesOf(learned.map((one) => [one, one.fields[0]]))
  const ledgers = toVault.filter(({ key }) => key.kind === KIND.LEDGER)
  const debts = side.debts.filter((debt) => isSame(debt.asset, asset))
  const owed = new Map<string, bigint>()
  for (const { whose, amount } of debts) owed.set(nameOf(whose), (owed.get(nameOf(whose)) ?? 0n) + amount)
  const creditors = [...new Map(debts.map(({ whose }) => [nameOf(whose), whose])).values()]
  const [held, pool, ...onChain] = await inTurns(
    [undefined, { chainId: BigInt(clearing.chainId), clearing: clearing.address }, ...creditors],
    (whose) => (whose ? owedTo(place, token, whose) : heldBy(place, token)),
  )
  return {
    name: `${symbol} on ${place.chain.name}`,
    decimals,
    owed,
    grantsLearned,
    vault: { chainId, address: vault },
    held: held ?? 0n,
    pool: pool ?? 0n,
    owedOnChain: new Map(creditors.map((whose, i) => [nameOf(whose), onChain[i] ?? 0n])),
    granted: linesOf(grants.filter(({ key }) => key.kind === KIND.GRANT).map(({ key, fields }) => [key, fields[0]])),
    released: linesOf(ledgers.map(({ key, fields }) => [key, fields[0]])),
    honored: sumsOf(honors.map(({ ledger, amount }) => [ledger, amount])),
    units: unitsOf(home.ledger, token, grantsLearned, ledgers),
  }
}

/** An opened line owns what the clearing's account says; of one that nobody opened the records tell. */
function unitsOf(ledger: Ledger, token: DeployedToken, grants: Lines, ledgers: readonly Write[]): Lines {
  const units = new Map(grants)
  for (const { key, fields } of ledgers) {
    const [released, gained, lost] = fields
    units.set(lineOf(key), (units.get(lineOf(key)) ?? 0n) + gained - lost - released)
  }
  const listing = listingOf(ledger, token)
  for (const [account, { lines }] of ledger.accounts) {
    for (const line of lines) {
      if (line.listing === listing) units.set(lineOf({ account, holder: line.holder }), line.units)
    }
  }
  return units
}

function heldBy({ chain, reader, block }: Place, { address, vault }: DeployedToken): Promise<bigint> {
  const read = { address, abi: Token.abi, blockNumber: numberOf(block) } as const
  return asked(chain, () => reader.readContract({ ...read, functionName: 'balanceOf', args: [vault] }))
}

function owedTo({ chain, reader, block }: Place, { vault, address }: DeployedToken, whose: Creditor): Promise<bigint> {
  const read = { address: vault, abi: Vault.abi, blockNumber: numberOf(block) } as const
  if ('holder' in whose) {
    return asked(chain, () => reader.readContract({ ...read, functionName: 'free', args: [whose.holder, address] }))
  }
  const peer = peerKey(whose.chainId, whose.clearing)
  return asked(chain, () => reader.readContract({ ...read, functionName: 'pool', args: [peer, address] }))
}

function linesOf(amounts: readonly [Parameters<typeof lineOf>[0], bigint][]): Lines {
  return new Map(amounts.map(([line, amount]) => [lineOf(line), amount]))
}

function sumsOf(amounts: readonly [Parameters<typeof lineOf>[0], bigint][]): Lines {
  const sums = new Map<string, bigint>()
  for (const [line, amount] of amounts) sums.set(lineOf(line), (sums.get(lineOf(line)) ?? 0n) + amount)
  return sums
}

function nameOf(whose: Creditor): string {
  const name = 'holder' in whose ? `free of ${whose.holder}` : `pool of ${whose.clearing} on chain ${whose.chainId}`
  return name.toLowerCase()
}

function assetOf(item: Hex): Address {
  return `0x${item.slice(-40)}`
}
