// Writes risk/prices/: made-up prices, and what they are like. `--check` only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WAD } from '@omnimargin/core/wad'
import { joinBars, parseBars, type Series } from '@omnimargin/risk/bars'
import { correlationOf, momentsOf, worstOver } from '@omnimargin/risk/moments'
import { MADE_UP, makePrices, type Shape } from '@omnimargin/risk/synthetic'

const folder = join(import.meta.dirname, '..', 'risk', 'prices')
/** Every file of the folder, by name. */
function filesOf(shape: Shape): Map<string, string> {
  const csv = [...makePrices(shape)].map(([symbol, bars]) => {
    const rows = bars.map(({ time, cells }) => `${time},${cells.join(',')}\n`)
    return [`${symbol}.csv`, `ts,open,high,low,close,volume\n${rows.join('')}`] as const
  })
  const series = csv.map(([file, text]) => joinBars(file.slice(0, 3), [parseBars(file, text)]))
  return new Map([...csv, ['README.md', readme(series, shape)]])
}

function readme(series: readonly Series[], { seed, bars }: Shape): string {
  const rows = series.map((one) => {
    const { deviation, deviationPerYear, kurtosis, worst, best } = momentsOf(one)
    const day = worstOver(one, 24)
    const cells = [
      percent(deviation),
      percent(deviationPerYear),
      fixed(kurtosis),
      percent(worst),
      percent(best),
      percent(day),
    ]
    return `| ${one.symbol} | ${cells.join(' | ')} |`
  })
  const pairs = series.flatMap((a, i) =>
    series.slice(i + 1).map((b) => `${a.symbol} and ${b.symbol} ${fixed(correlationOf(a, b))}`),
  )
  return `# Made-up prices

No market's: \`npm run prices\` makes them out of the seed ${seed}, in integers, so that \`npm run compare\` needs no data. ${bars.toLocaleString('en')}
hourly bars an asset. Each hour's move is a common shock and the asset's own, wider while the market is active (activity lasts) and in one hour of
40 four times as wide, which gives the fat tails. There is no trend, and no hour moves by more than half. A figure computed on them says nothing
about a market; [docs/capital.md](../../docs/capital.md) has those of real ones.

| | deviation, hour | year | kurtosis (normal: 3) | worst hour | best hour | worst 24 h |
|---|---|---|---|---|---|---|
${rows.join('\n')}

Correlation of hourly returns: ${pairs.join(', ')}.
`
}

function percent(ratio: bigint): string {
  return `${fixed(ratio * 100n)} %`
}

/** Two digits after the point, cut off. */
function fixed(value: bigint): string {
  const hundredths = value / (WAD / 100n)
  const digits = `${hundredths < 0n ? -hundredths : hundredths}`.padStart(3, '0')
  return `${hundredths < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

const isCheck = process.argv.includes('--check')
for (const [name, text] of filesOf(MADE_UP)) {
  const file = join(folder, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  if (isCheck) {
    process.stderr.write(
      `risk/prices/${name} differs from what \`npm run prices\` makes: run it, or undo the change.\n`,
    )
    process.exitCode = 1
  } else {
    writeFileSync(file, text)
  }
}
