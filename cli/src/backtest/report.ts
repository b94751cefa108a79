/** A backtest as people read it, as a spreadsheet does, and as a program does. */
import type { RowName } from '@omnimargin/risk/estimate/backtest'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { CHOSEN } from '@omnimargin/risk/estimate/observer'
import type { Verdict } from '@omnimargin/risk/estimate/statistics'
import type { AssetReport, Report } from '../backtest.ts'
import { formatTime } from '../compare/span.ts'
import { type Screen, textOf } from '../terminal/screen.ts'

export function formatBacktest(report: Report, format: 'table' | 'csv' | 'json'): string {
  const { reports, ...rest } = report
  if (format === 'json') return `${JSON.stringify({ alpha: DEFAULTS.alpha, ...rest, assets: reports }, undefined, 2)}\n`
  return format === 'csv' ? toCsv(reports) : toTables(report)
}

/* TABLES */

function toTables({ reports, refused, isMadeUp }: Report): string {
  return textOf((screen) => {
    const prices = isMadeUp ? 'Made-up prices: they say nothing about a market. ' : ''
    screen.say(`${prices}Loss of one hour, promised coverage ${percent(1 - DEFAULTS.alpha, 1)}.`)
    if (isMadeUp) screen.prose(WHY_CONSTANT)
    for (const report of reports) assetTables(screen, report)
    if (refused.length > 0)
      screen.say(`\nNot judged, as told above: ${refused.map(({ symbol }) => symbol).join(', ')}.`)
    screen.prose('', ...LEGEND)
  })
}

const WHY_CONSTANT =
  'They have no seasons and no fear that outlasts a day, which is what the finer estimators know of: a constant does as well here. What recorded prices say is in docs/backtest.md.'

const LEGEND = [
  'Coverage: hours whose loss by the close was at most the haircut.',
  'Kupiec, Christoffersen: how likely so many misses, and misses so close to each other, are by chance.',
  'Equal: the mean haircut, all scaled by one factor to the promised coverage; of static: that by static’s.',
  'Short: mean loss beyond those, in hundredths of a percent of the price; worst: the most beyond the haircut as it was.',
  `After a fall: coverage in the hour after one of ${percent(DEFAULTS.triggerFall, 0)} or more, by its close and at its low.`,
  'Peak: greatest by least haircut in 30 days, in the middle one of all such spans and in the worst. Rise: the greatest within a day.',
  'Slow: with a quarter of the long run, a floor and bounded speed, as liquidation sees it; fast: what is said of the hour alone; new risk pays the larger of both.',
  `Haircuts are of ${CHOSEN}. Before the regression has seen ${DEFAULTS.estimator.regression.least.toLocaleString('en')} hours, the estimators that begin with QR say what HAR does.`,
  'Pinball and how often a miss followed a miss are in --format csv.',
]

const HEAD = [
  '',
  'cover-\nage %',
  'Ku-\npiec',
  'Chris-\ntoff.',
  'mean\n%',
  'equal\n%',
  'of\nstatic',
  'short\nbp',
  'worst\n%',
  'after a fall:\nclose, low %',
  'peak\n30 d',
  'rise\n24 h',
]

function assetTables(screen: Screen, report: AssetReport): void {
  const { symbol, span, rows } = report
  const [first] = rows
  const hours = (first?.verdict.hours ?? 0).toLocaleString('en')
  const falls = first?.verdict.triggerHours ?? 0
  const fixed = rows.find(({ name }) => name === 'static')?.verdict.equalCoverage
  const [fast, slow] = (['fast', 'slow'] as const).map((speed) => rows.filter((row) => row.speed === speed))
  const paid = rows.filter(({ name, speed }) => speed === 'initial' && name === usedIn(report))
  for (const [speed, own = []] of [['fast', fast] as const, ['slow', [...(slow ?? []), ...paid]] as const]) {
    screen.say(
      `\n${symbol}, ${speed}: ${hours} hours, ${formatTime(span.from)} to ${formatTime(span.to)}; ${falls} after a fall`,
    )
    screen.table(
      HEAD,
      own.map(({ name, speed: one, verdict }) => [one === 'initial' ? 'new risk' : name, ...cellsOf(verdict, fixed)]),
    )
  }
  if (report.crashes.length > 0) crashTable(screen, report)
}

function crashTable(screen: Screen, report: AssetReport): void {
  const { symbol, rows, crashes } = report
  screen.say(`\n${symbol} in crashes: misses of hours, and the worst % beyond the haircut`)
  const shown = rows.filter(({ name, speed }) => speed === 'fast' || (speed === 'slow' && name === usedIn(report)))
  screen.table(
    ['', ...crashes.map(({ month }) => month)],
    shown.map(({ name, speed }) => [
      speed === 'slow' ? `${name} slow` : name,
      ...crashes.map(({ rows: all }) => {
        const verdict = all.find((row) => row.name === name && row.speed === speed)?.verdict
        return verdict ? `${verdict.misses}/${verdict.hours} ${number(100 * verdict.worstShortfall, 1)}` : '-'
      }),
    ]),
  )
}

/** The row that haircuts are made of. */
function usedIn({ rows }: AssetReport): RowName {
  return rows.some(({ name }) => name === 'peg') ? 'peg' : CHOSEN
}

function cellsOf(verdict: Verdict, fixed: number | undefined): string[] {
  const after = [verdict.triggerClose, verdict.triggerLow].map((share) => number(100 * share, 1)).join(', ')
  return [
    number(100 * verdict.coverage, 2),
    chance(verdict.kupiec),
    chance(verdict.christoffersen),
    number(100 * verdict.mean, 3),
    number(100 * verdict.equalCoverage, 3),
    fixed ? number(verdict.equalCoverage / fixed, 3) : '-',
    number(10_000 * verdict.shortfall, 3),
    number(100 * verdict.worstShortfall, 1),
    verdict.triggerHours === 0 ? '-' : after,
    [verdict.peakToTrough, verdict.worstPeakToTrough].map((ratio) => number(ratio, 1)).join(', '),
    number(verdict.rise, 1),
  ]
}

/** ".000" is below a thousandth. */
function chance(p: number): string {
  return p >= 0.995 ? '1' : number(p, 2)
}

function number(value: number, digits: number): string {
  return value.toFixed(digits)
}

function percent(share: number, digits: number): string {
  return `${number(100 * share, digits)} %`
}

/* CSV */

/** One line per asset, span, estimator and speed: shares, not percent. */
function toCsv(reports: readonly AssetReport[]): string {
  const lines = reports.flatMap(({ symbol, rows, crashes }) =>
    [{ month: 'all', rows }, ...crashes].flatMap(({ month, rows: own }) =>
      own.map(({ name, speed, verdict }) => ({ asset: symbol, span: month, estimator: name, speed, ...verdict })),
    ),
  )
  const [first = {}] = lines
  return `${[Object.keys(first), ...lines.map((line) => Object.values(line))].map((cells) => cells.join(',')).join('\n')}\n`
}
