// Writes vectors/*.json, the golden cases that Solidity and TypeScript both run. `--check` only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bound, clampStep, floorOf, within } from '@omnimargin/core/bounds'
import { type Hex, keccak, toHex, word } from '@omnimargin/core/bytes'
import { type Claims, EMPTY, rootOf, setClaim, siblingsOf } from '@omnimargin/core/claims'
import { accrue, premiumOf, type Running } from '@omnimargin/core/funding'
import { lateAt, widen } from '@omnimargin/core/lateness'
import { takenOf } from '@omnimargin/core/liquidation'
import { computeMargin } from '@omnimargin/core/margin'
import { packParameters } from '@omnimargin/core/parameters'
import { book } from '@omnimargin/core/position'
import { type Fields, type Key, KIND, keyHash, leafOf, stepDigest, ZERO_DIGEST } from '@omnimargin/core/record'
import { salePriceOf } from '@omnimargin/core/settlement'
import { WAD } from '@omnimargin/core/wad'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { ADMISSION_CASES } from './vectors/admissions.ts'
import { CUT_CASES, FAULTS } from './vectors/cuts.ts'
import { MISFIT_CASES } from './vectors/misfits.ts'
import { PORTFOLIOS, percent, usd } from './vectors/portfolios.ts'

type Case = { readonly name: string } & Readonly<Record<string, unknown>>

const folder = join(import.meta.dirname, '..', 'vectors')
/* MARGIN */

const strings = (values: readonly (bigint | number)[]) => values.map(String)
const marginCases: Case[] = Object.entries(PORTFOLIOS).map(([name, portfolio]) => {
  const m = computeMargin(portfolio)
  return {
    name,
    cash: `${portfolio.cash}`,
    cashHaircut: `${portfolio.cashHaircut}`,
    venueLossShare: `${portfolio.venueLossShare}`,
    lines: portfolio.lines.flatMap((l) =>
      strings([l.units, l.counted, `${l.unit}`.length - 1, l.price, l.initialHaircut, l.maintenanceHaircut]),
    ),
    positions: portfolio.positions.flatMap((p) =>
      strings([p.size, p.quote, p.buyOut, p.sellOut, p.band, p.initialBand, p.underlying, p.venue]),
    ),
    underlyings: portfolio.underlyings.flatMap((u) =>
      strings([u.initialRate, u.maintenanceRate, u.basisRate, u.depth, u.concentrationRate, u.price]),
    ),
    venues: portfolio.venues.flatMap((v) => strings([v.initialLegShare, v.maintenanceLegShare])),
    credits: portfolio.credits.flatMap((c) => strings([c.first, c.second, c.ratio])),
    margin: strings([
      m.equity,
      m.initialMarginBalance,
      m.initialMargin,
      m.maintenanceMarginBalance,
      m.maintenanceMargin,
      m.exposure,
    ]),
  }
})

/* LATENESS: age, from, until, share */

const LATENESSES: Record<string, [bigint, number, number, bigint]> = {
  none: [0n, 60, 3_600, percent(5)],
  calm: [60n, 60, 3_600, percent(5)],
  one_second_late: [61n, 60, 3_600, percent(5)],
  half_way: [1_800n, 0, 3_600, percent(5)],
  all_late: [3_600n, 60, 3_600, percent(5)],
  long_all_late: [1n << 40n, 60, 3_600, percent(5)],
  all_of_it_already: [1_000n, 60, 3_600, WAD],
  nothing_of_it: [3n, 0, 7, 0n],
}
const latenessCases: Case[] = Object.entries(LATENESSES).map(([name, [age, from, until, share]]) => {
  const late = lateAt(age, from, until)
  return { name, input: strings([age, from, until, share]), output: strings([late, widen(share, late)]) }
})

/* BOUNDS: value in force, value posted, what else changes (in word 2), words posted; ceiling, rise, fall, gap, hourly, horizon, word, shift */

