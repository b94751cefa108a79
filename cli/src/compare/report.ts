/** A comparison as people read it, as a spreadsheet does, and as a program does. */
import { type Usd, WAD } from '@omnimargin/core/wad'
import { type Comparison, REGIMES, type RegimeName, type RegimeReport, spreadOf } from '@omnimargin/risk/compare'
import { formatDecimal } from '@omnimargin/risk/decimal'
import type { Outcome } from '@omnimargin/risk/regime'
import type { Terms } from '@omnimargin/risk/terms'
import { decimalJson } from '../json.ts'
import { amount, percent } from '../terminal/amounts.ts'
import { type Screen, textOf } from '../terminal/screen.ts'
import { formatTime } from './span.ts'

/** The books of one file. Of random ones the middle is told, and how far they spread. */
export type Group = { readonly name: string; readonly isRandom: boolean; readonly comparisons: readonly Comparison[] }

export type Report = {
  readonly groups: readonly Group[]
  readonly terms: Terms
  readonly span: { readonly from: number; readonly to: number; readonly interval: number; readonly bars: number }
  /** The prices are those that are shipped, which nobody ever paid. */
  readonly isMadeUp: boolean
}

export function formatReport(report: Report, format: 'table' | 'csv' | 'json'): string {
  if (format === 'json') return toJson(report)
  return format === 'csv' ? toCsv(report) : toTables(report)
}

/* TABLES */

function toTables(report: Report): string {
  return textOf((screen) => {
    screen.say(`${headline(report)}\n`)
    if (report.isMadeUp) screen.say('The prices are made up: give recorded ones with --prices DIR.\n')
    const { groups } = report
    screen.say('Capital, USD')
    screen.table(['', 'siloed', 'bridge', 'unified', 'routes lose\na year'], groups.flatMap(capitalRows))
    screen.say('\nWhat unified saves')
    screen.table(['', 'of siloed', 'of bridge', 'of siloed made\nas safe as unified'], groups.flatMap(savingRows))
    if (groups.some(({ isRandom }) => isRandom)) screen.prose(EACH_ITS_OWN)
    for (const group of groups) detail(screen, group)
    screen.prose('', ...LEGEND)
  })
}

const EACH_ITS_OWN =
  'Of random books each column has a median and percentiles of its own: no row is one book, and what is saved does not follow from the capitals of the row.'

const LEGEND = [
  'Capital: collateral that holds maintenance margin through the window, for that share of starts.',
  'Routes lose a year: what unified is expected to lose by routes that fail, which is new in it.',
  'As safe as unified: with so much that all chains together last as often as unified; siloed holds each chain for itself.',
  'Unnecessarily: share of starts from which an account is liquidated while the sum over all chains still held the whole book’s maintenance margin, charges and all. In unified all is one account, so there are none: by definition.',
  'A bridge lasts its own time at that share, not the window: it is asked for less, and fails more often.',
  'Unified pays for late legs, for the loss of a venue and a latency premium on collateral; all else is charged alike.',
  'One price per underlying on all chains, closes only; no fees, no funding.',
]

function headline({ span, terms }: Report): string {
  const { from, to, interval, bars } = span
  const delay = minutes(terms.reactionSeconds + terms.transferSeconds)
  const safety = `${percent(terms.confidence)} of starts last ${minutes(terms.windowSeconds)}`
  return `${bars.toLocaleString('en')} bars of ${minutes(interval)}, ${formatTime(from)} to ${formatTime(to)}. ${safety}; a bridge takes ${delay}.`
}

function minutes(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}

function capitalRows(group: Group): string[][] {
  const capitals = REGIMES.map((regime) => (one: Comparison) => one.regimes[regime].capital)
  return summaryRows(group, [...capitals, ({ routeLossPerYear }) => routeLossPerYear], dollars)
}

function savingRows(group: Group): string[][] {
  const savings = ['savingToSiloed', 'savingToBridge', 'savingAsSafe'] as const
  return summaryRows(
    group,
    savings.map((saving) => (one) => one[saving]),
    percent1,
  )
}

type Figure = (comparison: Comparison) => bigint

function summaryRows(
  { name, isRandom, comparisons }: Group,
  figures: readonly Figure[],
  tell: (figure: bigint) => string,
): string[][] {
  const spreads = figures.map((figure) => spreadOf(comparisons.map(figure)))
  const row = (title: string, part: 'p10' | 'median' | 'p90') => [title, ...spreads.map((one) => tell(one[part]))]
  if (!isRandom) return [row(name, 'median')]
  return [
    row(`${name}: median`, 'median'),
    row(`  10th percentile of ${comparisons.length}`, 'p10'),
    row(`  90th percentile of ${comparisons.length}`, 'p90'),
  ]
}

