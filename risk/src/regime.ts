/** One book's money under one regime, and what becomes of it: spec/capital.md. */
import { divUp, max, type Ratio, type Usd } from '@omnimargin/core/wad'
import { excursionsOf, needsOf, type Path } from './path.ts'
import { quantile } from './quantile.ts'

/** Accounts that are liquidated each for itself, what stands behind them, and how many bars old the last top-up is. */
export type Regime = {
  readonly accounts: readonly Path[]
  readonly local: readonly Usd[]
  readonly buffer: Usd
  readonly delay: number
}

/** Over all start times. Unnecessary: liquidated somewhere while the sum over all chains held the whole book's maintenance margin. */
export type Outcome = {
  readonly starts: number
  readonly liquidated: number
  readonly unnecessary: number
  readonly worstShortfall: Usd
}

/** All that is posted: on every chain, and the buffer. */
export function moneyOf({ local, buffer }: Regime): Usd {
  return local.reduce((total, money) => total + money, buffer)
}

/** The same regime with another sum, split as before; what does not divide is left out. */
export function withMoney(regime: Regime, money: Usd): Regime {
  const before = moneyOf(regime)
  if (before === 0n) return regime
  const scaled = (part: Usd) => (part * money) / before
  return { ...regime, local: regime.local.map(scaled), buffer: scaled(regime.buffer) }
}

/** The least money, split as before, with which at least a share `p` of starts see no account liquidated; without top-ups. */
export function moneyAsSafe(regime: Regime, p: Ratio): Usd {
  const before = moneyOf(regime)
  const asked = regime.accounts.map((account, i) => {
    const part = max(1n, regime.local[i] ?? 0n)
    return needsOf(account, regime.delay).map((need) => divUp(max(0n, need) * before, part))
  })
  const [first = [], ...others] = asked
  return quantile(
    first.map((money, start) => others.reduce((most, needs) => max(most, needs[start] ?? 0n), money)),
    p,
  )
}

/** Replays the window from every start. `whole` is the book as one account, the judge of what was necessary. */
export function replay(regime: Regime, whole: Path, width: number): Outcome {
  const suspects = suspectsOf(regime, whole, width)
  const outcome = { starts: suspects.length, liquidated: 0, unnecessary: 0, worstShortfall: 0n }
  for (const [start, isSuspect] of suspects.entries()) {
    if (!isSuspect) continue
    const { first, shortfall } = replayFrom(start, regime, whole.profit, width)
    if (first === undefined) continue
    outcome.liquidated += 1
    outcome.worstShortfall = max(outcome.worstShortfall, shortfall)
    const equity = moneyOf(regime) + (whole.profit[first] ?? 0n) - (whole.profit[start] ?? 0n)
    if (equity >= (whole.maintenance[first] ?? 0n)) outcome.unnecessary += 1
  }
  return outcome
}

/**
 * At bar `t` each account holds its own money, made up for all it lost until `delay` bars before, out of the buffer and the others'
 * gains; what these could not give is missing. Returns the first bar with something missing, and the most that is at any.
 */
export function replayFrom(start: number, regime: Regime, sum: readonly Usd[], width: number) {
  const { accounts, local, buffer, delay } = regime
  // What the profit of a bar, less its maintenance, must reach: it changes only with the anchor.
  const marks = local.map((money, i) => (accounts[i]?.profit[start] ?? 0n) - money)
  let missingOfPool = 0n
  let first: number | undefined
  let shortfall = 0n
  for (let bar = start; bar <= start + width; bar++) {
    const anchor = bar - delay
    if (anchor > start) {
      for (let i = 0; i < marks.length; i++) marks[i] = (accounts[i]?.profit[anchor] ?? 0n) - (local[i] ?? 0n)
      missingOfPool = max(0n, (sum[start] ?? 0n) - (sum[anchor] ?? 0n) - buffer)
    }
    let missing = missingOfPool
    for (let i = 0; i < marks.length; i++) {
      const short = (marks[i] ?? 0n) - (accounts[i]?.spare[bar] ?? 0n)
      if (short > 0n) missing += short
    }
    if (missing > 0n) first ??= bar
    if (missing > shortfall) shortfall = missing
  }
  return { first, shortfall }
}

/** The starts that could end badly; the others need no second look. */
function suspectsOf({ accounts, local, buffer, delay }: Regime, whole: Path, width: number): boolean[] {
  const starts = Math.max(0, whole.profit.length - width)
  const suspects = new Array<boolean>(starts).fill(false)
  for (const [i, account] of accounts.entries()) {
    // Bad stretches of one delay before each bar, so that a window's are counted by a difference.
    const bad = [0]
    for (const need of needsOf(account, delay)) bad.push((bad.at(-1) ?? 0) + (need > (local[i] ?? 0n) ? 1 : 0))
    for (let start = 0; start < starts; start++) {
      if ((bad[start + width - delay + 1] ?? 0) > (bad[start] ?? 0)) suspects[start] = true
    }
  }
  if (delay === width) return suspects
  return excursionsOf(whole, width).map((loss, start) => loss > buffer || suspects[start] === true)
}
