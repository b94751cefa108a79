import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Clearing, Token, Vault } from '@omnimargin/chains/abi'
import { accountOf } from '@omnimargin/core/account'
import type { Plan, Step } from '@omnimargin/core/deposit'
import type { Parameters } from '@omnimargin/core/parameters'
import type { DeployedToken } from '@omnimargin/service/deployment'
import { DepositLate, follow } from '@omnimargin/service/deposit/follow'
import { type Locked, lock, planNow, type Wanted } from '@omnimargin/service/deposit/run'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { ChainSilent } from '@omnimargin/service/reconcile/place'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { waitOf } from '../src/deposit.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const dollars = (n: bigint) => whole(n, 6)
/** What is new of USDC on fast counts up to 1,500, and then hardly. */
const FAST_LISTING = 1
const HARDLY: Parameters = {
  ...PARAMETERS,
  listings: PARAMETERS.listings.map((listing, i) =>
    i === FAST_LISTING ? { ...listing, burst: dollars(1_500n), refillTime: 1_000_000 } : listing,
  ),
}

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }
type Scene = {
  readonly devnet: Devnet
  readonly folder: string
  readonly token: (chain: string) => DeployedToken
  /** As the devnet's trader, for their own account unless told. */
  readonly type: (where: string, ...more: string[]) => Promise<Ran>
}

const WETH = 'WETH slow 1.5'
const USDC = 'USDC fast 1000'

test('DEP-06 DEP-07 DEP-08 DEP-09 DEP-10 the devnet’s trader deposits as a reader would, on every chain, and is refused what cannot be', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-deposit-'))
  const devnet = await startDevnet({ log: () => undefined, roles: ['attestor', 'relayer'], parameters: HARDLY })
  try {
    const account = accountOf(devnet.trader.address)
    const token = (chain: string) => {
      const chainId = devnet.chains.find(({ plan }) => plan.name === chain)?.plan.chainId
      return devnet.deployment.tokens.find((one) => one.chainId === chainId) ?? assert.fail(chain)
    }
    const type = (where: string, ...more: string[]) => run(...typed(devnet, where), '--account', account, ...more)
    const scene = { devnet, folder, token, type }
    await refusesWhatCannotBe(scene)
    await sendsNothingDry(scene)
    await countsAtHome(scene)
    await countsFromAfar(scene)
    await countsCoin(scene)
    await goesOnUnwaited(scene)
    await isApprovedOnce(scene)
    await warnsOfWhatIsUnknown(scene)
  } finally {
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** `ASSET CHAIN AMOUNT` as options. */
function typed({ deploymentFile, traderKeyFile }: Devnet, where: string): string[] {
  const [asset = '', chain = '', amount = ''] = where.split(' ')
  const place = ['--asset', asset, '--chain', chain, '--amount', amount]
  return ['deposit', '--deployment', deploymentFile, '--key-file', traderKeyFile, ...place]
}

function run(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (failure, stdout, stderr) => {
      const code = failure ? (typeof failure.code === 'number' ? failure.code : 1) : 0
      resolve({ code, stdout, stderr })
    })
  })
}

async function refusesWhatCannotBe({ devnet, folder, type }: Scene): Promise<void> {
  const { trader } = devnet
  const pauper = join(folder, 'pauper.key')
  const pauperKey = generatePrivateKey()
  writeFileSync(pauper, pauperKey, { mode: 0o600 })
  const pauperAddress = privateKeyToAccount(pauperKey).address
  const other = accountOf(pauperAddress)
  const cases: [string, string[], RegExp][] = [
    [
      'USDC fast 100000.000001',
      [],
      /has 100,000\.000000 USDC on fast: give no more, or fill the wallet\. Nothing was /,
    ],
    ['WETH slow 1000001', [], /has 1,000,000\.000000 of slow’s own coin, which becomes WETH in the vault: give no/],
    [
      'WETH slow 1000000',
      [],
      /has 1,000,000\.000000 of the coin of slow, and up to 1,000,000\.0\d+ may be needed: send/,
    ],
    [USDC, ['--account', other], new RegExp(`no line of USDC on fast for ${trader.address}, and only its owner 0x`)],
    [USDC, ['--key-file', pauper], new RegExp(`^${pauperAddress} has 0\\.000000 USDC on fast: `)],
    [USDC, ['--account', other, '--dry-run', '--key-file', pauper], /has 0\.000000 USDC on fast: /],
  ]
  for (const [where, more, said] of cases) {
    const { code, stdout, stderr } = await type(where, ...more)
    assert.deepEqual([code, stdout], [1, ''], where)
    assert.match(stderr, said)
    assert.match(stderr, /^[^\n]* Nothing was sent\.\n$/)
  }
}