/** Word 3: no list has a row, so that all of them end behind the general words. */
const LAYOUT = [0n, 16n, 32n, 48n, 64n, 80n].reduce((word, shift) => word | (4n << shift), 0n)
type Posting = Omit<Bound, 'word' | 'shift'> & { from: bigint; to: bigint; other: bigint; words: number; word: number }
const posting = (change: Partial<Posting & { shift: number }>) => ({
  from: percent(20),
  to: percent(21),
  other: 0n,
  words: 4,
  ceiling: percent(60),
  rise: percent(2),
  fall: percent(1),
  gap: percent(5),
  hourly: percent(4),
  horizon: 14_400,
  word: 1,
  shift: 16,
  ...change,
})
const POSTINGS: Record<string, ReturnType<typeof posting>> = {
  a_step_up: posting({}),
  the_same: posting({ to: percent(20) }),
  as_far_up_as_may_be: posting({ to: percent(22) }),
  too_far_up: posting({ to: percent(22) + 1n }),
  as_far_down_as_may_be: posting({ to: percent(19) }),
  too_far_down: posting({ to: percent(19) - 1n }),
  at_the_floor: posting({ from: percent(13) + 1n, to: percent(13) }),
  below_the_floor: posting({ from: percent(13), to: percent(13) - 1n }),
  at_the_ceiling: posting({ from: percent(59), to: percent(60) }),
  above_the_ceiling: posting({ from: percent(60), to: percent(60) + 1n }),
  below_and_stays: posting({ from: percent(1), to: percent(1) }),
  below_and_comes_nearer: posting({ from: percent(1), to: percent(3) }),
  below_and_goes_further: posting({ from: percent(1), to: percent(1) - 1n }),
  above_and_comes_nearer: posting({ from: percent(90), to: percent(89) }),
  above_and_goes_further: posting({ from: percent(90), to: percent(90) + 1n }),
  out_of_bounds_before_too_far: posting({ to: percent(70) }),
  something_else_too: posting({ other: 1n }),
  something_else_alone: posting({ to: percent(20), other: 1n << 254n }),
  the_bound_first: posting({ to: percent(23), other: 1n }),
  a_word_too_many: posting({ words: 5 }),
  a_bound_beyond_the_end: posting({ word: 4 }),
  at_the_end_of_its_word: posting({ shift: 192 }),
  a_floor_without_a_root: posting({ hourly: 0n, from: percent(6), to: percent(5) }),
  a_floor_that_rounds_up: posting({ gap: 1n, hourly: 1n, horizon: 1, from: 3n, to: 2n }),
  a_floor_at_once: posting({ horizon: 0, from: percent(5), to: percent(5) - 1n }),
  largest: posting({
    from: 2n ** 64n - 2n,
    to: 2n ** 64n - 1n,
    ceiling: 2n ** 64n - 1n,
    rise: 2n ** 64n - 1n,
    fall: 2n ** 64n - 1n,
    gap: 2n ** 64n - 1n,
    hourly: 2n ** 64n - 1n,
    horizon: 2 ** 32 - 1,
  }),
}
const boundCases: Case[] = Object.entries(POSTINGS).map(([name, p]) => {
  const blobOf = (count: number, value: bigint, other: bigint): Hex => {
    const words = Array.from({ length: count }, (_, i) => (i === 2 ? other : i === 3 ? LAYOUT : 0n))
    if (p.word < count) words[p.word] = (words[p.word] ?? 0n) | (value << BigInt(p.shift))
    return `0x${words.map((each) => each.toString(16).padStart(64, '0')).join('')}`
  }
  const fault = within(blobOf(4, p.from, 0n), blobOf(p.words, p.to, p.other), [p])
  const output = [floorOf(p), FAULTS.indexOf(fault?.code ?? 'none'), clampStep(p.from, p.to, p)]
  return { name, input: strings(Object.values(p)), output: strings(output) }
})

/* POSITIONS: size, quote, change of both */

