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
    screen.table(
      [
        '',
        'siloed',
        'bridge',
        'unified',
        'saves of\nsiloed',
        'saves of\nbridge',
        'of siloed,\nas safe',
        'routes lose\na year',
      ],
      report.groups.flatMap(summaryRows),
    )
    screen.say('Capital in USD. New in unified is what routes are expected to lose by failing.')
    for (const group of report.groups) detail(screen, group)
    screen.say(`\n${LEGEND}`)
  })
}

const LEGEND = `Capital: collateral that holds maintenance margin through the window, for that share of starts. IM: initial margin.
Own: with that capital posted. Same: with unified's posted in each regime.
Unnecessary: share of starts from which an account is liquidated while the sum over all chains still held the whole
book's maintenance margin, charges and all. In unified all is one account, so there are none: by definition.
As safe: with so much that all chains together last as often as unified; siloed holds each chain for itself.
A bridge lasts its own time at that share, not the window: it is asked for less, and fails more often.
Unified pays for late legs, for the loss of a venue and a latency premium on collateral; all else is charged alike.
One price per underlying on all chains, closes only; no fees, no funding.`

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

function summaryRows({ name, isRandom, comparisons }: Group): string[][] {
  const spread = (of: (comparison: Comparison) => bigint) => spreadOf(comparisons.map(of))
  const capitals = REGIMES.map((regime) => spread(({ regimes }) => regimes[regime].capital))
  const savings = [
    spread(({ savingToSiloed }) => savingToSiloed),
    spread(({ savingToBridge }) => savingToBridge),
    spread(({ savingAsSafe }) => savingAsSafe),
  ]
  const losses = spread(({ routeLossPerYear }) => routeLossPerYear)
  const row = (title: string, part: 'p10' | 'median' | 'p90') => [
    title,
    ...capitals.map((one) => dollars(one[part])),
    ...savings.map((one) => percent1(one[part])),
    dollars(losses[part]),
  ]
  if (!isRandom) return [row(name, 'median')]
  return [
    row(`${name}: median`, 'median'),
    row(`  10th percentile of ${comparisons.length}`, 'p10'),
    row(`  90th percentile of ${comparisons.length}`, 'p90'),
  ]
}

function detail(screen: Screen, { name, isRandom, comparisons }: Group): void {
  const median = (of: (comparison: Comparison) => bigint) => spreadOf(comparisons.map(of)).median
  const gross = dollars(median((comparison) => comparison.gross))
  const posted = dollars(median((comparison) => comparison.posted))
  const note = isRandom ? `, medians of ${comparisons.length} books` : ''
  screen.say(`\n${name}${note}: ${gross} USD of positions, ${posted} USD posted`)
  screen.table(
    [
      '',
      'capital',
      'IM /\nposted',
      'capital /\nposted',
      'positions /\ncapital',
      'own: un-\nnecessary',
      'same: all\nliquidated',
      'same: un-\nnecessary',
      'same: worst short-\nfall / positions',
    ],
    REGIMES.map((regime) => {
      const of = (pick: (report: RegimeReport) => bigint) => median(({ regimes }) => pick(regimes[regime]))
      return [
        regime,
        dollars(of(({ capital }) => capital)),
        percent1(of((report) => report.capitalUtilization)),
        percent1(of((report) => report.requiredCapitalUtilization)),
        amount(
          of((report) => report.notionalPerCapital),
          18,
          1,
        ),
        percent1(of(({ atOwnCapital }) => shareOf(atOwnCapital, 'unnecessary'))),
        percent1(of(({ atUnifiedCapital }) => shareOf(atUnifiedCapital, 'liquidated'))),
        percent1(of(({ atUnifiedCapital }) => shareOf(atUnifiedCapital, 'unnecessary'))),
        percent1(of((report) => report.shortfallPerNotional)),
      ]
    }),
  )
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