async function sendsNothingDry({ devnet, type }: Scene): Promise<void> {
  const sent = () =>
    Promise.all(devnet.chains.map(({ reader }) => reader.getTransactionCount({ address: devnet.trader.address })))
  const before = await sent()
  const { code, stdout } = await type(USDC, '--dry-run')
  assert.equal(code, 0)
  assert.match(stdout, /open a line +│ +│ at the clearing on trading/)
  assert.match(stdout, /approve +│ 1,000\.000000 +│ for the vault to take/)
  assert.match(stdout, /deposit +│ 1,000\.000000 +│ into the vault on fast/)
  assert.match(stdout, /All of it counts once fast is final and the clearing on trading has learned of it\.\n$/)
  const place = ['--account', accountOf(devnet.trader.address), '--asset', 'USDC', '--chain', 'fast']
  const args = ['deposit', '--deployment', devnet.deploymentFile, '--dry-run', ...place, '--amount', '1500.5']
  const keyless = await run(...args)
  assert.equal(keyless.code, 2, 'a plan needs no key, and not all of this would count')
  assert.match(keyless.stdout, /counts +│ 1,500\.000000 +│ +│\n│ waits +│ 0\.500000 /)
  assert.match(
    keyless.stdout,
    /\n0\.500000 waits: what is new counts at the rate .*, until 20\d\d-.* at the earliest\.\n$/,
  )
  assert.deepEqual(await sent(), before)
}

/** On the clearing's own chain it counts in the very transaction. */
async function countsAtHome({ token, devnet, type }: Scene): Promise<void> {
  const { code, stdout } = await type('USDC trading 250.5')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /All of it counts as it is locked\./)
  assert.match(
    stdout,
    /s {2}learned by the clearing on trading\n250\.500000 USDC locked on trading, all of it counts\.\n$/,
  )
  assert.deepEqual(await lineOf(devnet, token('trading')), [250_500_000n, 250_500_000n])
}

/** Typed twice it is deposited twice, and the line is there by then; the second does not all count. */
async function countsFromAfar({ token, devnet, type }: Scene): Promise<void> {
  const first = await type(USDC)
  assert.equal(first.code, 0, first.stderr)
  const stages = [...first.stdout.matchAll(/^ *\d+\.\d s {2}(.*)$/gm)].map(([, stage]) => stage)
  assert.deepEqual(stages, [
    'line opened on trading',
    '1,000.000000 approved on fast',
    '1,000.000000 locked on fast',
    'final on fast',
    'learned by the clearing on trading',
  ])
  assert.ok(first.stdout.endsWith('1,000.000000 USDC locked on fast, all of it counts.\n'), first.stdout)
  assert.deepEqual(await lineOf(devnet, token('fast')), [dollars(1_000n), dollars(1_000n)])

  const second = await type(USDC)
  assert.equal(second.code, 2, second.stderr)
  assert.doesNotMatch(second.stdout, /line/)
  assert.match(
    second.stdout,
    /USDC locked on fast, 50\d\.\d+ counts, 49\d\.\d+ waits: what is new counts at the rate at/,
  )
  const [units, counted] = await lineOf(devnet, token('fast'))
  assert.equal(units, dollars(2_000n))
  assert.ok(counted >= dollars(1_500n) && counted < dollars(1_510n), `${counted}`)
}

