import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')

test('ROL-39 ROL-30 the story: every step and every sum is right, and nothing is left running', {
  timeout: 480_000,
}, async () => {
  const child = spawn(process.execPath, [main, 'start', '--once'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const [code] = await once(child, 'close')
  assert.equal(code, 0, output)
  assert.match(output, /Every step and every sum was right/)
  assert.doesNotMatch(output, /✗/)
  const urls = [...output.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url)
  assert.ok(urls.length >= 3, 'the chains were named')
  for (const url of new Set(urls)) await assert.rejects(fetch(url), `${url} still answers`)
})

test('ROL-05 an unknown role and a missing file are said in one line each', () => {
  const attempt = (...args: string[]) => {
    try {
      execFileSync(process.execPath, [main, ...args], { stdio: 'pipe' })
    } catch (failure) {
      const { status, stderr } = failure as { status: number; stderr: Buffer }
      assert.equal(status, 1)
      return `${stderr}`
    }
    return assert.fail('it should have failed')
  }
  assert.match(attempt('run', 'watchmaker', '--config', 'none.json'), /There is no role "watchmaker"/)
  assert.match(attempt('run', 'keeper', '--config', 'none.json'), /none\.json: cannot be read/)
})
