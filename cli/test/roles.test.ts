import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDevnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import type { LogEvent } from '@omnimargin/service/role'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { run } from '../src/run.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const NOBODY_THERE = 'http://127.0.0.1:9'

test('ROL-80 ROL-81 a keeper without coin and without Hermes says so at once, and ends by itself for nothing of it', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-roles-'))
  const devnet = await startDevnet({ log: () => undefined, roles: [] })
  const key = generatePrivateKey()
  writeFileSync(join(folder, 'keeper.key'), key, { mode: 0o600 })
  const config = { deployment: devnet.deploymentFile, keyFile: 'keeper.key', hermes: NOBODY_THERE, dataDir: 'data' }
  writeFileSync(join(folder, 'keeper.json'), JSON.stringify(config))
  const args = [main, 'run', 'keeper', '--config', join(folder, 'keeper.json')]
  const keeper = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  keeper.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  const said = (name: string) => {
    const whole = output.slice(0, output.lastIndexOf('\n') + 1)
    const events = whole.split('\n').flatMap((line) => (line ? [JSON.parse(line) as LogEvent] : []))
    return events.filter(({ event }) => event === name)
  }
  try {
    const first = (name: string) => until(name, () => said(name)[0], 60_000)
    const [started, empty, gone, watching] = [
      await first('started'),
      await first('wallet_empty'),
      await first('prices_gone'),
      await first('watching'),
    ]
    assert.equal(started.address, privateKeyToAccount(key).address)
    assert.deepEqual(started.pays, [{ chain: 'trading', coin: '0' }])
    assert.equal((started.watches as string[]).length, 3, 'the clearing and two venues')
    assert.match(`${empty.why}`, /send it coin on trading\.$/)
    assert.match(`${gone.why}`, new RegExp(`^Hermes at ${NOBODY_THERE}: `))
    assert.equal(watching.accounts, 0)
    assert.equal(keeper.exitCode, null, 'it goes on')
    const closed = once(keeper, 'close')
    keeper.kill('SIGTERM')
    assert.deepEqual(await closed, [0, null])
    assert.equal(said('prices_gone').length, 1)
  } finally {
    keeper.kill('SIGKILL')
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('ROL-05 a keeper is asked for a Hermes where the deployment names none, an attestor for a key of the committee’s', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-roles-'))
  try {
    const address = `0x${'1'.repeat(40)}`
    const signers = ['1', '2', '3', '4'].map((digit) => `0x${digit.repeat(40)}`)
    const chain = {
      name: 'home',
      chainId: 5,
      rpc: [NOBODY_THERE],
      checkpointInterval: 1,
      roots: address,
      batch: address,
    }
    const deployment = {
      chains: [{ ...chain, pyth: address, emitters: [] }],
      committee: { epoch: 0, threshold: 3, signers, attestors: [] },
      clearing: { chainId: 5, address, feeds: [], markets: [] },
      tokens: [],
    }
    writeFileSync(join(folder, 'deployment.json'), JSON.stringify(deployment))
    writeFileSync(join(folder, 'key'), generatePrivateKey(), { mode: 0o600 })
    const file = join(folder, 'keeper.json')
    writeFileSync(file, JSON.stringify({ deployment: 'deployment.json', keyFile: 'key', dataDir: 'data' }))
    await assert.rejects(run('keeper', file, AbortSignal.abort()), {
      message: `${file}: "hermes" is missing, and the deployment names none: add it.`,
    })
    const attestor = join(folder, 'attestor.json')
    writeFileSync(attestor, JSON.stringify({ deployment: 'deployment.json', keyFile: 'key', dataDir: 'data', port: 9 }))
    await assert.rejects(run('attestor', attestor, AbortSignal.abort()), /its key is of 0x.*, none of the committee’s/)
    await assert.rejects(run('miner', file, AbortSignal.abort()), /no role "miner": choose attestor, .* or watcher\.$/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
