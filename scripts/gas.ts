// Runs the gas tests and writes their figures to docs/gas.md: execution on cold storage, without the 21,000 and the
// calldata that every transaction pays. `--check` only prints them.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** What is asked of the entry points that matter most. */
const GOALS: Record<string, number> = {
  'CommitteeRoots.submit, 13 of 19': 75_000,
  'Clearing.marginOf, 8 lines, 6 positions, 3 prices': 80_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices': 80_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged': 80_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged, every vault and venue late': 80_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged, limits in all 6': 80_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, limits in all 6': 80_000,
  "Venue.fill on the clearing's chain, the rest of the same orders": 150_000,
  "Venue.fill on the clearing's chain, two new orders, both accounts with a position": 150_000,
  'Venue.fill far from the clearing, the rest of the same orders': 150_000,
  'Venue.fill far from the clearing, two new orders, both accounts with a position': 150_000,
  'Venue.fill far from the clearing, two new orders, both accounts without a position': 150_000,
  "Venue.fill far from the clearing, two new orders, the market's record due": 150_000,
}

/** What they would cost at best. */
const AMBITIONS: Record<string, number> = {
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices': 60_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged': 60_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged, limits in all 6': 60_000,
  'Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, limits in all 6': 60_000,
}

type Figure = { what: string; gas: number }

function measure(): Figure[] {
  const output = execFileSync('forge', ['test', '--match-path', 'test/gas/*', '-vv'], {
    cwd: join(root, 'contracts'),
    encoding: 'utf8',
  })
  const figures = [...output.matchAll(/^ {2}(\S.*): (\d+)$/gm)].map(([, what = '', gas]) => ({
    what,
    gas: Number(gas),
  }))
  if (figures.length === 0) throw new Error(`The gas tests printed no figure:\n${output}`)
  return figures.sort((a, b) => (a.what < b.what ? -1 : 1))
}

function verdict({ what, gas }: Figure): string {
  const goal = GOALS[what]
  if (goal === undefined) return ''
  const ambition = AMBITIONS[what]
  return against(gas, goal) + (ambition === undefined ? '' : `; ambition ${against(gas, ambition)}`)
}

function against(gas: number, limit: number): string {
  return `${gas <= limit ? 'met' : 'missed'}: ${limit.toLocaleString('en-US')}`
}

function page(figures: Figure[]): string {
  const rows = figures.map(
    (figure) => `| ${figure.what} | ${figure.gas.toLocaleString('en-US')} | ${verdict(figure)} |`,
  )
  return `# Gas

Execution on cold storage, without intrinsic gas and calldata. Written by \`npm run gas\` from \`contracts/test/gas\`; solc 0.8.37,
optimizer at 200 runs, Cancun. Unless it says otherwise everything is on one chain there, so a grant, ledger or limit record is pushed and
learned in the same transaction, and that is part of the figure. A venue only writes its fills, near its clearing or far from it; a pull or roots carry them.

| call | gas | goal |
|---|---:|---|
${rows.join('\n')}
`
}

const figures = measure()
console.table(figures.map((figure) => ({ call: figure.what, gas: figure.gas, goal: verdict(figure) })))
if (!process.argv.includes('--check')) writeFileSync(join(root, 'docs', 'gas.md'), page(figures))
