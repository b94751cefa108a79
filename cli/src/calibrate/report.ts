/** What became of the books, as people read it. */
import { type Reliability, reliabilityOf } from '@omnimargin/risk/estimate/reliability'
import type { Screen } from '../terminal/screen.ts'

const THRESHOLD = 0.05
const CAME = {
  closes: 'by closes',
  joint: 'by lows, highs\nor closes',
  most: 'by worst\ncorner',
} as const

export type Trial = {
  readonly book: string
  /** It depends on one price only. */
  readonly isSingle: boolean
  readonly said: number
  /** The same with the first year's quantile for ever, and no scores. */
  readonly still: number
  /** By the closes of each hour; by those, all lows and all highs; and by the worst corner of lows and highs. Where there is one price the last. */
  readonly closes: number
  readonly joint: number
  readonly most: number
}

export type Calibration = {
  readonly trials: readonly Trial[]
  readonly symbols: readonly string[]
  readonly hours: number
  /** The prices are those that are shipped, which nobody ever paid. */
  readonly isMadeUp: boolean
}

export function report(screen: Screen, { trials, symbols, hours, isMadeUp }: Calibration): void {
  const single = trials.filter(({ isSingle }) => isSingle)
  const two = trials.filter(({ isSingle }) => !isSingle)
  screen.prose(
    ...(isMadeUp ? ['Made-up prices: they say nothing about a market. Give recorded ones with --prices DIR.'] : []),
    `Whether books of ${symbols.join(' and ')} that were said to cross maintenance within ${hours} h did cross it.`,
  )
  screen.say(`\nOne price: ${counted(single)}, by the lows and highs of those hours`)
  const [said, came] = [single.map((one) => one.said), single.map(({ most }) => most)]
  const still = reliabilityOf(
    single.map((one) => one.still),
    came,
  )
  binTable(screen, ['came true'], [reliabilityOf(said, came)], still)
  screen.prose(warningsOf(single, hours))
  for (const book of new Set(two.map((one) => one.book))) {
    const own = two.filter((one) => one.book === book)
    screen.say(`\nTwo prices, ${book}: ${counted(own)}`)
    const kinds = Object.keys(CAME) as (keyof typeof CAME)[]
    const found = kinds.map((kind) =>
      reliabilityOf(
        own.map((one) => one.said),
        own.map((one) => one[kind]),
      ),
    )
    binTable(screen, Object.values(CAME), found)
  }
  screen.prose('', ...LEGEND)
}

const LEGEND = [
  'Said: the chance that was said of a book; mean said: the mean of those. Came true, and what is called by: the share of them that did cross. The nearer to what was said, the better.',
  'Brier: mean square of what was said less what came, 1 or 0; the less, the better. Of the mean: the score of who says the mean of what came of every book. Of the first year: of who keeps the first year’s quantile, with Student’s law.',
  'Hourly bars do not say whether two prices were at their worst together: by closes misses what came back within an hour; by all lows, all highs or all closes sees most of it; by the worst corner of lows and highs is more than can have been.',
]

function binTable(screen: Screen, names: readonly string[], all: readonly Reliability[], still?: Reliability): void {
  const bins = all[0]?.bins ?? []
  const rows = bins.map(({ from, count, said }, i) => [
    `${bound(from)} to ${bound(bins[i + 1]?.from ?? 1)} %`,
    count.toLocaleString('en'),
    count > 0 ? percent(said) : '-',
    ...all.map((one) => (count > 0 ? percent(one.bins[i]?.came ?? 0) : '-')),
  ])
  const scores = (name: string, values: readonly number[]) => [name, '', '', ...values.map((one) => one.toFixed(4))]
  screen.table(
    ['said', 'books', 'mean said', ...names],
    [
      ...rows,
      scores(
        'Brier',
        all.map(({ brier }) => brier),
      ),
      scores(
        '  of the mean',
        all.map(({ brierOfMean }) => brierOfMean),
      ),
      ...(still ? [scores('  of the first year', [still.brier])] : []),
    ],
  )
}

function warningsOf(single: readonly Trial[], hours: number): string {
  const warned = single.filter(({ said }) => said >= THRESHOLD)
  const crossed = single.filter(({ most }) => most === 1)
  const both = warned.filter(({ most }) => most === 1).length
  return `Were all warned of whom ${percent(THRESHOLD)} or more is said: of the books that crossed ${share(both, crossed)} had been warned, of those warned ${share(both, warned)} crossed within ${hours} h, and of all ${share(warned.length, single)} were warned.`
}

function counted(trials: readonly Trial[]): string {
  return `${trials.length.toLocaleString('en')} books`
}

function share(count: number, of: readonly Trial[]): string {
  return of.length === 0 ? 'none' : percent(count / of.length)
}

function bound(share: number): string {
  return `${Number((100 * share).toFixed(1))}`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`
}