async function countsCoin({ token, devnet, type }: Scene): Promise<void> {
  const { code, stdout, stderr } = await type(WETH)
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stdout, /approve/)
  assert.match(stdout, /1\.500000 WETH locked on slow, all of it counts\.\n$/)
  assert.deepEqual(await lineOf(devnet, token('slow')), [whole(15n, 17), whole(15n, 17)])
}

/** Ctrl-C ends the waiting, and the deposit counts all the same. */
async function goesOnUnwaited({ devnet, token }: Scene): Promise<void> {
  const [before] = await lineOf(devnet, token('slow'))
  const args = [main, ...typed(devnet, WETH), '--account', accountOf(devnet.trader.address)]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk) => {
      printed[name] += chunk
    })
  try {
    await until('the deposit to be locked', async () => printed.stdout.includes('locked on slow'))
    const closed = once(child, 'close')
    child.kill('SIGINT')
    assert.deepEqual(await closed, [2, null])
    assert.equal(printed.stderr, '')
    assert.match(printed.stdout, /Not waited for any longer\. The deposit is locked, and counts once .*\n$/)
    assert.deepEqual(await lineOf(devnet, token('slow')), [before, before])
    await until('it to count', async () => (await lineOf(devnet, token('slow')))[1] === 2n * before)
  } finally {
    child.kill('SIGKILL')
  }
}

/** Ended between approval and deposit; then with what was approved; and one that nobody attests. */
async function isApprovedOnce({ devnet, token }: Scene): Promise<void> {
  const { deployment, trader } = devnet
  const holder = trader.address
  const line = { account: accountOf(holder), holder, token: token('fast') }
  const wanted = (units: bigint): Wanted => ({ deployment, line, units })
  const [units] = await lineOf(devnet, line.token)
  const steps: Step[] = []
  const lockNow = async (amount: bigint, isDone: (step: Step) => boolean = () => false) => {
    const stop = new AbortController()
    const answer = await planNow(wanted(amount))
    const report = (step: Step) => {
      steps.push(step)
      if (isDone(step)) stop.abort()
    }
    return lock(wanted(amount), 'plan' in answer ? answer : assert.fail(), trader, report, stop.signal)
  }
  const approve = (amount: bigint) => ({ kind: 'approve', units: amount })
  const deposit = (amount: bigint) => ({ kind: 'deposit', units: amount })
  assert.equal(await lockNow(7n, ({ kind }) => kind === 'approve'), undefined)
  assert.deepEqual(steps.splice(0), [approve(7n)])
  await lockNow(7n)
  assert.deepEqual(steps.splice(0), [deposit(7n)], 'what was approved is used')
  await lockNow(9n, ({ kind }) => kind === 'approve' && steps.length === 1)
  devnet.pauseAttestors(line.token.chainId, true)
  const locked = await lockNow(10n)
  assert.deepEqual(steps.splice(0), [approve(9n), approve(0n), approve(10n), deposit(10n)])
  const read = { address: line.token.address, abi: Token.abi, functionName: 'allowance' } as const
  const fast = devnet.chains.find(({ plan }) => plan.name === 'fast') ?? assert.fail()
  assert.equal(await fast.reader.readContract({ ...read, args: [holder, line.token.vault] }), 0n)
  const free = { address: line.token.vault, abi: Vault.abi, functionName: 'free' } as const
  assert.equal(await fast.reader.readContract({ ...free, args: [holder, line.token.address] }), 0n)

  await saysWhoIsLate(wanted(10n), locked ?? assert.fail())
  devnet.pauseAttestors(line.token.chainId, false)
  const standing = await follow(wanted(10n), locked ?? assert.fail(), () => undefined, new AbortController().signal)
  assert.equal((standing?.counts ?? 0n) + (standing?.waits ?? 0n), 10n)
  assert.equal((await lineOf(devnet, line.token))[0], units + 17n)
}

