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
import { KIND, keyHash } from '@omnimargin/core/record'
import { startDevnet } from '@omnimargin/service/devnet/devnet'
import { senderOf } from '@omnimargin/service/sender'
import { encodeFunctionData, padHex } from 'viem'
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
  const relayerKey = generatePrivateKey()
  const devnet = await startDevnet({ log: () => undefined, roles: ['publisher'], attestorKeys })
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
    mkdirSync(join(folder, 'keys'))
    writeFileSync(join(folder, 'deployment.json'), JSON.stringify(deployment))
    const configure = (name: string, key: Hex, rest: object) => {
      writeFileSync(join(folder, 'keys', name), key, { mode: 0o600 })
      const config = {
        deployment: 'deployment.json',
        keyFile: `keys/${name}`,
        dataDir: `data-${name}`,
        pollMs: 50,
        ...rest,
      }
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(config))
      return name
    }
    const names = attestorKeys.map((key, i) => {
      const { address } = privateKeyToAccount(key)
      const url =
        deployment.committee.attestors.find((attestor) => attestor.address === address.toLowerCase())?.url ?? ''
      return configure(`attestor-${i}`, key, { port: Number(new URL(url).port) })
    })
    names.push(configure('relayer', relayerKey, { heartbeatSeconds: 5 }))
    await Promise.all(chains.map((chain) => chain.fund(privateKeyToAccount(relayerKey).address)))
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

    const learnedOf = (account: Hex) =>
      trading.reader.readContract({
        address: clearing.address,
        abi: Clearing.abi,
        functionName: 'learnedOf',
        args: [keyOf(account)],
      })
    const keyOf = (account: Hex) => ({
      kind: KIND.GRANT,
      writerChain: BigInt(token.chainId),
      writer: token.vault,
      readerChain: BigInt(clearing.chainId),
      reader: clearing.address,
      account,
      item: padHex(token.address, { size: 32 }),
      holder: trader.address,
    })
    const deadline = performance.now() + LIMIT_MS
    let learned: bigint[] = []
    do {
      learned = (await Promise.all(accounts.map(learnedOf))).map(([fields]) => fields[0])
    } while (learned.some((units) => units < UNITS) && performance.now() < deadline)
    assert.deepEqual(
      learned,
      accounts.map(() => UNITS),
    )
    assert.equal(new Set(accounts.map((account) => keyHash(keyOf(account)))).size, DEPOSITS)
    const ended = await trading.reader.readContract({
      address: clearing.address,
      abi: Clearing.abi,
      functionName: 'ended',
      args: [BigInt(token.chainId), token.vault],
    })
    assert.equal(ended, false, 'no two stories were signed')
  } finally {
    for (const child of children.values()) child.kill('SIGKILL')
    await devnet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
