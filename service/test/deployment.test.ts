import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, readConfig } from '../src/config.ts'
import { type Deployment, deploymentSchema } from '../src/deployment.ts'

const address = (digit: string) => `0x${digit.repeat(40)}` as const
const SIGNERS = ['1', '2', '3', '4'].map(address)

const valid: Deployment = {
  chains: [
    {
      name: 'home',
      chainId: 31001,
      rpc: ['http://127.0.0.1:8545'],
      checkpointInterval: 1,
      roots: address('a'),
      batch: address('b'),
      pyth: address('f'),
      emitters: [{ kind: 'vault', address: address('c'), fromBlock: 7 }],
    },
  ],
  committee: {
    epoch: 0,
    threshold: 3,
    signers: SIGNERS,
    attestors: SIGNERS.map((signer, i) => ({ address: signer, url: `http://127.0.0.1:${9_000 + i}` })),
  },
  clearing: {
    chainId: 31001,
    address: address('d'),
    feeds: [{ symbol: 'ETH/USD', feedId: `0x${'5'.repeat(64)}` }],
    markets: [{ symbol: 'ETH-USD', feed: 0, chainId: 31001, venue: address('e'), item: 0 }],
  },
  tokens: [{ chainId: 31001, symbol: 'WETH', address: address('6'), decimals: 18, vault: address('c') }],
}

const text = JSON.stringify(valid, null, 2)

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'deployment.json')
  writeFileSync(file, text)
  return file
}

test('a deployment is read back as it was written, addresses in lower case', (t) => {
  const shouting = JSON.stringify(valid).replaceAll(address('a'), `0x${'A'.repeat(40)}`)
  assert.deepEqual(readConfig(fileWith(t, shouting), deploymentSchema), valid)
})

test('a fault names the file, the place and the cure', (t) => {
  const [first] = SIGNERS
  const cases: [string, string | RegExp, string, RegExp][] = [
    ['unknown field', '"feeds"', '"venues": [], "feeds"', /clearing: unknown field "venues": remove or correct it\./],
    ['missing field', '"epoch": 0,', '', /committee\.epoch: is missing: add it/],
    ['not an address', address('d'), '0x12', /clearing\.address: must be an address: 0x and 40/],
    ['not a URL', 'http://127.0.0.1:8545', 'localhost', /chains\.0\.rpc\.0: Invalid URL/],
    ['a chain twice', '"chains": [', `"chains": [${JSON.stringify(valid.chains[0])},`, /chains\.1\.chainId: .* twice/],
    ['unsorted signers', `"${first}"`, `"${address('8')}"`, /committee\.signers\.1: must be sorted/],
    ['too high a threshold', '"threshold": 3', '"threshold": 5', /committee\.threshold: must be at most the 4 signers/],
    ['a stranger', `"address": "${first}"`, `"address": "${address('9')}"`, /attestors\.0\.address: 0x9+ is not among/],
    ['no such feed', '"feed": 0', '"feed": 1', /clearing\.markets\.0\.feed: there are only 1 feeds/],
    [
      'a market twice',
      '"markets": [',
      `"markets": [${JSON.stringify(valid.clearing.markets[0])},`,
      /clearing\.markets\.1\.symbol: chain 31001 has a market ETH-USD already: name it otherwise/,
    ],
    ['no prices', /"pyth": .*/, '', /chains\.0\.pyth: is missing: prices must arrive/],
    ['no such chain', /31001(,\s*"symbol")/, '5$1', /tokens\.0\.chainId: chain 5 is not among "chains"/],
  ]
  for (const [what, right, wrong, message] of cases) {
    const file = fileWith(t, text.replace(right, wrong))
    assert.throws(
      () => readConfig(file, deploymentSchema),
      (fault) => fault instanceof ConfigError && fault.message.startsWith(file) && message.test(fault.message),
      what,
    )
  }
})

test('a fault names the line where it is', (t) => {
  const line = text.split('\n').findIndex((part) => part.includes('threshold')) + 1
  const file = fileWith(t, text.replace('"threshold": 3', '"threshold": "three"'))
  assert.throws(() => readConfig(file, deploymentSchema), new RegExp(`:${line} committee.threshold`))
})