const BOOKINGS: Record<string, [bigint, bigint, bigint, bigint]> = {
  opens_long: [0n, 0n, usd(10), -usd(20_000)],
  opens_short: [0n, 0n, -usd(10), usd(20_000)],
  grows: [usd(10), -usd(20_000), usd(10), -usd(22_000)],
  grows_short: [-usd(10), usd(20_000), -usd(1), usd(2_100)],
  halves_at_a_profit: [usd(10), -usd(20_000), -usd(5), usd(11_000)],
  halves_at_a_loss: [usd(10), -usd(20_000), -usd(5), usd(9_000)],
  shrinks_by_a_third_and_rounds: [3n, -10n, -1n, 4n],
  shrinks_a_short_and_rounds: [-3n, 10n, 1n, -4n],
  closes: [usd(10), -usd(20_000), -usd(10), usd(19_000)],
  closes_a_short: [-usd(10), usd(20_000), usd(10), -usd(19_000)],
  crosses_to_short: [usd(10), -usd(20_000), -usd(15), usd(33_000)],
  crosses_to_long_and_rounds: [-2n, 7n, 5n, -11n],
  round_trip_in_one_record: [usd(10), -usd(20_000), 0n, -usd(50)],
  round_trip_when_flat: [0n, 0n, 0n, -7n],
  quote_with_the_other_sign: [usd(10), usd(5), -usd(4), usd(1)],
  nothing: [usd(10), -usd(20_000), 0n, 0n],
  one_unit: [1n, -1n, -1n, 0n],
  largest: [2n ** 126n, -(2n ** 126n), -(2n ** 125n), 2n ** 125n],
}
const positionCases: Case[] = Object.entries(BOOKINGS).map(([name, input]) => {
  const { size, quote, realized } = book(...input)
  return { name, input: strings(input), output: strings([size, quote, realized]) }
})

/* LIQUIDATION: equity, balance, requirement, exposure, discount, target, cash haircut; of the units that back no margin their value and what of the balance they keep */

const DEFAULTS: Record<string, [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]> = {
  the_story: [usd(5_600), usd(2_920), usd(5_040), usd(125_600), percent(1), percent(125), percent(2), 0n, 0n],
  just_below: [usd(100), usd(50) - 1n, usd(50), usd(1_000), percent(1), percent(125), 0n, 0n, 0n],
  no_equity: [0n, -usd(100), usd(50), usd(1_000), percent(1), percent(125), 0n, 0n, 0n],
  bad_debt: [-usd(500), -usd(600), usd(50), usd(1_000), percent(1), percent(125), 0n, 0n, 0n],
  discount_takes_all_equity: [usd(10), usd(5), usd(50), usd(1_000), percent(1), percent(125), 0n, 0n, 0n],
  no_discount: [usd(1_000), usd(5), usd(50), usd(1_000), 0n, percent(125), 0n, 0n, 0n],
  target_at_maintenance: [usd(1_000), usd(5), usd(50), usd(1_000), percent(1), WAD, 0n, 0n, 0n],
  cash_counts_nothing: [usd(1_000), usd(5), usd(50), usd(1_000), percent(1), percent(125), WAD, 0n, 0n],
  a_price_leaves_the_rest: [usd(10) + 1n, usd(5), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(9_000), 0n],
  no_price_takes_none_of_the_rest_yet: [
    usd(10),
    usd(5),
    usd(50),
    usd(1_000),
    percent(1),
    percent(125),
    0n,
    usd(9_000),
    0n,
  ],
  the_rest_makes_up_for_a_dollar: [usd(9), usd(5), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(9_000), 0n],
  the_rest_makes_up_for_a_unit: [
    usd(10) - 1n,
    usd(5),
    usd(50),
    usd(1_000),
    percent(1),
    percent(125),
    0n,
    usd(9_000),
    0n,
  ],
  the_rest_is_just_enough: [-usd(89), -usd(95), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(100), 0n],
  the_rest_is_not_enough: [-usd(90), -usd(95), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(100), 0n],
  what_a_late_vault_keeps_relieves: [
    usd(100),
    usd(45),
    usd(50),
    usd(1_000),
    percent(1),
    percent(125),
    0n,
    usd(90),
    usd(40),
  ],
  it_relieves_less_as_it_goes: [usd(5), usd(45), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(90), usd(40)],
  and_not_once_it_goes_whole: [-usd(80), usd(45), usd(50), usd(1_000), percent(1), percent(125), 0n, usd(90), usd(40)],
  dust: [1n, 0n, 1n, 1n, percent(1), percent(125), percent(2), 0n, 0n],
}
const liquidationCases: Case[] = Object.entries(DEFAULTS).map(([name, input]) => {
  const [equity, balance, requirement, exposure, discount, target, haircut, value, kept] = input
  const margin = {
    equity,
    exposure,
    initialMarginBalance: balance,
    initialMargin: requirement,
    maintenanceMarginBalance: balance,
    maintenanceMargin: requirement,
  }
  const { share, rest, payment } = takenOf(margin, { value, kept }, discount, target, haircut)
  return { name, input: strings(input), output: strings([share, payment, rest]) }
})

