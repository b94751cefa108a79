// `npm run check`: everything that reads the code and runs none of it. A failure says what to do.
import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { exports } from './check/exports.ts'
import { imports } from './check/imports.ts'
import { sizes } from './check/sizes.ts'
import { specs } from './check/specs.ts'
import { words } from './check/words.ts'

const root = join(import.meta.dirname, '..')

/** What the command wrote if it failed, in one piece. */
function command(program: string, ...args: string[]): string[] {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  if (error) throw error
  return status === 0 ? [] : [`${stdout}${stderr}`.trimEnd()]
}

function contractFormat(): string[] {
  const [diff] = command('forge', 'fmt', '--check', '--root', 'contracts')
  if (diff === undefined) return []
  const files = [...diff.matchAll(/^Diff in (.*):$/gm)].map(({ 1: file = '' }) => relative(root, file))
  return files.length > 0 ? files.map((file) => `${file} is not formatted: run \`npm run fix\`.`) : [diff]
}

/** Each check returns what is wrong, nothing if all is well. */
const checks: Record<string, () => string[]> = {
  types: () => command('tsc', '--noEmit'),
  vectors: () => command(process.execPath, 'scripts/vectors.ts', '--check'),
  lint: () => command('biome', 'check', '--error-on-warnings', '--colors=off', '.'),
  'contract format': contractFormat,
  imports,
  exports,
  specs,
  sizes,
  words,
}

let failures = 0
for (const [name, check] of Object.entries(checks)) {
  const wrong = check()
  process.stdout.write(`${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${name}\n`)
  for (const line of wrong) process.stdout.write(`${line.replace(/^/gm, '  ')}\n`)
  failures += wrong.length
}
if (failures > 0) process.exitCode = 1
