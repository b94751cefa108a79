// Differential fuzz of the margin formula: `npm run fuzz -- --cases 1000000 --seed 7`.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { jsonOf } from '@omnimargin/service/json'
import { findDifference } from './fuzz/differential.ts'

const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } })
const cases = Number(values.cases ?? 100_000)
const seed = BigInt(values.seed ?? randomInt(2 ** 47))
const startedMs = performance.now()
let reportedMs = startedMs

console.log(`${cases} portfolios, seed ${seed}`)
const difference = await findDifference(cases, seed, (through) => {
  if (performance.now() - reportedMs < 2_000) return
  reportedMs = performance.now()
  const rate = (through * 1_000) / (reportedMs - startedMs)
  console.log(`${through} of ${cases}, ${rate.toFixed(0)} a second`)
})
if (difference) {
  console.error(jsonOf(difference, 2))
  console.error(`Solidity and TypeScript differ: run again with --seed ${seed} to see it.`)
  process.exit(1)
}
const seconds = (performance.now() - startedMs) / 1_000
console.log(
  `${cases} margins equal in Solidity and TypeScript, every field to the last unit, in ${seconds.toFixed(1)} s.`,
)
process.exit(0)
