// Every field of the devnet's parameters with what its checks begin and end at: vectors/misfits.json.
import { type Misfit, misfitOf } from '@omnimargin/core/misfit'
import { LISTS, type Parameters, packParameters } from '@omnimargin/core/parameters'
import { WAD } from '@omnimargin/core/wad'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'

type Value = bigint | number | boolean

/** As many of each as the devnet has. */
const CLEARING = {
  feeds: { length: 3 },
  listings: PARAMETERS.listings,
  markets: PARAMETERS.markets,
  parameters: PARAMETERS,
}

/** Where the rules of one field stand in another place: in a constant of the contracts, or in a sum or product. */
const EDGES: Readonly<Record<string, readonly bigint[]>> = {
  outageAfter: [120n, 121n, 1_800n, 1_801n, 2n ** 32n - 1n],
  outageGrace: [299n, 300n, 86_400n, 86_401n],
  restoreAfter: [3_599n, 3_600n],
  deadAge: [299n, 300n, 301n],
  decimals: [36n, 37n],
  liquidationDiscount: [24_750_000_000_000_000n, 24_750_000_000_000_001n],
}

/** Nothing, the least, one, one more, what its row has elsewhere, and one more or less than that, as far as it fits. */
function valuesFor(field: string, row: Readonly<Record<string, unknown>>): Value[] {
  const value = row[field]
  if (typeof value === 'boolean') return [!value]
  const others = Object.values(row).filter((other) => typeof other === typeof value) as (bigint | number)[]
  const near = others.map(BigInt).flatMap((other) => [other - 1n, other, other + 1n])
  const all = new Set([0n, 1n, WAD, WAD + 1n, ...near, ...(EDGES[field] ?? [])])
  const sorted = [...all].filter((one) => one >= 0n).sort((one, other) => (one < other ? -1 : 1))
  return typeof value === 'bigint' ? sorted : sorted.map(Number)
}

/** The last row stands for its list. */
function changesIn(list: (typeof LISTS)[number]): Parameters[] {
  const rows: readonly Readonly<Record<string, unknown>>[] = PARAMETERS[list]
  const [at, last] = [rows.length - 1, rows.at(-1) ?? {}]
  return Object.keys(last).flatMap((field) =>
    valuesFor(field, last).map((value) => ({ ...PARAMETERS, [list]: rows.with(at, { ...last, [field]: value }) })),
  )
}

function generalChanges(): Parameters[] {
  const general = Object.entries(PARAMETERS).filter(([, value]) => !Array.isArray(value))
  const row = Object.fromEntries(general)
  return general.flatMap(([field]) => valuesFor(field, row).map((value) => ({ ...PARAMETERS, [field]: value })))
}

const wordsOf = (blob: string) => blob.slice(2).match(/.{64}/g) ?? []
const BEFORE = wordsOf(packParameters(PARAMETERS))

/** The word that a change is in, and the row the contract refuses it for. Nothing where it does not fit its place, or changes nothing. */
function caseOf(changed: Parameters) {
  let words: string[]
  try {
    words = wordsOf(packParameters(changed))
  } catch {
    return []
  }
  const word = words.findIndex((one, i) => one !== BEFORE[i])
  if (word < 0) return []
  return [{ word: `${word}`, value: `0x${words[word]}`, refused: refusedFor(misfitOf(CLEARING, changed)) }]
}

function refusedFor(misfit: Misfit | undefined): string {
  if (!misfit) return ''
  const [list, row] = misfit.path
  return typeof row === 'number' ? `${list} ${row}` : 'general 0'
}

/** Many small ones, which Solidity reads as columns. */
function columnsOf(name: string, changes: readonly Parameters[]) {
  const cases = changes.flatMap(caseOf)
  return {
    name,
    words: cases.map(({ word }) => word),
    values: cases.map(({ value }) => value),
    refused: cases.map(({ refused }) => refused),
  }
}

export const MISFIT_CASES = [
  columnsOf('general', generalChanges()),
  ...LISTS.map((list) => columnsOf(list, changesIn(list))),
]