/* SETTLEMENT: units, the unit of the token, index price, discount */

const SALES: Record<string, [bigint, bigint, bigint, bigint]> = {
  a_thousand_dollars: [10n ** 9n, 10n ** 6n, usd(1), percent(1)],
  no_discount: [10n ** 9n, 10n ** 6n, usd(1), 0n],
  for_nothing: [10n ** 9n, 10n ** 6n, usd(1), WAD],
  nothing_sold: [0n, 10n ** 6n, usd(1), percent(1)],
  ten_of_eighteen_decimals: [usd(10), WAD, usd(2_000), percent(1)],
  no_decimals: [3n, 1n, usd(7), percent(1)],
  dust_costs_a_unit: [1n, WAD, usd(1), percent(1)],
  dust_of_dust_rounds_up_twice: [1n, 10n ** 36n, 1n, percent(1)],
  the_discount_rounds_up: [7n, 10n ** 6n, usd(1) + 1n, 333_333_333_333_333_333n],
  largest: [2n ** 96n - 1n, 1n, 2n ** 96n - 1n, percent(1)],
}
const settlementCases: Case[] = Object.entries(SALES).map(([name, input]) => {
  const [units, unit, price, discount] = input
  const cost = salePriceOf(units, { unit, price, discount })
  return { name, input: strings(input), output: strings([cost]) }
})

/* FUNDING: mark and index of the last fill, its cap; what ran before; index, its time, its greatest age; period, now */

const NOW = 1_700_000_000n
const funded = (change: Record<string, bigint>) => ({
  mark: usd(2_010),
  index: usd(2_000),
  maxPremium: percent(1),
  accruedAt: NOW - 60n,
  byLongs: 7n,
  byShorts: 9n,
  price: usd(2_000),
  publishTime: NOW,
  maxAge: 60n,
  period: 28_800n,
  now: NOW,
  ...change,
})
const FUNDINGS: Record<string, ReturnType<typeof funded>> = {
  above_the_index_longs_pay: funded({}),
  below_the_index_shorts_pay: funded({ mark: usd(1_990) }),
  at_the_index_nobody_pays: funded({ mark: usd(2_000) }),
  clamped_above: funded({ mark: usd(2_040) }),
  clamped_below: funded({ mark: usd(1_960) }),
  no_cap_no_funding: funded({ maxPremium: 0n }),
  the_premium_rounds_toward_zero: funded({ mark: 2n, index: 3n, maxPremium: WAD }),
  a_premium_too_small_to_see: funded({ mark: usd(2_000) + 1n }),
  the_index_moved_since: funded({ price: usd(1_500) }),
  no_time_has_passed: funded({ accruedAt: NOW }),
  a_second: funded({ accruedAt: NOW - 1n }),
  a_whole_period: funded({ accruedAt: NOW - 28_800n, publishTime: NOW }),
  dust_rounds_down: funded({ price: 1n }),
  stale_for_a_part: funded({ accruedAt: NOW - 1_000n, publishTime: NOW - 500n }),
  stale_all_along: funded({ publishTime: NOW - 120n }),
  stale_for_ever: funded({ publishTime: 0n }),
  ahead_of_the_clock: funded({ publishTime: NOW + 60n }),
  largest: funded({
    mark: 2n ** 96n - 1n,
    index: 1n,
    maxPremium: WAD,
    price: 2n ** 96n - 1n,
    accruedAt: 0n,
    publishTime: 2n ** 32n - 1n,
    now: 2n ** 32n - 1n,
    period: 1n,
  }),
}
const fundingCases: Case[] = Object.entries(FUNDINGS).map(([name, f]) => {
  const { accruedAt, byLongs, byShorts } = f
  const running: Running = { premium: premiumOf(f.mark, f.index, f.maxPremium), accruedAt, byLongs, byShorts }
  const after = accrue(running, f, f, f.now)
  const output = strings([after.premium, after.accruedAt, after.byLongs, after.byShorts])
  return { name, input: strings(Object.values(f)), output }
})