function detail(screen: Screen, { name, isRandom, comparisons }: Group): void {
  const median = (of: Figure) => spreadOf(comparisons.map(of)).median
  const gross = dollars(median((comparison) => comparison.gross))
  const posted = dollars(median((comparison) => comparison.posted))
  const note = isRandom ? `, each figure its own median of ${comparisons.length} books` : ''
  const table = (
    head: readonly string[],
    cellsOf: (of: (pick: (report: RegimeReport) => bigint) => bigint) => string[],
  ) =>
    screen.table(
      ['', ...head],
      REGIMES.map((regime) => [regime, ...cellsOf((pick) => median(({ regimes }) => pick(regimes[regime])))]),
    )
  screen.say(`\n${name}${note}: ${gross} USD of positions, ${posted} USD posted`)
  screen.say('Each with the capital that it needs')
  table(
    ['capital', 'initial\nmargin /\nposted', 'capital /\nposted', 'positions /\ncapital', 'unnecessarily\nliquidated'],
    (of) => [
      dollars(of(({ capital }) => capital)),
      percent1(of((one) => one.capitalUtilization)),
      percent1(of((one) => one.requiredCapitalUtilization)),
      amount(
        of((one) => one.notionalPerCapital),
        18,
        1,
      ),
      percent1(of(({ atOwnCapital }) => shareOf(atOwnCapital, 'unnecessary'))),
    ],
  )
  screen.say('Each with the capital that unified needs')
  table(['liquidated', 'unnecessarily\nliquidated', 'worst shortfall\n/ positions'], (of) => [
    percent1(of(({ atUnifiedCapital }) => shareOf(atUnifiedCapital, 'liquidated'))),
    percent1(of(({ atUnifiedCapital }) => shareOf(atUnifiedCapital, 'unnecessary'))),
    percent1(of((one) => one.shortfallPerNotional)),
  ])
}

function shareOf(outcome: Outcome, what: 'liquidated' | 'unnecessary'): bigint {
  return outcome.starts === 0 ? 0n : (BigInt(outcome[what]) * WAD) / BigInt(outcome.starts)
}

function dollars(value: Usd): string {
  return amount(value, 18, 0)
}

/** Rounds down, so that a saving is never told as more than it is. */
function percent1(ratio: bigint): string {
  const tenth = WAD / 1000n
  const rest = ratio % tenth
  return `${amount((ratio - (rest < 0n ? rest + tenth : rest)) * 100n, 18, 1)} %`
}

/* CSV AND JSON */

type Field = string | number | bigint

/** One line per book and regime; a book's own figures are on each of its lines. */
function toCsv({ groups }: Report): string {
  const rows = groups.flatMap(({ comparisons }) =>
    comparisons.flatMap((comparison) => REGIMES.map((regime) => fieldsOf(comparison, regime))),
  )
  const [first = {}] = rows
  return `${[Object.keys(first), ...rows.map((row) => Object.values(row).map(cell))].map((cells) => cells.join(',')).join('\n')}\n`
}

function fieldsOf(comparison: Comparison, regime: RegimeName): Record<string, Field> {
  const { atOwnCapital, atUnifiedCapital, ...figures } = comparison.regimes[regime]
  return {
    book: comparison.name,
    regime,
    gross: comparison.gross,
    posted: comparison.posted,
    ...figures,
    starts: atOwnCapital.starts,
    liquidatedAtOwnCapital: atOwnCapital.liquidated,
    unnecessaryAtOwnCapital: atOwnCapital.unnecessary,
    liquidatedAtUnifiedCapital: atUnifiedCapital.liquidated,
    unnecessaryAtUnifiedCapital: atUnifiedCapital.unnecessary,
    savingToSiloed: comparison.savingToSiloed,
    savingToBridge: comparison.savingToBridge,
    siloedAsSafe: comparison.siloedAsSafe,
    savingAsSafe: comparison.savingAsSafe,
    routeLossPerYear: regime === 'unified' ? comparison.routeLossPerYear : 0n,
  }
}

function cell(value: Field): string {
  if (typeof value === 'bigint') return formatDecimal(value)
  // A spreadsheet reads a leading =, +, - or @ as a formula.
  const text = typeof value === 'string' ? value.replace(/^[=+\-@]/, "'$&") : `${value}`
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function toJson({ groups, span }: Report): string {
  const books = groups.map(({ name, isRandom, comparisons }) => ({
    name,
    ...(isRandom && {
      savingToSiloed: spreadOf(comparisons.map(({ savingToSiloed }) => savingToSiloed)),
      savingToBridge: spreadOf(comparisons.map(({ savingToBridge }) => savingToBridge)),
      savingAsSafe: spreadOf(comparisons.map(({ savingAsSafe }) => savingAsSafe)),
    }),
    comparisons,
  }))
  return decimalJson({ span, books })
}
