/** What an account has locked, line by line, and what of it counts. */
import type { Hex } from '@omnimargin/core/bytes'
import { accountIn, haircutsOf, type Ledger } from '@omnimargin/core/ledger'
import type { Price, Ratio, Units } from '@omnimargin/core/wad'
import type { Deployment } from '@omnimargin/service/deployment'
import { tokenOf } from '../names.ts'
import { amount, percent } from '../terminal/amounts.ts'

export type Collateral = {
  /** ASSET@CHAIN. */
  readonly name: string
  readonly decimals: number
  readonly units: Units
  readonly counted: Units
  /** Of a whole token; nothing if none was heard yet. */
  readonly price: Price | undefined
  /** As they are now, with what lateness adds. */
  readonly initialHaircut: Ratio
  readonly maintenanceHaircut: Ratio
}

/** Nothing without parameters: then no haircut is known. */
export function collateralOf(deployment: Deployment, ledger: Ledger, id: Hex, now: bigint): Collateral[] {
  const { parameters, prices, listings } = ledger
  if (!parameters) return []
  return accountIn(ledger, id).lines.flatMap(({ listing, units, counted }) => {
    const [terms, place] = [parameters.listings[listing], listings[listing]]
    if (!terms || !place || units === 0n) return []
    const price = prices.get(terms.feed)?.price
    const haircuts = haircutsOf(ledger, parameters, listing, now)
    return [{ name: tokenOf(deployment, place), decimals: terms.decimals, units, counted, price, ...haircuts }]
  })
}

export const HEAD = [
  'locked',
  'units',
  'of them\ncounted',
  'price,\nUSD',
  'haircut for\nnew risk',
  'for liqui-\ndation',
]

export function rowOf({ name, decimals, units, counted, price, ...haircuts }: Collateral): string[] {
  const digits = Math.min(4, decimals)
  return [
    name,
    amount(units, decimals, digits),
    amount(counted, decimals, digits),
    price === undefined ? '-' : amount(price),
    percent(haircuts.initialHaircut),
    percent(haircuts.maintenanceHaircut),
  ]
}