/* RECORDS AND CLAIMS */

const seeded = (seed: string, n: number): Hex => toHex(keccak(new TextEncoder().encode(seed), word(BigInt(n))))
const addressOf = (seed: string, n: number): Hex => `0x${seeded(seed, n).slice(26)}`
const keyOf = (n: number): Key => ({
  kind: ([KIND.GRANT, KIND.LEDGER, KIND.LIMIT, KIND.FILLS, KIND.MARKET, KIND.HEARD] as const)[n % 6] ?? KIND.GRANT,
  writerChain: BigInt(1 + n),
  writer: addressOf('writer', n),
  readerChain: 2n ** BigInt(n),
  reader: addressOf('reader', n),
  account: seeded('account', n),
  item: seeded('item', n),
  holder: addressOf('holder', n),
})
const fieldsAt = (n: number): Fields => [BigInt(n), 1n, 2n ** 64n, 2n ** 128n - 1n, 0n, BigInt(n * n)]
let digest: Hex = ZERO_DIGEST
const recordCases: Case[] = Array.from({ length: 12 }, (_, n) => {
  const key = keyOf(n)
  const hash = keyHash(key)
  digest = stepDigest(digest, hash, fieldsAt(n))
  return {
    name: `record_${n}`,
    kind: `${key.kind}`,
    chains: strings([key.writerChain, key.readerChain]),
    addresses: [key.writer, key.reader, key.holder],
    words: [key.account, key.item],
    fields: strings(fieldsAt(n)),
    key: hash,
    leaf: leafOf(hash, fieldsAt(n)),
    digest,
  }
})

const claimCases: Case[] = [1, 2, 3, 17, 100].map((count) => {
  const hashes = Array.from({ length: count }, (_, n) => seeded('key', n))
  const leaves = hashes.map((hash, n) => leafOf(hash, fieldsAt(n)))
  const tree = hashes.reduce<Claims>((claims, hash, n) => setClaim(claims, hash, leaves[n] ?? hash), EMPTY)
  const pick = count - 1
  const [key = ZERO_DIGEST, leaf = ZERO_DIGEST] = [hashes[pick], leaves[pick]]
  return { name: `tree_of_${count}`, key, leaf, root: rootOf(tree), siblings: siblingsOf(tree, key) }
})

const parameterCases: Case[] = [{ name: 'devnet', blob: packParameters(PARAMETERS) }]

const files = {
  margin: marginCases,
  lateness: latenessCases,
  bounds: boundCases,
  caps: CUT_CASES,
  counting: ADMISSION_CASES,
  positions: positionCases,
  liquidation: liquidationCases,
  settlement: settlementCases,
  funding: fundingCases,
  records: recordCases,
  claims: claimCases,
  parameters: parameterCases,
  misfits: MISFIT_CASES,
}
const isCheck = process.argv.includes('--check')
const changed = Object.entries(files).filter(([name, cases]) => {
  const path = join(folder, `${name}.json`)
  const text = `${JSON.stringify({ cases }, null, 2)}\n`
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
  if (!isCheck) writeFileSync(path, text)
  return true
})
for (const [name] of changed)
  console.log(`vectors/${name}.json ${isCheck ? 'differs: run npm run vectors' : 'written'}`)
if (isCheck && changed.length > 0) process.exit(1)
