import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Clearing, Token, Vault } from '@omnimargin/chains/abi'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { FEEDS } from '@omnimargin/service/devnet/parameters'
import { until } from '@omnimargin/service/devnet/until'
import { readSides } from '@omnimargin/service/reconcile/read'
import type { Sides } from '@omnimargin/service/reconcile/sides'
import { addUp, holds } from '@omnimargin/service/reconcile/sums'
import { senderOf } from '@omnimargin/service/sender'
import { encodeFunctionData } from 'viem'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { type Actor, cross, makeActor } from '../src/story/actor.ts'
import { tradingChain } from '../src/story/witness.ts'
import { whole } from '../src/terminal/amounts.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const DEPOSITS = 100
const KILLS = 40
const UNITS = 1_000n
const LIMIT_MS = 150_000
/** The long, in ETH; the deposit during which the price falls, and how far: USD at 1e8. */
const SIZE = whole(60n)
const FALL_AT = 40
const FALLEN_PRICE = 1_780n * 10n ** 8n

/** Draws the same numbers for the same seed. */
function diceOf(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % sides
  }
}

test('ROL-17 ROL-34 CLR-08 with every role killed at random during 100 deposits and a liquidation, each is counted once', {
  timeout: 480_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-kill-'))
  const attestorKeys = Array.from({ length: 4 }, generatePrivateKey)
  const spenderKeys = { relayer: generatePrivateKey(), publisher: generatePrivateKey(), keeper: generatePrivateKey() }
  const devnet = await startDevnet({ log: () => undefined, roles: [], attestorKeys })
  const roles = rolesIn(folder)
  try {
    const names = configure(folder, devnet, attestorKeys, spenderKeys)
    const spenders = Object.values(spenderKeys).map((key) => privateKeyToAccount(key).address)
    await Promise.all(devnet.chains.map((chain) => chain.fund(...spenders)))
    for (const name of names) roles.start(name)

    const depositor = await depositorOf(devnet)
    const cast = await trade(devnet, privateKeyToAccount(spenderKeys.keeper))
    const dice = diceOf(7)
    for (let i = 0; i < DEPOSITS; i++) {
      await depositor.deposit(i)
      if (i === FALL_AT) devnet.oracle.set(FEEDS[0].feedId, FALLEN_PRICE)
      // The keeper starts in a second or two: it dies before, while and after it finds whom to liquidate.
      const isFall = i >= FALL_AT && i < FALL_AT + 20
      if (isFall && i % 4 === 0) await roles.kill('keeper')
      else if (dice(DEPOSITS) < KILLS || i === DEPOSITS - 1) await roles.kill(names[dice(names.length)] ?? 'relayer')
    }
    await requireLiquidatedOnce(devnet, cast)
    await roles.kill('keeper')
    await requireCounted(devnet, depositor)
    await requireHealthy(devnet, depositor.token)
    await changeTheRest(cast)
    await requireLiquidatedOnce(devnet, cast)
    await requireRebuilt(devnet, cast)
  } finally {
    roles.killAll()
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The roles' processes, by the name of their configuration. */
function rolesIn(folder: string) {
  const children = new Map<string, ChildProcess>()
  const start = (name: string) => {
    const [role = ''] = name.split('-')
    const args = [main, 'run', role, '--config', join(folder, `${name}.json`)]
    children.set(name, spawn(process.execPath, args, { stdio: 'ignore' }))
  }
  const kill = async (name: string) => {
    const child = children.get(name)
    child?.kill('SIGKILL')
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    start(name)
  }
  const killAll = () => {
    for (const child of children.values()) child.kill('SIGKILL')
  }
  return { start, kill, killAll }
}

type Depositor = Awaited<ReturnType<typeof depositorOf>>

/** Somebody with an account for each deposit, whose line is opened while the deposit is on its way. */
async function depositorOf({ deployment, chains }: Devnet) {
  const { clearing } = deployment
  const fast = chains.find(({ plan }) => plan.name === 'fast')
  const trading = chains.find(({ plan }) => plan.name === 'trading')
  const token = deployment.tokens.find(({ chainId }) => chainId === fast?.plan.chainId)
  assert.ok(fast && trading && token)
  const trader = privateKeyToAccount(generatePrivateKey())
  const holder = trader.address
  await Promise.all([fast, trading].map((chain) => chain.fund(holder)))
  const sender = senderOf(fast.reader, fast.walletOf(trader))
  const opener = senderOf(trading.reader, trading.walletOf(trader))
  const all = UNITS * BigInt(DEPOSITS)
  const mint = encodeFunctionData({ abi: Token.abi, functionName: 'mint', args: [holder, all] })
  const approve = encodeFunctionData({ abi: Token.abi, functionName: 'approve', args: [token.vault, all] })
  for (const data of [mint, approve]) await sender.send({ to: token.address, data, gas: 200_000n })
  const accounts = Array.from({ length: DEPOSITS }, (_, i) => accountOf(holder, BigInt(i)))
  const listing = { chainId: BigInt(token.chainId), vault: token.vault, asset: token.address }
  const deposit = async (i: number) => {
    const account = accounts[i]
    assert.ok(account)
    const grantArgs = [token.address, UNITS, BigInt(clearing.chainId), clearing.address, account] as const
    const grant = encodeFunctionData({ abi: Vault.abi, functionName: 'depositAndGrant', args: grantArgs })
    const openArgs = [account, listing, holder] as const
    const open = encodeFunctionData({ abi: Clearing.abi, functionName: 'openLine', args: openArgs })
    const receipts = await Promise.all([
      sender.send({ to: token.vault, data: grant, gas: 400_000n }),
      opener.send({ to: clearing.address, data: open, gas: 1_000_000n }),
    ])
    for (const { status } of receipts) assert.equal(status, 'success')
  }
  return { token, holder, accounts, deposit }
}

type Cast = { readonly long: Actor; readonly short: Actor }

/** A long that a fall of the price will put below maintenance, somebody it buys of, and a keeper with means. */
async function trade(devnet: Devnet, keeperKey: PrivateKeyAccount): Promise<Cast> {
  const { chains, deployment } = devnet
  const token = deployment.tokens.at(-1)
  assert.ok(token)
  const [long, short, keeper] = await Promise.all([
    makeActor('long', chains, deployment),
    makeActor('short', chains, deployment),
    makeActor('keeper', chains, deployment, keeperKey),
  ])
  const means = [17_000n, 100_000n, 100_000n]
  await Promise.all(
    [long, short, keeper].map(async (actor, i) => {
      await actor.openLine(token)
      await actor.deposit(token, whole(means[i] ?? 0n, token.decimals))
    }),
  )
  const { clearing } = deployment
  const { reader } = tradingChain(devnet)
  await until('a price', async () => {
    const read = { address: clearing.address, abi: Clearing.abi, functionName: 'indexPrice' } as const
    return (await reader.readContract({ ...read, args: [0n] })).price > 0n
  })
  await Promise.all([long.raiseLimits(0, SIZE, 0n), short.raiseLimits(0, 0n, SIZE)])
  await cross(reader, { seller: short, buyer: long }, { market: 0, size: SIZE, price: whole(2_000n), nonce: 1n })
  return { long, short }
}

/** What the fall of the price does not do by itself: limits raised, voided and left, and a release. */
async function changeTheRest({ short }: Cast): Promise<void> {
  await short.raiseLimits(1, whole(1n), whole(1n))
  await short.voidLimits(1)
  await short.raiseLimits(0, whole(3n), whole(2n))
  await short.release(0, 1_000n)
}

async function requireLiquidatedOnce(devnet: Devnet, { long, short }: Cast): Promise<void> {
  const { deployment } = devnet
  const { reader } = tradingChain(devnet)
  const contract = { address: deployment.clearing.address, abi: Clearing.abi } as const
  const liquidated = async () => {
    const events = await reader.getContractEvents({ ...contract, eventName: 'Liquidated', fromBlock: 0n, strict: true })
    return events.map(({ args }) => args.account)
  }
  await until('a liquidation', async () => (await liquidated()).length > 0)
  assert.deepEqual(await liquidated(), [long.account], 'one account is below maintenance, and it is taken over once')
  const sizes = await Promise.all(
    [long, short].map(async ({ account }) => {
      const [{ size }] = await reader.readContract({ ...contract, functionName: 'positionOf', args: [account, 0n] })
      return size
    }),
  )
  assert.ok(sizes[0] !== undefined && sizes[0] < SIZE, 'a share of the position is gone')
  assert.equal(sizes[1], -SIZE)
}

/**
 * Waits until every account's line has its deposit, whole and once, and all of it counts: what came while so many roles were
 * dead that the vault's breaker tripped, a keeper has counted later.
 */
async function requireCounted(devnet: Devnet, { accounts }: Depositor): Promise<void> {
  const { clearing } = devnet.deployment
  const { reader } = tradingChain(devnet)
  const read = { address: clearing.address, abi: Clearing.abi, functionName: 'lineOf' } as const
  const lines = () =>
    Promise.all(
      accounts.map(async (account) => {
        const [{ units, counted }] = await reader.readContract({ ...read, args: [account, 0n] })
        return { units, counted }
      }),
    )
  const deadline = performance.now() + LIMIT_MS
  let held = await lines()
  const isWhole = () => held.every(({ units, counted }) => units >= UNITS && counted >= UNITS)
  while (!isWhole() && performance.now() < deadline) held = await lines()
  assert.deepEqual(
    held,
    accounts.map(() => ({ units: UNITS, counted: UNITS })),
  )
}

async function requireHealthy(devnet: Devnet, token: Depositor['token']): Promise<void> {
  const { reader } = tradingChain(devnet)
  const contract = { address: devnet.deployment.clearing.address, abi: Clearing.abi } as const
  const args = [BigInt(token.chainId), token.vault] as const
  const ended = await reader.readContract({ ...contract, functionName: 'ended', args })
  assert.equal(ended, false, 'no two stories were signed')
  const { timestamp } = await reader.getBlock()
  const { publishTime } = await reader.readContract({ ...contract, functionName: 'indexPrice', args: [0n] })
  assert.ok(publishTime + 30n > timestamp, 'the publisher goes on as well')
}

/** The clearing's events alone tell of every account what the clearing does, and both sides of every chain add up. */
async function requireRebuilt({ deployment, chains }: Devnet, { long, short }: Cast): Promise<void> {
  const readers = new Map(chains.map(({ plan, reader }) => [plan.chainId, reader]))
  const memory = new Map(chains.map(({ plan }) => [plan.chainId, { writes: new Map(), events: new Map() }]))
  const read = () => readSides(deployment, readers, () => 'finalized', memory)
  const isThere = ({ ledger }: Sides) => ledger.accounts.get(short.account)?.positions.get(0)?.sellOut === whole(2n)
  const sides = await until('the last change to be final', async () => {
    const now = await read()
    return isThere(now) && now
  })
  const numbers = new Map(sides.blocks.map(({ chainId, number }) => [chainId, number]))
  const again = await readSides(deployment, readers, ({ chainId }) => numbers.get(chainId) ?? 'finalized')
  assert.deepEqual(sides, again, 'what was gone on from is what is read from the first block')
  const { accounts } = sides.ledger
  assert.ok(accounts.size >= DEPOSITS + 3, 'with those who trade, and the keeper')
  assert.notEqual(accounts.get(long.account)?.cash, 0n)
  assert.equal(accounts.get(short.account)?.positions.get(0)?.buyOut, whole(3n))
  assert.equal(accounts.get(short.account)?.positions.get(1)?.sellOut, 0n, 'voided')
  assert.deepEqual(sides.differing, [])
  assert.deepEqual(
    addUp(sides).filter((sum) => !holds(sum)),
    [],
  )
}

/** Writes a configuration for each role's process, and returns their names. */
function configure(
  folder: string,
  { deployment, oracle }: Devnet,
  attestorKeys: readonly Hex[],
  spenderKeys: Record<'relayer' | 'publisher' | 'keeper', Hex>,
): string[] {
  mkdirSync(join(folder, 'keys'))
  writeFileSync(join(folder, 'deployment.json'), JSON.stringify(deployment))
  const write = (name: string, key: Hex, rest: object) => {
    writeFileSync(join(folder, 'keys', name), key, { mode: 0o600 })
    const base = { deployment: 'deployment.json', keyFile: `keys/${name}`, pollMs: 50 }
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...base, ...rest }))
    return name
  }
  const attestors = attestorKeys.map((key, i) => {
    const { address } = privateKeyToAccount(key)
    const own = deployment.committee.attestors.find((attestor) => attestor.address === address.toLowerCase())
    return write(`attestor-${i}`, key, { dataDir: `data-${i}`, port: Number(new URL(own?.url ?? '').port) })
  })
  return [
    ...attestors,
    write('relayer', spenderKeys.relayer, { dataDir: 'data-relayer', heartbeatSeconds: 5 }),
    write('publisher', spenderKeys.publisher, { hermes: oracle.url, heartbeatSeconds: 5 }),
    write('keeper', spenderKeys.keeper, { dataDir: 'data-keeper', hermes: oracle.url }),
  ]
}
