import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '@omnimargin/service/devnet/until'

const launcher = join(import.meta.dirname, '..', '..', 'scripts', 'start.mjs')

test('ROL-38 killed outright, npm start leaves no process and no folder behind', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-start-'))
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, [launcher], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  try {
    const urls = await until(
      'three chains to be named',
      () => {
        const found = new Set([...output.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url))
        return found.size >= 3 && [...found]
      },
      90_000,
    )
    assert.equal(readdirSync(folder).length, 1)
    // The pipes close once everybody who holds them has ended, the launcher's own child too.
    const closed = once(child, 'close', { signal: AbortSignal.timeout(15_000) })
    child.kill('SIGKILL')
    await closed
    for (const url of urls) await assert.rejects(fetch(url), `${url} still answers`)
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    endGroup(child.pid)
    rmSync(folder, { recursive: true, force: true })
  }
})

/** What is still there of a process and its children, if the test has failed. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}
