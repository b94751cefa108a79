/** A clearing with its accounts as JSON, one vault and one venue a chain: the same that a running deployment is read as. */
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Account, EMPTY_LEDGER, FLAT, type Ledger, MAX_ACCOUNT_MARKETS, MAX_LINES } from '@omnimargin/core/ledger'
import { misfitOf } from '@omnimargin/core/misfit'
import { vaultPeer, venuePeer } from '@omnimargin/core/peer'
import { mulDown, type Usd, WAD } from '@omnimargin/core/wad'
import { parseDecimal } from '@omnimargin/risk/decimal'
import { readConfig } from '@omnimargin/service/config'
import { z } from 'zod'
import { name, quantity, title } from '../fields.ts'
import { parametersSchema } from './parameters.ts'

/** A ledger and what everything in it is called, in the clearing's order. */
export type NamedLedger = {
  /** What it was read from, as told first. */
  readonly origin: string
  readonly ledger: Ledger
  readonly now: bigint
  readonly homeChain: bigint
  readonly chains: ReadonlyMap<bigint, string>
  readonly feeds: readonly string[]
  readonly listings: readonly string[]
  readonly accounts: ReadonlyMap<Hex, string>
}

const MAX_ACCOUNTS = 10_000
const signed = z.string().transform((text, context) => {
  const magnitude = parseDecimal(text.replace(/^-/, ''))
  if (magnitude !== undefined && magnitude < 10n ** 12n * WAD) return text.startsWith('-') ? -magnitude : magnitude
  context.addIssue(`is "${text}": write a plain decimal in quotes, below 10^12, with a - before it or without`)
  return z.NEVER
})
const schema = z.strictObject({
  name: title,
  /** The chain that the clearing is on. */
  clearing: name,
  feeds: z.array(z.strictObject({ symbol: title, price: quantity })).min(1),
  /** In the order of the parameters' rows. */
  listings: z.array(z.strictObject({ asset: name, chain: name })),
  markets: z.array(z.strictObject({ symbol: name, chain: name })),
  parameters: parametersSchema,
  accounts: z
    .array(
      z.strictObject({
        name: title,
        cash: signed.optional(),
        /** Whole units by ASSET@CHAIN. */
        lines: z.record(z.string(), quantity).optional(),
        /** By MARKET@CHAIN; short below zero. */
        positions: z.record(z.string(), z.strictObject({ size: signed, entry: quantity })).optional(),
      }),
    )
    .max(MAX_ACCOUNTS),
})
type Read = z.output<typeof schema>

/** Throws ConfigError with each fault, its line and the cure. */
export function readSystem(file: string): NamedLedger {
  const read = readConfig(
    file,
    schema.superRefine((read, context) => {
      for (const { path, message } of faultsBetween(read)) context.addIssue({ code: 'custom', path, message })
    }),
  )
  const chains = chainsOf(read)
  const idOf = (chain: string) => BigInt(chains.indexOf(chain) + 1)
  // Long after time zero, at which what is lost was last heard of.
  const now = 2n ** 32n
  const ledger: Ledger = {
    ...EMPTY_LEDGER,
    version: 1,
    parameters: read.parameters,
    feeds: read.feeds.map((_, feed) => addressOf(feed)),
    listings: read.listings.map(({ chain }, i) => {
      return { chainId: idOf(chain), vault: addressOf(Number(idOf(chain))), asset: addressOf(i) }
    }),
    markets: read.markets.map(({ chain }) => {
      return { chainId: idOf(chain), venue: addressOf(Number(idOf(chain))), item: '0x' }
    }),
    setAt: now,
    heard: new Map([
      ...read.parameters.venues.map((_, venue) => [venuePeer(venue), now] as const),
      ...read.parameters.vaults.map((_, vault) => [vaultPeer(vault), now] as const),
    ]),
    prices: new Map(read.feeds.map(({ price }, feed) => [feed, { price, publishTime: now }])),
    accounts: new Map(read.accounts.map((account, i) => [accountOf(addressOf(i)), accountFrom(account, read)])),
  }
  return {
    origin: read.name,
    ledger,
    now,
    homeChain: idOf(read.clearing),
    chains: new Map(chains.map((chain) => [idOf(chain), chain])),
    feeds: read.feeds.map(({ symbol }) => symbol),
    listings: listingsOf(read),
    accounts: new Map(read.accounts.map(({ name }, i) => [accountOf(addressOf(i)), name])),
  }
}

