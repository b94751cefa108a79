import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Clearing, Token, Venue } from '@omnimargin/chains/abi'
import type { Margin } from '@omnimargin/core/margin'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { FEEDS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { type Progress, withdraw } from '@omnimargin/service/withdrawal/run'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { type Actor, cross, makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const MARKET = 0
const SIZE = whole(60n)
const dollars = (n: bigint) => whole(n, 6)

test('WHI-07 WIT-10 WIT-11 WIT-13 a winner asks what if, then withdraws where it has no line, by a debtor’s units, through a crash; all or a part', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-withdraw-'))
  const keyFile = join(folder, 'key')
  const secret = generatePrivateKey()
  writeFileSync(keyFile, secret, { mode: 0o600 })
  const devnet = await startDevnet({ log: () => undefined, roles: ['attestor', 'relayer', 'publisher'] })
  try {
    const { chains, deployment } = devnet
    const [fast, home] = ['fast', 'trading'].map((name) => {
      const chain = chains.find(({ plan }) => plan.name === name)
      const token = deployment.tokens.find(({ chainId }) => chainId === chain?.plan.chainId)
      return chain && token ? { chain, token } : assert.fail(name)
    })
    assert.ok(fast && home)
    const key = privateKeyToAccount(secret)
    const [winner, loser] = await Promise.all([
      makeActor('winner', chains, deployment, key),
      makeActor('loser', chains, deployment),
    ])
    await Promise.all([winner.openLine(home.token), loser.openLine(fast.token)])
    await Promise.all([winner.deposit(home.token, dollars(50_000n)), loser.deposit(fast.token, dollars(50_000n))])
    await until('the loser’s collateral to count', async () => (await marginOf(devnet, loser)).equity > 0n)
    await trade(devnet, { buyer: loser, seller: winner }, 2_000n)

    const command = (name: string, ...more: string[]) =>
      run(name, '--deployment', devnet.deploymentFile, '--account', winner.account, ...more)
    await showsWhatIf(devnet, winner, command)

    await trade(devnet, { buyer: winner, seller: loser }, 1_900n)
    const [won, owed] = await Promise.all([cashOf(devnet, winner), cashOf(devnet, loser)])
    assert.deepEqual([won, owed], [whole(6_000n), -whole(6_000n)])

    const crash = new AbortController()
    const stages: Progress[] = []
    const asked = {
      deployment,
      account: winner.account,
      key,
      token: fast.token,
      units: dollars(2_000n),
      isPartial: false,
    }
    const report = (progress: Progress) => {
      stages.push(progress)
      if (progress.stage === 'done' && progress.step.kind === 'release') crash.abort()
    }
    await withdraw(asked, report, crash.signal)
    const kinds = stages.map((one) => ('step' in one ? one.step.kind : one.stage))
    assert.deepEqual(kinds, ['open_line', 'put_up', 'buy', 'release'])
    assert.equal(await cashOf(devnet, winner), whole(6_000n - 1_980n), 'at the index less one percent')

    const ask = ['--key-file', keyFile, '--asset', 'USDC', '--chain', 'fast', '--amount']
    const again = await command('withdraw', ...ask, '2000')
    assert.equal(again.code, 0, again.stdout)
    assert.match(again.stdout, /(released, on its way|free at the vault already) +│ 2,000\.000000/)
    assert.doesNotMatch(again.stdout, /buy/)
    assert.match(again.stdout, /2,000\.000000 USDC withdrawn on fast\.\n$/)
    const read = { address: fast.token.address, abi: Token.abi, functionName: 'balanceOf' } as const
    assert.equal(await fast.chain.reader.readContract({ ...read, args: [winner.address] }), dollars(2_000n))

    const far = { ...asked, units: dollars(10_000n) }
    await takesAllOrWhatIsAskedFor(devnet, far, winner, (...more) => command('withdraw', ...ask, '10000', ...more))
  } finally {
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** 10,000 asked for, where there is cash for a good 4,000: without a word the plan alone, and a part where a part will do. */
async function takesAllOrWhatIsAskedFor(
  devnet: Devnet,
  asked: Parameters<typeof withdraw>[0],
  winner: Actor,
  ask: (...more: string[]) => Promise<Ran>,
): Promise<void> {
  const cash = await cashOf(devnet, winner)
  const stages: Progress[] = []
  const { withdrawn } = await withdraw(asked, (stage) => stages.push(stage), new AbortController().signal)
  assert.deepEqual([withdrawn, stages], [0n, []], 'nor if a part is lost after the plan was shown')
  const rest = 'the account has no more of it, and no cash left to buy it with.\n'
  for (const [more, end] of [
    [['--dry-run'], `Not now: 5,939.393940: ${rest}`],
    [[], 'Nothing is done: with --partial it takes the 4,060.606060 that can be had now.\n'],
  ] as const) {
    const { code, stdout } = await ask(...more)
    assert.equal(code, 2)
    assert.match(stdout, /buy +│ 4,060\.606060 +│ for 4,019\.99 USD/)
    assert.ok(stdout.endsWith(end), stdout)
    assert.equal(await cashOf(devnet, winner), cash)
  }
  const { code, stdout } = await ask('--partial')
  assert.equal(code, 2)
  assert.ok(stdout.endsWith(`4,060.606060 USDC withdrawn on fast, not now 5,939.393940: ${rest}`), stdout)
}

type Figures = Record<keyof Margin, string>
type Shown = { block: { number: string }; before: Figures; after: Figures; steps: unknown[] }
type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

function run(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (failure, stdout, stderr) => {
      const code = failure ? (typeof failure.code === 'number' ? failure.code : 1) : 0
      resolve({ code, stdout, stderr })
    })
  })
}

/** The figures before are the contract’s own at the same block, and a crash of ETH is bad for who is long alone. */
async function showsWhatIf(devnet: Devnet, { account }: Actor, command: (...args: string[]) => Promise<Ran>) {
  const { reader } = tradingChain(devnet)
  const traded = await reader.getBlockNumber()
  await until('the trade to be final', async () => {
    const { number } = await reader.getBlock({ blockTag: 'finalized' })
    return number >= traded
  })
  const changes = ['--trade', 'ETH-USD@trading:-10', '--withdraw', 'USDC@trading:1000', '--lose', 'fast']
  const { code, stdout, stderr } = await command('whatif', '--json', ...changes)
  assert.equal(code, 0, stderr)
  const { block, before, after, steps } = JSON.parse(stdout) as Shown
  const atBlock = await reader.readContract({
    address: devnet.deployment.clearing.address,
    abi: Clearing.abi,
    functionName: 'marginOf',
    args: [account],
    blockNumber: BigInt(block.number),
  })
  const figures = Object.fromEntries(Object.entries(atBlock).map(([name, value]) => [name, `${value}`]))
  assert.deepEqual(before, figures)
  assert.equal(BigInt(before.initialMargin), whole(12_000n))
  assert.equal(BigInt(after.initialMargin), whole(14_000n))
  assert.equal(steps.length, 3)
  const unknown = await command('whatif', '--account', `0x${'1'.repeat(64)}`)
  assert.equal(unknown.code, 2)
  assert.match(unknown.stdout, /has never seen the account: check its id, .*\.\n$/)
  const opened = await command('whatif', '--account', `0x${'1'.repeat(64)}`, '--deposit', 'USDC@trading:5')
  assert.equal(opened.code, 0, opened.stdout)
  const table = await command('whatif', '--shock', 'ETH/USD:+45%')
  assert.equal(table.code, 2)
  assert.match(table.stdout, /USDC@trading │ 50,000\.0000 │ 50,000\.0000 │ 1\.00 +│ \d\.00 % +│ 1\.00 % /)
  assert.match(
    table.stdout,
    /maintenance margin balance \/ required │ 49,500\.00 \/ 6,000\.00 +│ -4,500\.00 \/ 8,700\.00/,
  )
  assert.match(table.stdout, /The account would be liquidatable\.\n$/)
}

/** One buys and the other sells the same at that price, once the index is there. */
async function trade(devnet: Devnet, { buyer, seller }: { buyer: Actor; seller: Actor }, price: bigint) {
  const { reader } = tradingChain(devnet)
  const { clearing } = devnet.deployment
  const market = clearing.markets[MARKET]
  assert.ok(market)
  devnet.oracle.set(FEEDS[0].feedId, price * 10n ** 8n)
  await until(`a price of ${price}`, async () => {
    const [cached, [index]] = await Promise.all([
      reader.readContract({ address: clearing.address, abi: Clearing.abi, functionName: 'indexPrice', args: [0n] }),
      reader.readContract({ address: market.venue, abi: Venue.abi, functionName: 'indexPrice', args: [0n] }),
    ])
    return cached.price === whole(price) && index === whole(price)
  })
  await Promise.all([buyer.raiseLimits(MARKET, SIZE, 0n), seller.raiseLimits(MARKET, 0n, SIZE)])
  await cross(reader, { seller, buyer }, { market: MARKET, size: SIZE, price: whole(price), nonce: price })
  await until('both sides to be pulled', async () => {
    const limits = await Promise.all(
      [buyer, seller].map(({ account }) => {
        const call = { functionName: 'positionOf', args: [account, BigInt(MARKET)] } as const
        return reader.readContract({ address: clearing.address, abi: Clearing.abi, ...call })
      }),
    )
    return limits.every(([, { buy, sell }]) => buy + sell === 0n)
  })
}

function marginOf(devnet: Devnet, { account }: Actor): Promise<Margin> {
  const { address } = devnet.deployment.clearing
  return tradingChain(devnet).reader.readContract({
    address,
    abi: Clearing.abi,
    functionName: 'marginOf',
    args: [account],
  })
}

async function cashOf(devnet: Devnet, { account }: Actor): Promise<bigint> {
  const read = { address: devnet.deployment.clearing.address, abi: Clearing.abi, functionName: 'accountOf' } as const
  const { cash } = await tradingChain(devnet).reader.readContract({ ...read, args: [account] })
  return cash
}
