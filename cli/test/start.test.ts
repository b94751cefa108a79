import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '@omnimargin/service/devnet/until'

const launcher = join(import.meta.dirname, '..', '..', 'scripts', 'run.mjs')

type Started = { readonly child: ChildProcess; readonly printed: { stdout: string; stderr: string } }

test('ROL-38 killed outright, npm start leaves no process and no folder behind', { timeout: 300_000 }, async () => {
  await started(async ({ child, printed }, folder) => {
    const urls = await until('three chains to be named', () => urlsIn(printed.stdout), 90_000)
    assert.equal(readdirSync(folder).length, 1)
    // The pipes close once everybody who holds them has ended, the launcher's own child too.
    const closed = once(child, 'close', { signal: AbortSignal.timeout(15_000) })
    child.kill('SIGKILL')
    await closed
    for (const url of urls) await assert.rejects(fetch(url), `${url} still answers`)
    assert.deepEqual(readdirSync(folder), [])
  })
})

test('ROL-38 Ctrl-C while deposits are under way ends npm start with 130, in silence, though their chain is gone', {
  timeout: 300_000,
}, async () => {
  await started(async ({ child, printed }, folder) => {
    await until('deposits to be under way', () => /^3\. /m.test(printed.stdout), 90_000)
    const urls = urlsIn(printed.stdout) || []
    printed.stderr = ''
    const closed = once(child, 'close', { signal: AbortSignal.timeout(15_000) })
    process.kill(chainOf(child, 31_001), 'SIGKILL')
    // As a terminal does: to everybody in the group.
    process.kill(-(child.pid ?? 0), 'SIGINT')
    const [code] = await closed
    assert.deepEqual([code, printed.stderr], [130, ''])
    for (const url of urls) await assert.rejects(fetch(url), `${url} still answers`)
    assert.deepEqual(readdirSync(folder), [])
  })
})

/** `npm start`, with a folder of its own for what it writes; nothing of it is left if the test fails. */
async function started(use: (started: Started, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-start-'))
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, [launcher, 'cli/src/main.ts', 'start'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => {
      printed[name] += text
    })
  try {
    await use({ child, printed }, folder)
  } finally {
    endGroup(child.pid)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The process of a chain among those that came of this one. */
function chainOf({ pid }: ChildProcess, chainId: number): number {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n')
  const all = lines.map((line) => line.trim().split(/ +/))
  const isOurs = (one: string[] | undefined): boolean =>
    one !== undefined && (Number(one[1]) === pid || isOurs(all.find(([id]) => id === one[1])))
  const found = all.find((one) => one[2] === 'anvil' && one.includes(`${chainId}`) && isOurs(one))
  return Number(found?.[0] ?? assert.fail(`chain ${chainId} does not run`))
}

function urlsIn(text: string): string[] | false {
  const found = new Set([...text.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url))
  return found.size >= 3 && [...found]
}

/** What is still there of a process and its children, if the test has failed. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}
