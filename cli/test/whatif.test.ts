import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { EMPTY_LEDGER } from '@omnimargin/core/ledger'
import { ConfigError } from '@omnimargin/service/config'
import type { Deployment } from '@omnimargin/service/deployment'
import { generatePrivateKey } from 'viem/accounts'
import { changesOf } from '../src/whatif/changes.ts'
import type { Typed } from '../src/whatif/forms.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const address = (digit: string) => `0x${digit.repeat(40)}` as const
const SIGNERS = ['1', '2', '3', '4'].map(address)
/** Nothing answers on it. */
const RPC = ['http://127.0.0.1:9']

const chain = (name: string, chainId: number): Deployment['chains'][number] => ({
  name,
  chainId,
  rpc: RPC,
  checkpointInterval: 1,
  roots: address('a'),
  batch: address('b'),
  pyth: address('f'),
  emitters: [],
})
const token = (chainId: number) => ({
  chainId,
  symbol: 'USDC',
  address: address('6'),
  decimals: 6,
  vault: address('c'),
})
const DEPLOYMENT: Deployment = {
  chains: [chain('home', 1), chain('fast', 2)],
  committee: { epoch: 0, threshold: 3, signers: SIGNERS, attestors: [] },
  clearing: {
    chainId: 1,
    address: address('d'),
    feeds: [{ symbol: 'ETH/USD', feedId: `0x${'5'.repeat(64)}` }],
    markets: [1, 2].map((chainId) => ({ symbol: 'ETH-USD', feed: 0, chainId, venue: address('e'), item: 0 })),
  },
  tokens: [token(1), token(2)],
}
const LEDGER = {
  ...EMPTY_LEDGER,
  listings: [1n, 2n].map((chainId) => ({ chainId, vault: address('c'), asset: address('6') })),
}

const change = (option: Typed['option'], text: string) =>
  changesOf(DEPLOYMENT, [{ option, text }]).map((make) => make(LEDGER))[0]

test('WHI-08 changes are read as they are typed, with every digit', () => {
  const wad = 10n ** 18n
  const table: [Typed['option'], string, object][] = [
    ['trade', 'ETH-USD@fast:+10', { kind: 'trade', market: 1, size: 10n * wad, price: undefined }],
    [
      'trade',
      'ETH-USD@home:-0.5@1990.25',
      { kind: 'trade', market: 0, size: -wad / 2n, price: (199_025n * wad) / 100n },
    ],
    ['deposit', 'USDC@fast:12.000001', { kind: 'deposit', listing: 1, units: 12_000_001n }],
    ['withdraw', 'USDC@home:7', { kind: 'withdraw', listing: 0, units: 7_000_000n }],
    ['shock', 'ETH/USD:-10%', { kind: 'shock', feed: 0, ratio: -wad / 10n }],
    ['shock', 'ETH/USD:0.5%', { kind: 'shock', feed: 0, ratio: wad / 200n }],
    ['lose', 'fast', { kind: 'lose', chainId: 2n }],
  ]
  for (const [option, text, expected] of table) assert.deepEqual(change(option, text), expected, text)
})

test('WHI-08 what is not in the deployment or is no number is refused by name, with what is allowed', () => {
  const table: [Typed['option'], string, RegExp][] = [
    ['trade', 'SOL-USD@fast:1', /no market "SOL-USD@fast"; it must be one of ETH-USD@home, ETH-USD@fast\.$/],
    ['trade', 'ETH-USD@moon:1', /no market "ETH-USD@moon"; it must be one of/],
    ['trade', 'ETH-USD@fast', /give it as MARKET@CHAIN:SIZE\[@PRICE\], for example ETH-USD@trading:-10@1990\.$/],
    ['trade', 'ETH-USD@fast:ten', /"ten" is no amount: digits, and a point if need be/],
    ['trade', 'ETH-USD@fast:1@', /give it as/],
    ['trade', 'ETH-USD@fast:1@-5', /"-5" is no amount/],
    ['deposit', 'WETH@fast:1', /no asset "WETH@fast"; it must be one of USDC@home, USDC@fast\.$/],
    ['deposit', 'USDC@fast:-1', /"-1" is no amount/],
    ['deposit', 'USDC@fast:1e3', /"1e3" is no amount/],
    ['withdraw', 'USDC@fast:0.0000001', /"0\.0000001" has 7 digits after the point, 6 are allowed\.$/],
    ['withdraw', 'USDC@fast', /give it as ASSET@CHAIN:AMOUNT/],
    ['shock', 'BTC/USD:-10%', /no price "BTC\/USD"; it must be one of ETH\/USD\.$/],
    ['shock', 'ETH/USD:-10', /give it as PRICE:PERCENT%, for example ETH\/USD:-10%\.$/],
    ['lose', 'moon', /no chain "moon"; it must be one of home, fast\.$/],
  ]
  for (const [option, text, message] of table) {
    assert.throws(
      () => change(option, text),
      (failure) =>
        failure instanceof ConfigError &&
        failure.message.startsWith(`--${option} ${text}: `) &&
        message.test(failure.message),
      text,
    )
  }
})

