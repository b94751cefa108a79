/** What the clearing would refuse parameters for, by its place: its own check says no more than the row (MRG-08). Twin of contracts/src/clearing/Misfits.sol. */
import { areInOrder } from './lateness.ts'
import { type CreditTerms, LISTS, NO_OUTAGES, type Parameters, vaultAges, venueAges } from './parameters.ts'
import { mulDown, WAD } from './wad.ts'

/** As in Outages.sol, Parameters.sol and Instruments.sol; times in seconds. */
const [NOTICE_STEP, MAX_OUTAGE_AFTER, MAX_OUTAGE_GRACE] = [60, 1_800, 86_400]
const MAX_DECIMALS = 36
const PERPETUAL = 0

/** Fields that are shares of something, and so 1 at most. */
export const SHARES = [
  ...['cashHaircut', 'liquidationDiscount', 'venueLossShare', 'settleShare', 'saleDiscount'],
  ...['initialHaircut', 'maintenanceHaircut', 'initialRate', 'maintenanceRate', 'basisRate', 'concentrationRate'],
  ...['band', 'legShare', 'ratio'],
]

/** The place of a field, a row or a list, or of nothing but all; and in words what is wrong there. */
export type Misfit = { readonly path: readonly (string | number)[]; readonly what: string }

type Rows = { readonly length: number }
/** What a clearing has, and the parameters in force there. */
type Registered = {
  readonly feeds: Rows
  readonly listings: Rows
  readonly markets: Rows
  readonly parameters?: Parameters | undefined
}

/** The first thing in which they do not fit the clearing or each other. */
export function misfitOf(clearing: Registered, parameters: Parameters): Misfit | undefined {
  return (
    miscounted(clearing, parameters) ??
    misplaced(clearing, parameters) ??
    overfull(parameters) ??
    unlawful(parameters) ??
    unlawfulRow(parameters) ??
    creditMisfit(parameters.credits) ??
    underpaid(parameters)
  )
}

function miscounted(clearing: Registered, { listings, markets, venues, vaults }: Parameters): Misfit | undefined {
  const counts: [string, number, number][] = [
    ['listings', listings.length, clearing.listings.length],
    ['markets', markets.length, clearing.markets.length],
  ]
  const wrong = counts.find(([, given, expected]) => given !== expected)
  if (wrong) return { path: [wrong[0]], what: `has ${wrong[1]} rows, the clearing has ${wrong[2]}` }
  // The clearing's events do not say how many peers there are, and none ever goes.
  for (const [list, rows] of Object.entries({ venues, vaults })) {
    const known = clearing.parameters?.[list as 'venues' | 'vaults'].length ?? 0
    if (rows.length < known)
      return { path: [list], what: `has ${rows.length} rows, the clearing has at least ${known}` }
  }
  return undefined
}

function misplaced(
  { feeds }: Registered,
  { listings, underlyings, markets, venues, vaults, credits }: Parameters,
): Misfit | undefined {
  const names: [string, string, readonly number[], number][] = [
    ['listings', 'feed', listings.map(({ feed }) => feed), feeds.length],
    ['listings', 'secondFeed', listings.map(({ secondFeed }) => secondFeed), feeds.length],
    ['listings', 'vault', listings.map(({ vault }) => vault), vaults.length],
    ['underlyings', 'feed', underlyings.map(({ feed }) => feed), feeds.length],
    ['markets', 'underlying', markets.map(({ underlying }) => underlying), underlyings.length],
    ['markets', 'venue', markets.map(({ venue }) => venue), venues.length],
    ['credits', 'second', credits.map(({ first, second }) => Math.max(first, second)), underlyings.length],
  ]
  for (const [list, field, numbers, end] of names) {
    const row = numbers.findIndex((number) => number >= end)
    if (row >= 0) return { path: [list, row, field], what: `is ${numbers[row]}, there are ${end}` }
  }
  return undefined
}

function overfull(parameters: Parameters): Misfit | undefined {
  const above = (row: object) => Object.entries(row).find(([name, value]) => SHARES.includes(name) && value > WAD)?.[0]
  const general = above(parameters)
  if (general !== undefined) return { path: [general], what: 'is above 1' }
  for (const list of LISTS) {
    for (const [row, terms] of parameters[list].entries()) {
      const field = above(terms)
      if (field !== undefined) return { path: [list, row, field], what: 'is above 1' }
    }
  }
  return undefined
}

