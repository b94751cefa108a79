// `npm test [-- stage ...]`: the stages in order, then one line `N passed, M failed`.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { stripVTControlCharacters } from 'node:util'

const root = join(import.meta.dirname, '..')
/** A test that takes longer than this hangs. */
const testTimeoutMs = 300_000
const progressMs = 20_000

type Outcome = { passed: number; failed: number; output: string }

const stages: Record<string, () => Promise<Outcome | 'absent'>> = {
  checks,
  contracts,
  core: () => workspace('core'),
  risk: () => workspace('risk'),
  chains: () => workspace('chains'),
  service: () => workspace('service'),
  cli: () => workspace('cli'),
  differential: () => workspace('scripts'),
}

/** The checks are not tests: they count only where they fail. */
async function checks(): Promise<Outcome> {
  const { code, output } = await capture(process.execPath, ['scripts/check.ts'], root)
  return { passed: 0, failed: code === 0 ? 0 : 1, output }
}

async function contracts(): Promise<Outcome | 'absent'> {
  if (globSync('contracts/test/**/*.t.sol', { cwd: root }).length === 0) return 'absent'
  const { code, output } = await capture('forge', ['test'], join(root, 'contracts'))
  const summary = /(\d+) tests passed, (\d+) failed, \d+ skipped \(\d+ total tests\)\s*$/m.exec(output)
  const [passed, failed] = [Number(summary?.[1] ?? 0), Number(summary?.[2] ?? 0)]
  // A failure outside any test, a contract that does not compile above all, has no line in the summary.
  return { passed, failed: code === 0 ? failed : Math.max(failed, 1), output }
}

/** Those that take minutes go first, so that none of them is left alone at the end. */
const LONG = ['story', 'missed', 'kill', 'closing', 'steward', 'heard', 'whatif']

function longestFirst(one: string, other: string): number {
  const rank = (file: string) => LONG.findIndex((name) => file.endsWith(`/${name}.test.ts`)) >>> 0
  return rank(one) - rank(other) || (one < other ? -1 : 1)
}

async function workspace(name: string): Promise<Outcome | 'absent'> {
  const files = globSync(`${name}/test/**/*.test.ts`, { cwd: root }).sort(longestFirst)
  if (files.length === 0) return 'absent'
  const outcome = { passed: 0, failed: 0, output: '' }
  const tests = run({
    files: files.map((file) => join(root, file)),
    cwd: root,
    // Those that wait for chains to make blocks leave the machine time for others.
    concurrency: 3,
    timeout: testTimeoutMs,
  })
  tests.on('test:summary', ({ counts, file }) => {
    if (file !== undefined) return
    outcome.passed = counts.passed
    outcome.failed = counts.tests - counts.passed - counts.skipped - counts.todo
  })
  const report = tests.compose(spec).pipe(
    new Writable({
      write(chunk, _encoding, done) {
        outcome.output += chunk
        done()
      },
    }),
  )
  await finished(report)
  return outcome
}

/** Runs a command to its end and keeps what it wrote. */
function capture(command: string, args: string[], cwd: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: stripVTControlCharacters(output) }))
  })
}

async function runStage(
  name: string,
  stage: () => Promise<Outcome | 'absent'>,
): Promise<{ passed: number; failed: number }> {
  const started = performance.now()
  process.stdout.write(`${name} ...\n`)
  const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
  const progress = setInterval(() => process.stdout.write(`  still running after ${elapsed()}\n`), progressMs)
  const outcome = await stage().finally(() => clearInterval(progress))
  if (outcome === 'absent') {
    process.stdout.write(`${name}: no tests there yet\n`)
    return { passed: 0, failed: 0 }
  }
  if (outcome.failed > 0) process.stdout.write(`${outcome.output.trimEnd()}\n`)
  const counts = name === 'checks' ? '' : `${outcome.passed} passed, `
  process.stdout.write(`${name}: ${counts}${outcome.failed} failed, ${elapsed()}\n`)
  return outcome
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !Object.hasOwn(stages, name))
if (unknown !== undefined) {
  process.stderr.write(`There is no stage '${unknown}': the stages are ${Object.keys(stages).join(', ')}.\n`)
  process.exit(2)
}

const total = { passed: 0, failed: 0 }
for (const [name, stage] of Object.entries(stages)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const { passed, failed } = await runStage(name, stage)
  total.passed += passed
  total.failed += failed
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`)
// A run that tested nothing has shown nothing, unless only the checks were asked for.
const isShown = total.passed > 0 || (asked.length > 0 && asked.every((name) => name === 'checks'))
if (total.failed > 0 || !isShown) process.exitCode = 1