test('WHI-08 WIT-12 DEP-09 a command that cannot be answered says why in one line, and exits 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-whatif-'))
  try {
    const [file, keyFile] = ['deployment.json', 'key'].map((name) => join(folder, name))
    assert.ok(file && keyFile)
    writeFileSync(file, JSON.stringify(DEPLOYMENT))
    writeFileSync(keyFile, generatePrivateKey(), { mode: 0o600 })
    const id = `0x${'a'.repeat(64)}`
    const move = (name: string, account: string, asset: string, amount: string) => [
      ...[name, '--deployment', file, '--account', account],
      ...['--asset', asset, '--chain', 'fast', '--amount', amount],
    ]
    const keyless = (account: string, asset: string, amount: string) => move('withdraw', account, asset, amount)
    const deposit = (...wanted: Parameters<typeof keyless>) => [...move('deposit', ...wanted), '--key-file', keyFile]
    const withdraw = (...wanted: Parameters<typeof keyless>) => [...keyless(...wanted), '--key-file', keyFile]
    const table: [string[], RegExp][] = [
      [['whatif', '--deployment', file, '--account', '0x12'], /^--account 0x12: give its id, 0x and 64 hex.*\.\n$/],
      [['whatif', '--deployment', file, '--account', id, '--block', 'old'], /^--block old: give finalized, latest, or/],
      [['whatif', '--deployment', file, '--account', id, '--lose', 'x'], /^--lose x: there is no chain "x"; .*\.\n$/],
      [['whatif', '--deployment', file, '--account', id], /^Chain home at .* could not be read: .*\n$/m],
      [withdraw(id, 'USDC', '5'), /its owner is 0xa{40}, the key is of 0x\w{40}: give the owner’s key\.\n$/],
      [
        [...keyless(id, 'USDC', '5'), '--key-file', 'none'],
        /^Key file none: cannot be read \(ENOENT.*\): name a file that is there, and that you may read\.\n$/,
      ],
      [withdraw(id, 'DAI', '5'), /^--asset DAI --chain fast: there is no asset "DAI@fast"; .*USDC@fast\.\n$/],
      [keyless(id, 'USDC', '5'), /^--key-file is missing: give the owner’s, or --dry-run to see the plan\.\n$/],
      [[...keyless(id, 'USDC', '5'), '--dry-run'], /^Chain home at .* could not be read: .*\n$/m],
      [withdraw(id, 'USDC', '0'), /^--amount 0: nothing is asked for: give more\.\n$/],
      [deposit('0x12', 'USDC', '5'), /^--account 0x12: give its id, 0x and 64 hex.*\.\n$/],
      [deposit(id, 'DAI', '5'), /^--asset DAI --chain fast: there is no asset "DAI@fast"; .*USDC@fast\.\n$/],
      [deposit(id, 'USDC', '0'), /^--amount 0: nothing would be locked: give more\.\n$/],
      [deposit(id, 'USDC', '5'), /^Chain home at .* could not be read: .*\n$/m],
      [
        move('deposit', id, 'USDC', '5'),
        /^--key-file is missing: give that of the wallet that pays, or --dry-run .*\.\n$/,
      ],
      [[...move('deposit', id, 'USDC', '5'), '--dry-run'], /^Chain home at .* could not be read: .*\n$/m],
    ]
    const attempts = table.map(([args, expected]) =>
      assert.rejects(promisify(execFile)(process.execPath, [main, ...args]), ({ code, stderr }) => {
        assert.match(stderr, expected)
        assert.equal(code, 1)
        return true
      }),
    )
    await Promise.all(attempts)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