/** The answer to a deposit that was made gets lost. */
async function warnsOfWhatIsUnknown({ devnet, folder, token, type }: Scene): Promise<void> {
  const slow = devnet.chains.find(({ plan }) => plan.name === 'slow') ?? assert.fail()
  const lossy = createServer(async (request, response) => {
    const body = await text(request)
    const answer = await fetch(slow.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    if (body.includes('eth_sendRawTransaction')) response.destroy()
    else response.setHeader('content-type', 'application/json').end(await answer.text())
  }).listen(0, '127.0.0.1')
  await once(lossy, 'listening')
  const { port } = lossy.address() as AddressInfo
  const chains = devnet.deployment.chains.map((chain) =>
    chain.chainId === slow.plan.chainId ? { ...chain, rpc: [`http://127.0.0.1:${port}`] } : chain,
  )
  const file = join(folder, 'lossy.json')
  writeFileSync(file, JSON.stringify({ ...devnet.deployment, chains }))
  try {
    const [before] = await lineOf(devnet, token('slow'))
    const { code, stdout, stderr } = await type(WETH, '--deployment', file)
    assert.equal(code, 2, stdout)
    assert.match(stderr, /^The deposit may have been made\. .* Look at what the wallet sent last on slow before you /)
    await until('it to count', async () => (await lineOf(devnet, token('slow')))[1] === before + whole(15n, 17))
  } finally {
    lossy.close()
    lossy.closeAllConnections()
  }
}

/** Nobody attests what is locked, or the chain does not answer any more. */
async function saysWhoIsLate(wanted: Wanted, locked: Locked): Promise<void> {
  const { signal } = new AbortController()
  const seen: string[] = []
  const late = follow(wanted, locked, (stage) => seen.push(stage), signal, 6_000)
  const { deployment } = wanted
  const chains = deployment.chains.map((chain) => ({ ...chain, rpc: ['http://127.0.0.1:9'] }))
  const gone = follow({ ...wanted, deployment: { ...deployment, chains } }, locked, () => undefined, signal)
  await Promise.all([
    assert.rejects(late, (failure) => failure instanceof DepositLate && /a relayer run/.test(failure.message)),
    assert.rejects(gone, (failure) => failure instanceof ChainSilent && /^Chain fast at /.test(failure.message)),
  ])
  assert.deepEqual(seen, ['finalized'])
}

/** Units and those that count, of the trader's line of the token; nothing of a line that is not there. */
async function lineOf(devnet: Devnet, token: DeployedToken): Promise<[bigint, bigint]> {
  const { reader } = tradingChain(devnet)
  const { deployment, trader } = devnet
  const read = { address: deployment.clearing.address, abi: Clearing.abi } as const
  const account = accountOf(trader.address)
  const { lineCount } = await reader.readContract({ ...read, functionName: 'accountOf', args: [account] })
  for (let i = 0; i < lineCount; i += 1) {
    const args = [account, BigInt(i)] as const
    const [{ listing, units, counted }] = await reader.readContract({ ...read, functionName: 'lineOf', args })
    if (deployment.tokens[listing] === token) return [units, counted]
  }
  return [0n, 0n]
}

test('DEP-02 a wait is told with its time, where there is one', () => {
  const said = (wait: NonNullable<Plan['wait']>) => waitOf(wait)
  assert.match(said({ why: 'inflow', until: 86_400n }), /counted, until 1970-01-02T00:00:00\.000Z at the earliest$/)
  assert.match(said({ why: 'inflow', until: 10n ** 26n }), /until \+275760-09-13T00:00:00\.000Z at the earliest$/)
  assert.match(said({ why: 'frozen', until: 86_400n }), /^a guardian .* at the earliest$/)
  assert.doesNotMatch(said({ why: 'account_cap' }), /earliest/)
})