function accountFrom({ cash = 0n, lines = {}, positions = {} }: Read['accounts'][number], read: Read): Account {
  const held = Object.entries(lines).map(([asset, amount]) => {
    const listing = listingsOf(read).indexOf(asset)
    const decimals = read.parameters.listings[listing]?.decimals ?? 0
    const units = (amount * 10n ** BigInt(decimals)) / WAD
    return { listing, holder: addressOf(0), units, counted: units }
  })
  const open = Object.entries(positions).map(([market, { size, entry }]) => {
    return [marketsOf(read).indexOf(market), { ...FLAT, size, quote: -paidFor(size, entry) }] as const
  })
  return { cash, debtSince: 0n, isPutUp: false, lines: held, positions: new Map(open) }
}

function paidFor(size: bigint, entry: bigint): Usd {
  return mulDown(size, entry)
}

function faultsBetween(read: Read): { path: (string | number)[]; message: string }[] {
  const { clearing, feeds, listings, markets, parameters, accounts } = read
  const faults: { path: (string | number)[]; message: string }[] = []
  const add = (message: string, ...path: (string | number)[]) => faults.push({ path, message })
  const misfit = misfitOf({ feeds, listings, markets, parameters }, parameters)
  if (misfit) add(misfit.what, 'parameters', ...misfit.path)
  if (!chainsOf(read).includes(clearing)) add(`"${clearing}" is no chain of a listing or a market`, 'clearing')
  for (const [i, { venue }] of parameters.markets.entries()) {
    const chain = markets[i]?.chain
    const isRemote = parameters.venues[venue]?.isRemote
    if (chain !== undefined && isRemote !== undefined && isRemote !== (chain !== clearing))
      add(`is at ${chain}, which does not fit isRemote of venue ${venue}`, 'markets', i, 'chain')
  }
  for (const [i, account] of accounts.entries())
    faults.push(...faultsOfAccount(account, i, listingsOf(read), marketsOf(read)))
  if (new Set(listingsOf(read)).size < listings.length) add('an asset of a chain is there twice', 'listings')
  if (new Set(marketsOf(read)).size < markets.length) add('a market of a chain is there twice', 'markets')
  return faults
}

function faultsOfAccount(
  { lines = {}, positions = {} }: Read['accounts'][number],
  i: number,
  listings: readonly string[],
  markets: readonly string[],
) {
  const [held, open] = [Object.keys(lines), Object.keys(positions)]
  const unknown = (list: 'lines' | 'positions', names: readonly string[], known: readonly string[]) =>
    names
      .filter((one) => !known.includes(one))
      .map((one) => ({ path: ['accounts', i, list, one], message: `must be one of ${known.join(', ')}` }))
  const tooMany = [
    ...(held.length > MAX_LINES ? [{ path: ['accounts', i, 'lines'], message: `has more than ${MAX_LINES}` }] : []),
    ...(open.length > MAX_ACCOUNT_MARKETS
      ? [{ path: ['accounts', i, 'positions'], message: `has more than ${MAX_ACCOUNT_MARKETS}` }]
      : []),
  ]
  return [...unknown('lines', held, listings), ...unknown('positions', open, markets), ...tooMany]
}

function chainsOf({ listings, markets }: Read): string[] {
  return [...new Set([...listings, ...markets].map(({ chain }) => chain))]
}

function listingsOf({ listings }: Read): string[] {
  return listings.map(({ asset, chain }) => `${asset}@${chain}`)
}

function marketsOf({ markets }: Read): string[] {
  return markets.map(({ symbol, chain }) => `${symbol}@${chain}`)
}

/** Nobody's: the file names things by words, the ledger by addresses. */
function addressOf(number: number): Hex {
  return `0x${(number + 1).toString(16).padStart(40, '0')}`
}
