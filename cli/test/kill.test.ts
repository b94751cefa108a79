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
import { KIND } from '@omnimargin/core/record'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { senderOf } from '@omnimargin/service/sender'
import { type Address, encodeFunctionData, padHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const DEPOSITS = 100
const KILLS = 40
const UNITS = 1_000n
const LIMIT_MS = 150_000

/** Draws the same numbers for the same seed. */
function diceOf(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % sides
  }
}

test('ROL-17 with every role killed at random during 100 deposits, each is counted exactly once', {
  timeout: 240_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-kill-'))
  const attestorKeys = Array.from({ length: 4 }, generatePrivateKey)
  const spenderKeys = { relayer: generatePrivateKey(), publisher: generatePrivateKey(), keeper: generatePrivateKey() }
  const devnet = await startDevnet({ log: () => undefined, roles: [], attestorKeys })
  const children = new Map<string, ChildProcess>()
  const start = (name: string) => {
    const [role = ''] = name.split('-')
    const child = spawn(process.execPath, [main, 'run', role, '--config', join(folder, `${name}.json`)], {
      stdio: 'ignore',
    })
    children.set(name, child)
  }
  try {
    const { deployment, chains } = devnet
    const names = configure(folder, devnet, attestorKeys, spenderKeys)
    const spenders = Object.values(spenderKeys).map((key) => privateKeyToAccount(key).address)
    await Promise.all(chains.map((chain) => chain.fund(...spenders)))
    for (const name of names) start(name)

    const dice = diceOf(7)
    const kill = async () => {
      const name = names[dice(names.length)] ?? 'relayer'
      const child = children.get(name)
      child?.kill('SIGKILL')
      if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      start(name)
    }

    const fast = chains.find(({ plan }) => plan.name === 'fast')
    const trading = chains.find(({ plan }) => plan.name === 'trading')
    const token = deployment.tokens.find(({ chainId }) => chainId === fast?.plan.chainId)
    assert.ok(fast && trading && token)
    const trader = privateKeyToAccount(generatePrivateKey())
    await Promise.all([fast, trading].map((chain) => chain.fund(trader.address)))
    const sender = senderOf(fast.reader, fast.walletOf(trader))
    const all = UNITS * BigInt(DEPOSITS)
    const mint = encodeFunctionData({ abi: Token.abi, functionName: 'mint', args: [trader.address, all] })
    const approve = encodeFunctionData({ abi: Token.abi, functionName: 'approve', args: [token.vault, all] })
    for (const data of [mint, approve]) await sender.send({ to: token.address, data, gas: 200_000n })

    const { clearing } = deployment
    const accounts = Array.from({ length: DEPOSITS }, (_, i) => accountOf(trader.address, BigInt(i)))
    for (const [i, account] of accounts.entries()) {
      const args = [token.address, UNITS, BigInt(clearing.chainId), clearing.address, account] as const
      const data = encodeFunctionData({ abi: Vault.abi, functionName: 'depositAndGrant', args })
      const { status } = await sender.send({ to: token.vault, data, gas: 400_000n })
      assert.equal(status, 'success')
      if (dice(DEPOSITS) < KILLS || i === DEPOSITS - 1) await kill()
    }

    await requireCounted(devnet, token, accounts, trader.address)
  } finally {
    for (const child of children.values()) child.kill('SIGKILL')
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

type Locked = Devnet['deployment']['tokens'][number]

/** Waits until the clearing knows of every account's deposit, whole and once. */
async function requireCounted(
  { deployment, chains }: Devnet,
  token: Locked,
  accounts: readonly Hex[],
  holder: Address,
): Promise<void> {
  const { clearing } = deployment
  const reader = chains.find(({ plan }) => plan.chainId === clearing.chainId)?.reader
  assert.ok(reader)
  const contract = { address: clearing.address, abi: Clearing.abi } as const
  const keyOf = (account: Hex) => ({
    kind: KIND.GRANT,
    writerChain: BigInt(token.chainId),
    writer: token.vault,
    readerChain: BigInt(clearing.chainId),
    reader: clearing.address,
    account,
    item: padHex(token.address, { size: 32 }),
    holder,
  })
  const learnedOf = (account: Hex) =>
    reader.readContract({ ...contract, functionName: 'learnedOf', args: [keyOf(account)] })
  const deadline = performance.now() + LIMIT_MS
  let learned: bigint[] = []
  do {
    learned = (await Promise.all(accounts.map(learnedOf))).map(([fields]) => fields[0])
  } while (learned.some((units) => units < UNITS) && performance.now() < deadline)
  assert.deepEqual(
    learned,
    accounts.map(() => UNITS),
  )
  const args = [BigInt(token.chainId), token.vault] as const
  const ended = await reader.readContract({ ...contract, functionName: 'ended', args })
  assert.equal(ended, false, 'no two stories were signed')
  const { timestamp } = await reader.getBlock()
  const { publishTime } = await reader.readContract({ ...contract, functionName: 'indexPrice', args: [0n] })
  assert.ok(publishTime + 30n > timestamp, 'the publisher goes on as well')
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
    write('keeper', spenderKeys.keeper, { dataDir: 'data-keeper' }),
  ]
}
