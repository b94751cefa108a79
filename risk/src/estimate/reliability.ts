/** Whether chances that were said came true as often as they were said. */

/** What was said from `from` on up to the next bin: how often, in the mean, and how often it came true. */
export type Bin = { readonly from: number; readonly count: number; readonly said: number; readonly came: number }

export type Reliability = {
  readonly bins: readonly Bin[]
  /** Mean square of what was said less what came, and the same of one who says the mean for ever. */
  readonly brier: number
  readonly brierOfMean: number
}

const EDGES = [0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75]

/** One chance and one outcome (0 or 1) for each trial. */
export function reliabilityOf(said: readonly number[], came: readonly number[]): Reliability {
  const count = said.length
  const sumOf = (values: readonly number[]) => values.reduce((total, one) => total + one, 0)
  const meanOf = (values: readonly number[]) => (values.length === 0 ? 0 : sumOf(values) / values.length)
  const mean = meanOf(came)
  const binOf = (chance: number) => EDGES.findLastIndex((edge) => chance >= edge)
  const places = said.map(binOf)
  const bins = EDGES.map((from, bin) => {
    const isIn = (_: number, i: number) => places[i] === bin
    const [saidHere, cameHere] = [said.filter(isIn), came.filter(isIn)]
    return { from, count: saidHere.length, said: meanOf(saidHere), came: meanOf(cameHere) }
  })
  const squares = (values: readonly number[]) => sumOf(values.map((one) => one * one))
  return {
    bins,
    brier: squares(said.map((chance, i) => chance - (came[i] ?? 0))) / Math.max(1, count),
    brierOfMean: squares(came.map((one) => one - mean)) / Math.max(1, count),
  }
}