function unlawful(parameters: Parameters): Misfit | undefined {
  const { healthTarget, lifeRamp, maxPriceAge, restoreAfter, outageAfter, outageGrace } = parameters
  const hasOutages = outageAfter !== NO_OUTAGES
  const faults: [boolean, keyof Parameters, string][] = [
    [healthTarget < WAD, 'healthTarget', 'is below 1'],
    [lifeRamp === 0, 'lifeRamp', 'is 0'],
    [outageAfter <= maxPriceAge + NOTICE_STEP, 'outageAfter', `is not above maxPriceAge and ${NOTICE_STEP} s more`],
    [
      hasOutages && outageAfter > MAX_OUTAGE_AFTER,
      'outageAfter',
      `is above ${MAX_OUTAGE_AFTER} s, and not ${NO_OUTAGES} for none`,
    ],
    [hasOutages && outageGrace < 2 * outageAfter, 'outageGrace', 'is below twice outageAfter'],
    [hasOutages && outageGrace <= restoreAfter, 'outageGrace', 'is not above restoreAfter'],
    [outageGrace > MAX_OUTAGE_GRACE, 'outageGrace', `is above ${MAX_OUTAGE_GRACE} s`],
  ]
  const [, field, what] = faults.find(([isWrong]) => isWrong) ?? []
  return field && what ? { path: [field], what } : undefined
}

function unlawfulRow(parameters: Parameters): Misfit | undefined {
  const { listings, underlyings, markets, venues, vaults, outageAfter } = parameters
  const least = outageAfter === NO_OUTAGES ? 0 : 2 * outageAfter
  const inOrder = (end: string) => `has not calmAge <= warnAge < ${end} and calmAge < tripAge <= ${end}`
  return (
    faultIn('listings', listings, [
      ['initialHaircut', 'is below maintenanceHaircut', (row) => row.initialHaircut < row.maintenanceHaircut],
      ['decimals', `is above ${MAX_DECIMALS}`, (row) => row.decimals > MAX_DECIMALS],
      ['refillTime', 'is 0', (row) => row.refillTime === 0],
    ]) ??
    faultIn('underlyings', underlyings, [
      ['initialRate', 'is below maintenanceRate', (row) => row.initialRate < row.maintenanceRate],
    ]) ??
    faultIn('markets', markets, [
      ['instrument', `is not ${PERPETUAL}, the only one there is`, (row) => row.instrument !== PERPETUAL],
    ]) ??
    faultIn('venues', venues, [
      [undefined, inOrder('deadAge'), (row) => !areInOrder(venueAges(row))],
      ['deadAge', 'is below twice outageAfter', (row) => row.isRemote && row.deadAge < least],
    ]) ??
    faultIn('vaults', vaults, [[undefined, inOrder('zeroAge'), (row) => !areInOrder(vaultAges(row))]])
  )
}

/** A field of the row, or the whole row; and what is wrong with it. */
type Fault<Row> = readonly [field: (keyof Row & string) | undefined, what: string, isWrong: (row: Row) => boolean]

function faultIn<Row>(list: string, rows: readonly Row[], faults: readonly Fault<Row>[]): Misfit | undefined {
  for (const [field, what, isWrong] of faults) {
    const row = rows.findIndex(isWrong)
    if (row >= 0) return { path: [list, row, ...(field ? [field] : [])], what }
  }
  return undefined
}

function creditMisfit(credits: readonly CreditTerms[]): Misfit | undefined {
  const shared = new Map<number, bigint>()
  for (const [row, { first, second, ratio }] of credits.entries()) {
    const before = credits[row - 1]
    if (first >= second) return { path: ['credits', row, 'first'], what: 'is not below second' }
    if (before && (before.first - first || before.second - second) >= 0)
      return { path: ['credits', row], what: 'does not come after the pair before it' }
    for (const one of [first, second]) {
      shared.set(one, (shared.get(one) ?? 0n) + ratio)
      if ((shared.get(one) ?? 0n) > WAD)
        return { path: ['credits', row, 'ratio'], what: `makes underlying ${one} share more than 1` }
    }
  }
  return undefined
}

/** At maintenance, what an account has left beyond what offsets must pay for being taken over. */
function underpaid({ underlyings, credits, liquidationDiscount }: Parameters): Misfit | undefined {
  const left = underlyings.map(({ maintenanceRate }, row) => {
    const shared = credits.flatMap(({ first, second, ratio }) => (first === row || second === row ? [ratio] : []))
    return mulDown(maintenanceRate, WAD - shared.reduce((sum, ratio) => sum + ratio, 0n))
  })
  const row = left.findIndex((own) => own < liquidationDiscount)
  const what = 'is, as far as it is not shared, below liquidationDiscount'
  return row < 0 ? undefined : { path: ['underlyings', row, 'maintenanceRate'], what }
}
