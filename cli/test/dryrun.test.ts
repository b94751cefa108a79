import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Clearing } from '@omnimargin/chains/abi'
import type { Parameters } from '@omnimargin/core/parameters'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { parametersToJson } from '../src/risk/parameters.ts'
import { makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'
import { trade } from './trading.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

test('DRY-07 CTG-11 new parameters against a running deployment, and what its failures would cost', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-dryrun-'))
  const devnet = await startDevnet({ log: () => undefined, roles: ['publisher', 'relayer'] })
  try {
    const actors = await Promise.all(['long', 'short'].map((name) => makeActor(name, devnet.chains, devnet.deployment)))
    await trade(devnet, actors)
    const command = (...args: string[]) =>
      run('risk', ...args, '--deployment', devnet.deploymentFile, '--block', 'latest')
    const dryRun = (parameters: Parameters, ...more: string[]) => {
      const file = join(folder, 'parameters.json')
      writeFileSync(file, parametersToJson(parameters))
      return command('dry-run', file, ...more)
    }

    const own = await command('parameters')
    assert.equal(own.code, 0, own.stderr)
    assert.deepEqual(JSON.parse(own.stdout), JSON.parse(parametersToJson(PARAMETERS)))
    const same = await dryRun(PARAMETERS)
    assert.equal(same.code, 0, same.stderr)
    assert.match(same.stdout, /that need margin +│ 2 [\s\S]*would become liquidatable +│ 0 [\s\S]*They may be set\.\n$/)

    // A maintenance margin of half of 120,000 is more than the 60,000 and the 20,000 that they have locked.
    const underlyings = PARAMETERS.underlyings.map((one) => ({
      ...one,
      maintenanceRate: whole(1n) / 2n,
      initialRate: whole(1n) / 2n,
    }))
    const harsh = await dryRun({ ...PARAMETERS, underlyings }, '--json')
    assert.equal(harsh.code, 2, harsh.stderr)
    const { becomeLiquidatable, loseInitial, share, refused, margin } = JSON.parse(harsh.stdout)
    assert.deepEqual(new Set(becomeLiquidatable), new Set(actors.map(({ account }) => account)))
    assert.deepEqual([loseInitial.length, share, refused, margin], [2, '1', 'too_many_liquidatable', '79200'])
    assert.equal((await dryRun({ ...PARAMETERS, underlyings }, '--max-share', '100%')).code, 0)

    const cut = await dryRun({ ...PARAMETERS, listings: PARAMETERS.listings.slice(1) })
    assert.equal(cut.code, 2)
    assert.match(cut.stdout, /They may not be set: listings has 2 rows, the clearing has 3 \(do_not_fit\)\.\n$/)
    const senseless = await dryRun({ ...PARAMETERS, outageAfter: 1 })
    assert.match(
      senseless.stdout,
      /They may not be set: outageAfter is not above maxPriceAge and 60 s more \(do_not_fit\)\.\n$/,
    )
    const more = await dryRun({ ...PARAMETERS, venues: PARAMETERS.venues.flatMap((one) => [one, one]) })
    assert.deepEqual([senseless.code, more.code], [2, 2])
    assert.match(more.stdout, /They may not be set: the clearing itself refuses them \(WrongCount\)\.\n$/)
    assert.equal(await timesSet(devnet), 1)

    const contagion = await command('contagion', '--json')
    assert.equal(contagion.code, 0, contagion.stderr)
    const found = JSON.parse(contagion.stdout)
    assert.deepEqual([found.margin, found.calm.below], ['79200', []])
    const lost = found.single.map((one: { lost: string[] }) => one.lost[0])
    for (const name of [
      'ETH/USD falls by 40 %',
      'issuer of USDC',
      'chain slow',
      'chain fast',
      'route of the venue on fast',
    ])
      assert.ok(lost.includes(name), name)
    assert.equal(lost.length, 3 + 1 + 2 + 2 + 1 + 2)
    // A fall of 800 on 60 ETH costs the long 48,000; what it locked is 20,000.
    const [worst] = found.single
    assert.equal(worst.lost[0], 'ETH/USD falls by 40 %')
    assert.deepEqual(worst.below, [actors[0]?.account])
    assert.ok(Number(worst.badDebt) > 28_000 && Number(worst.badDebt) < 28_200)
  } finally {
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

function run(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (failure, stdout, stderr) => {
      const code = failure ? (typeof failure.code === 'number' ? failure.code : 1) : 0
      resolve({ code, stdout, stderr })
    })
  })
}

async function timesSet(devnet: Devnet): Promise<number> {
  const { address } = devnet.deployment.clearing
  const range = { fromBlock: 0n, toBlock: 'latest' } as const
  const events = await tradingChain(devnet).reader.getContractEvents({
    address,
    abi: Clearing.abi,
    eventName: 'ParametersSet',
    ...range,
  })
  return events.length
}
