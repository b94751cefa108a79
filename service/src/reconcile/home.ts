/** The clearing's own side: its accounts, what it wrote, and what it learned of vaults and venues. */
import { Clearing } from '@omnimargin/chains/abi'
import type { Write } from '@omnimargin/chains/emitter'
import { type Hex, isSame } from '@omnimargin/core/bytes'
import { type Account, applyEvents, EMPTY_LEDGER, type Ledger, type LedgerEvent } from '@omnimargin/core/ledger'
import type { Fields } from '@omnimargin/core/record'
import type { Address } from 'viem'
import type { DeployedToken, Deployment } from '../deployment.ts'
import { asked, eventsOf, inTurns, numberOf, type Place, type Places, placeOf, writesOf } from './place.ts'

export type Home = { readonly ledger: Ledger; readonly written: readonly Write[]; readonly learned: readonly Learned[] }
export type Learned = RecordParts & { readonly fields: Fields; readonly asOf: bigint }
export type RecordParts = {
  readonly kind: number
  readonly writerChain: bigint
  readonly writer: Address
  readonly account: Hex
  readonly item: Hex
  readonly holder: Address
}

/** Throws ChainSilent, or AnswersDisagree where the logs do not add up to the clearing's digest. */
export async function readHome(deployment: Deployment, places: Places): Promise<Home> {
  const { address, chainId } = deployment.clearing
  const place = placeOf(places, chainId)
  const [written, known] = await Promise.all([writesOf(place, address), readKnown(deployment, place)])
  return { written, ...known }
}

/** The clearing's accounts by its events up to the block, and what it has learned by then. */
export async function readKnown({ clearing }: Deployment, place: Place): Promise<Pick<Home, 'ledger' | 'learned'>> {
  const events = await eventsOf(place, clearing.address, Clearing.abi)
  return {
    ledger: applyEvents(EMPTY_LEDGER, events as LedgerEvent[]),
    learned: events.flatMap(({ eventName, args }) => (eventName === 'RecordLearned' ? [args as Learned] : [])),
  }
}

/** Accounts of which the clearing tells any one thing otherwise than its events do: cash, debt, lines, positions or limits. */
export async function readDiffering({ clearing }: Deployment, place: Place, ledger: Ledger): Promise<Hex[]> {
  const accounts = [...ledger.accounts]
  const matches = await inTurns(accounts, ([id, account]) => matchesChain(clearing.address, place, id, account))
  return accounts.flatMap(([id], i) => (matches[i] ? [] : [id]))
}

async function matchesChain(
  address: Address,
  { chain, reader, block }: Place,
  id: Hex,
  { cash, debtSince, isPutUp, lines, positions }: Account,
): Promise<boolean> {
  const read = { address, abi: Clearing.abi, blockNumber: numberOf(block) } as const
  const [onChain, heldLines, heldPositions] = await asked(chain, () =>
    Promise.all([
      reader.readContract({ ...read, functionName: 'accountOf', args: [id] }),
      Promise.all(lines.map((_, i) => reader.readContract({ ...read, functionName: 'lineOf', args: [id, BigInt(i)] }))),
      Promise.all(
        [...positions.keys()].map((market) =>
          reader.readContract({ ...read, functionName: 'positionOf', args: [id, BigInt(market)] }),
        ),
      ),
    ]),
  )
  const matches = [
    onChain.cash === cash,
    BigInt(onChain.debtSince) === debtSince,
    onChain.isPutUp === isPutUp,
    onChain.lineCount === lines.length,
    ...lines.map((line, i) => {
      const [held, holder] = heldLines[i] ?? []
      const isHeld = held?.units === line.units && held.counted === line.counted
      return isHeld && held.listing === line.listing && holder !== undefined && isSame(holder, line.holder)
    }),
    ...[...positions.values()].map((position, i) => {
      const [held, left] = heldPositions[i] ?? []
      const isHeld = held?.size === position.size && held.quote === position.quote
      const isLeft = left?.buy === position.buyOut && left.sell === position.sellOut
      return isHeld && isLeft && BigInt(left.asOf) === position.asOf
    }),
  ]
  return matches.every(Boolean)
}

/** The clearing's number of what a token is listed as; below zero if it is not listed. */
export function listingOf({ listings }: Ledger, { chainId, vault, address }: DeployedToken): number {
  return listings.findIndex(
    (one) => Number(one.chainId) === chainId && isSame(one.vault, vault) && isSame(one.asset, address),
  )
}

export function goesTo(key: { readerChain: bigint; reader: Hex }, chainId: number, address: Address): boolean {
  return Number(key.readerChain) === chainId && isSame(key.reader, address)
}

export function comesFrom({ writerChain, writer }: RecordParts, chainId: number, address: Address): boolean {
  return Number(writerChain) === chainId && isSame(writer, address)
}
