import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Parameters, packParameters } from '@omnimargin/core/parameters'
import { WAD } from '@omnimargin/core/wad'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import type { Deployment } from '@omnimargin/service/deployment'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'
import { knownOf, measuresSchema } from '@omnimargin/service/steward/known'
import fc from 'fast-check'
import { type ContagionOptions, contagion, SHIPPED_TERMS } from '../src/risk/contagion.ts'
import { readFacts } from '../src/risk/listing.ts'
import { SHIPPED_MEASURES } from '../src/risk/measures.ts'
import { parametersSchema, parametersToJson } from '../src/risk/parameters.ts'
import { readSystem } from '../src/risk/system.ts'
import { applyTerms, readTerms } from '../src/risk/terms.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'omnimargin-risk-'))
after(() => rmSync(folder, { recursive: true }))

const SYSTEM = join('risk', 'systems', 'three-chains.json')
const shipped = (path: string) => readFileSync(join(root, path), 'utf8')

/** As from a shell; what it wrote. */
function omnimargin(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['cli/src/main.ts', ...args], { cwd: root, encoding: 'utf8' })
}

type Loose = { [field: string]: Loose & Loose[] & string }
/** A shipped JSON file with something else in it. */
function changed(path: string, change: (value: Loose) => unknown): string {
  const value = JSON.parse(shipped(path))
  change(value)
  return written(JSON.stringify(value, null, 2))
}

let files = 0
function written(text: string, name = `${++files}.json`): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

test('CTG-09 the shipped system as a table, sorted by loss, and as JSON', () => {
  const table = omnimargin('risk', 'contagion', '--system', SYSTEM, '--insurance', '50000')
  assert.equal(table.status, 0, table.stderr)
  assert.ok(table.stdout.split('\n').every((line) => [...line].length <= 120))
  assert.match(table.stdout, /7 accounts, .* USD of margin, 50,000\.00 USD of insurance\./)
  assert.match(table.stdout, /│ chain fast +│ 1 +│ 1 +│/)
  const { status, stdout } = omnimargin('risk', 'contagion', '--system', SYSTEM, '--insurance', '50000', '--json')
  assert.equal(status, 0)
  const { single, pairs, margin, insurance } = JSON.parse(stdout)
  assert.equal(insurance, '50000')
  for (const outcomes of [single, pairs] as { badDebt: string; uncovered: string }[][]) {
    const debts = outcomes.map(({ badDebt }) => Number(badDebt))
    assert.deepEqual(
      debts,
      [...debts].sort((a, b) => b - a),
    )
    for (const { badDebt, uncovered } of outcomes)
      assert.ok(Math.abs(Number(uncovered) - Math.max(0, Number(badDebt) - 50_000)) < 1e-6)
  }
  assert.ok(Number(margin) > 0)
  const top = omnimargin('risk', 'contagion', '--system', SYSTEM, '--top', '3').stdout
  assert.match(top, /8 more that cost less.*\n5 more that nobody would feel/)
  const all = omnimargin('risk', 'contagion', '--system', SYSTEM, '--top', '99').stdout
  assert.match(all, /account long with WETH/)
  assert.doesNotMatch(all, /account saver|cost less/)
})

test('CTG-08 an issuer of whose assets none is listed is told, not left out in silence', () => {
  const other = { name: 'of EURC', assets: ['EURC'] }
  const file = changed('risk/contagion.json', (value) => (value.issuers as unknown as unknown[]).push(other))
  const { stdout } = omnimargin('risk', 'contagion', '--system', SYSTEM, '--terms', file)
  assert.match(stdout, /^three chains.*no market's\. Not tried, as nothing listed is theirs: of EURC\.\n/)
})

test('CTG-09 the table in docs/contagion.md is the one that is printed', () => {
  const [, args = '', table = ''] = /npm run omnimargin -- (.+)\n\n([^`]+)```/.exec(shipped('docs/contagion.md')) ?? []
  assert.equal(omnimargin(...args.split(' ')).stdout, table)
})

test('CTG-10 a system or terms that cannot be used are refused with file, line and place', async () => {
  const options = {
    terms: SHIPPED_TERMS,
    config: SHIPPED_MEASURES,
    insurance: '0',
    top: '20',
    json: true,
  }
  const system = join(root, SYSTEM)
  const terms = (change: (value: Loose) => unknown) => changed('risk/contagion.json', change)
  const table: [Partial<ContagionOptions>, RegExp][] = [
    [{}, /^Give either --deployment, of what is running, or --system/],
    [{ system, deployment: 'none.json' }, /^Give either --deployment/],
    [
      { system, block: 'banana' },
      /^--block banana: a file has no blocks\. Leave it out, or give --deployment for --system\.$/,
    ],
    [{ deployment: 'none.json', block: 'banana' }, /^--block banana: give finalized, latest, or the number/],
    [{ system, top: '0' }, /^--top 0: give how many rows/],
    [{ system, insurance: '-5' }, /^--insurance -5: "-5" is no amount/],
    [{ system, terms: 'none.json' }, /^none\.json: cannot be read/],
    [{ deployment: 'none.json' }, /^none\.json: cannot be read/],
    [
      { system, terms: terms(({ prices }) => delete prices?.['BTC/USD']) },
      /\.json prices: has no "BTC\/USD", which the clearing has: add its dailyVolume/,
    ],
    [{ system, terms: terms((value) => Object.assign(value, { depth: 1 })) }, /\.json:\d+ .*unknown field "depth"/],
    [
      { system, config: changed('risk/steward.json', ({ assets }) => assets?.shift()) },
      /\.json assets: has no WETH@slow, which the clearing has: add it there, or name the steward’s own file/,
    ],
    [
      { system, terms: terms(({ issuers }) => Object.assign(issuers?.[0] ?? {}, { loss: '2' })) },
      /\.json:\d+ issuers\.0\.loss: is a share: it must be at most 1/,
    ],
  ]
  for (const [parts, message] of table)
    await assert.rejects(contagion({ ...options, ...parts }), { message, retry: false }, `${message}`)
  const { status, stderr, stdout } = omnimargin('risk', 'contagion', '--system', 'none.json')
  assert.match(stderr, /^none\.json: cannot be read .*\n$/)
  assert.deepEqual([status, stdout], [1, ''])
})

test('CTG-10 what does not fit in a system is told by its place', () => {
  const table: [(system: Loose) => unknown, RegExp][] = [
    [(system) => Object.assign(system, { clearing: 'moon' }), /clearing: "moon" is no chain of a listing or a market/],
    [({ listings }) => listings?.pop(), /parameters\.listings: has 3 rows, the clearing has 2/],
    [({ accounts }) => delete accounts?.[0]?.name, /accounts\.0\.name: is missing/],
    [
      ({ accounts }) => Object.assign(accounts?.[1]?.lines ?? {}, { 'DAI@slow': '1' }),
      /accounts\.1\.lines\.DAI@slow: must be one of WETH@slow/,
    ],
    [
      ({ accounts }) => Object.assign(accounts?.[0]?.lines ?? {}, { 'USDC@fast': 5 }),
      /accounts\.0\.lines\.USDC@fast: is a number: put it in quotes/,
    ],
    [
      ({ accounts }) => Object.assign(accounts?.[0]?.positions ?? {}, { 'SOL-USD@fast': { size: '1', entry: '5' } }),
      /accounts\.0\.positions\.SOL-USD@fast: must be one of ETH-USD@trading/,
    ],
    [
      ({ accounts }) => Object.assign(accounts?.[4] ?? {}, { cash: '1e3' }),
      /accounts\.4\.cash: is "1e3": write a plain decimal/,
    ],
    [({ feeds }) => feeds?.pop(), /parameters\.listings\.1\.feed: is 2, there are 2/],
    [
      ({ parameters }) => Object.assign(parameters ?? {}, { liquidationDiscount: '0.04' }),
      /parameters\.underlyings\.0\.maintenanceRate: is, as far as it is not shared, below liquidationDiscount/,
    ],
    [
      ({ markets }) => Object.assign(markets?.[0] ?? {}, { chain: 'slow' }),
      /markets\.0\.chain: is at slow, which does not fit isRemote of venue 0/,
    ],
    [({ parameters }) => delete parameters?.healthTarget, /parameters\.healthTarget: is missing/],
  ]
  for (const [change, message] of table) {
    const file = changed(SYSTEM, change)
    assert.throws(
      () => readSystem(file),
      (failure) =>
        failure instanceof ConfigError && failure.message.startsWith(`${file}:`) && message.test(failure.message),
      `${message}`,
    )
  }
})

test('CTG-12 what is there on a chain is what the steward’s haircut takes, and a peg’s depth is a peg’s', () => {
  const measures = readConfig(SHIPPED_MEASURES, measuresSchema)
  const names = { feeds: ['ETH/USD', 'BTC/USD', 'USDC/USD'], listings: ['WETH@slow', 'USDC@fast', 'USDC@trading'] }
  const content = { file: SHIPPED_MEASURES, content: measures }
  const terms = { file: SHIPPED_TERMS, content: readTerms(SHIPPED_TERMS) }
  const { depths, stressedThere } = applyTerms(terms, content, names)
  assert.deepEqual(
    stressedThere,
    [40_000_000n, 6_000_000n, 10_000_000n].map((usd) => usd * WAD),
  )
  assert.deepEqual(
    depths.map(({ stressed }) => stressed),
    [400_000_000n, 1_000_000_000n, 100_000_000n].map((usd) => usd * WAD),
  )
  // The steward's own reading of the same file.
  const chains = ['slow', 'fast', 'trading'].map((name, chainId) => ({ name, chainId }))
  const tokens = names.listings.map((listing, chainId) => {
    return { symbol: listing.split('@')[0], chainId, vault: `0x${chainId}`, address: `0x${chainId}` }
  })
  const clearing = { feeds: names.feeds.map((symbol) => ({ symbol })) }
  const known = knownOf({ chains, tokens, clearing } as unknown as Deployment, measures, SHIPPED_MEASURES)
  const taken = [...known.assets.values()].map(({ depthPerDay, depthLeft }) => depthPerDay * depthLeft)
  assert.deepEqual(
    taken.map((usd) => BigInt(Math.round(usd)) * WAD),
    stressedThere,
  )
  const own = measures.assets.map((asset) => ({ ...asset, depthLeft: 0.5 }))
  const other = applyTerms(terms, { ...content, content: { ...measures, assets: own } }, names)
  assert.equal(other.stressedThere[1], 150_000_000n * WAD)
})

test('LST-07 of the shipped assets two may be listed and one may not, and what may be listed fits the blob', () => {
  for (const [asset, status] of [
    ['coin', 0],
    ['dollar', 0],
    ['thin', 2],
  ] as const) {
    const file = join('risk', 'assets', `${asset}.json`)
    const table = omnimargin('risk', 'list-asset', file)
    assert.equal(table.status, status, table.stderr)
    assert.match(table.stdout, status === 0 ? /may be listed\.\n$/ : /may not be listed\.\n$/)
    const told = JSON.parse(omnimargin('risk', 'list-asset', file, '--json').stdout)
    assert.equal(told.mayBeListed, status === 0)
    const { decimals } = JSON.parse(shipped(file)).token
    const share = (text: string) => BigInt(Math.round(Number(text) * 1_000)) * (WAD / 1_000n)
    const [initialHaircut, maintenanceHaircut] = [share(told.initialHaircut), share(told.maintenanceHaircut)]
    const row = { feed: 0, decimals, initialHaircut, maintenanceHaircut, cap: BigInt(told.capUnits) }
    packParameters({ ...PARAMETERS, listings: PARAMETERS.listings.slice(0, 1).map((one) => ({ ...one, ...row })) })
    assert.ok(initialHaircut >= maintenanceHaircut && row.cap > 0n)
  }
  const refused = JSON.parse(omnimargin('risk', 'list-asset', join('risk', 'assets', 'thin.json'), '--json').stdout)
  const codes = ['not_a_plain_token', 'one_verifier', 'too_few_price_venues', 'too_thin', 'own_token']
  assert.deepEqual(refused.refusals, codes)
})

test('LST-09 it is judged as of what is asked, else of what the file says, else now, over gaps too', () => {
  const asset = join(root, 'risk', 'assets', 'coin.json')
  const asOf = (file: string, asked?: number) => readFacts(file, 5, asked).asOf
  assert.equal(asOf(asset), Date.UTC(2002, 0, 2) / 1_000)
  assert.equal(asOf(asset, 7), 7)
  const bars = shipped('risk/assets/coin.csv').split('\n')
  const history = written([...bars.slice(0, 100), ...bars.slice(101)].join('\n'), 'gap.csv').slice(folder.length + 1)
  const file = changed('risk/assets/coin.json', (value) => {
    Object.assign(value, { history })
    delete value.asOf
  })
  assert.equal(asOf(file), 5)
  assert.deepEqual(
    readFacts(file, 5).history.map(({ closes }) => closes.length),
    [99, 2_196 - 100],
  )
  const refusalsAt = (...args: string[]) =>
    JSON.parse(omnimargin('risk', 'list-asset', ...args, '--json').stdout).refusals
  assert.deepEqual(refusalsAt(file), ['history_ends_early'])
  assert.deepEqual(refusalsAt(file, '--as-of', '2002-01-02'), [])
  assert.deepEqual(refusalsAt(asset, '--as-of', '2001-07-01'), ['history_too_short'])
  assert.match(omnimargin('risk', 'list-asset', asset, '--as-of', 'now').stderr, /^"now" is no time/)
  const told = omnimargin('risk', 'list-asset', file).stdout
  assert.match(told, /Refused: its history must reach to 2 days before it is judged.*\(history_ends_early\)/)
})

test('who reads the first line alone, as head does, meets no stack, and the exit code stands', async () => {
  const command = ['cli/src/main.ts', 'risk', 'list-asset', 'risk/assets/thin.json']
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  const [code] = await once(child, 'close')
  assert.deepEqual([code, told], [2, ''])
})

test('after an error of usage the help that is named is the command’s own', () => {
  for (const command of [[], ['withdraw'], ['risk', 'contagion']]) {
    const { status, stderr } = omnimargin(...command, '--no-such-option')
    assert.equal(status, 1)
    assert.ok(stderr.includes(`(${['omnimargin', ...command].join(' ')} --help tells what there is)`), stderr)
  }
})

test('LST-06 an asset’s file that cannot be used is refused with its place', () => {
  const asset = 'risk/assets/coin.json'
  const without = (field: string) => changed(asset, (value) => delete value[field])
  const table: [string, RegExp][] = [
    ['none.json', /^none\.json: cannot be read \(.*\): name a file that is there\.$/],
    [written('{'), /\.json:1 is not JSON/],
    [without('route'), /\.json:\d+ route: is missing/],
    [changed(asset, (value) => Object.assign(value, { asOf: 'today' })), /:\d+ asOf: "today" is no time: .*1970\.$/],
    [
      changed(asset, (value) => Object.assign(value, { peg: { issue: 'staked', reference: 'coin.csv' } })),
      /:\d+ peg\.reference: is its own history/,
    ],
    [changed(asset, (value) => Object.assign(value, { kind: 'good' })), /unknown field "kind"/],
    [
      changed(asset, ({ market }) => Object.assign(market ?? {}, { spread: '1.5' })),
      /^[^\n]*:\d+ market\.spread: is a share[^\n]*$/,
    ],
    [
      changed(asset, ({ market }) => Object.assign(market ?? {}, { spread: 0.5 })),
      /:\d+ market\.spread: is a number: put it in quotes/,
    ],
    [
      changed(asset, (value) => Object.assign(value, { history: '/etc/x.csv' })),
      /history: must be a \.csv, named from/,
    ],
    [changed(asset, () => undefined), /coin\.csv: cannot be read .*: put it there\./],
    [
      changed(asset, (value) =>
        Object.assign(value, {
          history: written('ts,open,high,low,close,volume\n1,2,3\n', 'x.csv').slice(folder.length + 1),
        }),
      ),
      /x\.csv:2: has 3 columns/,
    ],
  ]
  for (const [file, message] of table) assert.throws(() => readFacts(file, 0), { message, retry: false }, `${message}`)
  const { status, stderr, stdout } = omnimargin('risk', 'list-asset', 'none.json')
  assert.match(stderr, /^none\.json: cannot be read .*\n$/)
  assert.deepEqual([status, stdout], [1, ''])
})

test('DRY-06 what is printed is read as the same parameters', () => {
  const plain = { noNullPrototype: true }
  const share = fc.bigInt({ min: 0n, max: WAD })
  const age = fc.integer({ min: 0, max: 2 ** 24 - 1 })
  const most = fc.bigInt({ min: 0n, max: 2n ** 112n - 1n })
  const listing = fc.record(
    {
      feed: fc.nat(255),
      decimals: fc.nat(36),
      initialHaircut: share,
      maintenanceHaircut: share,
      cap: most,
      accountCap: most,
      assetCap: most,
      burst: most,
      refillTime: age,
      capPrice: share,
      vault: fc.nat(255),
      secondFeed: fc.nat(255),
      hasSecondFeed: fc.boolean(),
    },
    plain,
  )
  const ages = { calmAge: age, warnAge: age, tripAge: age, isRemote: fc.boolean() }
  const venue = fc.record({ ...ages, legShare: share, deadAge: age }, plain)
  const vault = fc.record({ ...ages, cap: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), zeroAge: age }, plain)
  const parameters: fc.Arbitrary<Parameters> = fc
    .record({
      listings: fc.array(listing, { maxLength: 8 }),
      venues: fc.array(venue, { maxLength: 4 }),
      vaults: fc.array(vault, { maxLength: 4 }),
      cashHaircut: share,
    })
    .map((parts) => ({ ...PARAMETERS, ...parts }))
  const again = (one: Parameters) => readConfig(written(parametersToJson(one), 'parameters.json'), parametersSchema)
  assert.deepEqual(again(PARAMETERS), PARAMETERS)
  fc.assert(fc.property(parameters, (one) => assert.deepEqual(again(one), one)))
})

test('DRY-06 a file of parameters that cannot be used is refused with its line, before a chain is asked', () => {
  const table: [(value: Loose) => unknown, RegExp][] = [
    [(value) => Object.assign(value, { haircut: '1' }), /:\d+ \(the file\): unknown field "haircut"/],
    [(value) => delete value.maxPriceAge, /:\d+ maxPriceAge: is missing/],
    [
      ({ listings }) => Object.assign(listings?.[1] ?? {}, { cap: '1.0000001' }),
      /listings\.1\.cap: is "1\.0000001": .* at most 6 digits/,
    ],
    [
      ({ listings }) => Object.assign(listings?.[1] ?? {}, { initialHaircut: '3%' }),
      /listings\.1\.initialHaircut: is "3%": write a plain decimal/,
    ],
    [({ venues }) => Object.assign(venues?.[0] ?? {}, { isRemote: 'no' }), /venues\.0\.isRemote: .*expected boolean/],
    [
      ({ listings }) => Object.assign(listings?.[0] ?? {}, { initialHaircut: '9' }),
      /:\d+ listings\.0\.initialHaircut: is a share: it must be at most 1\.$/,
    ],
    [(value) => Object.assign(value, { cashHaircut: '1.01' }), /:\d+ cashHaircut: is a share: it must be at most 1\.$/],
    [
      (value) => Object.assign(value, { healthTarget: '1000' }),
      /does not fit the blob: healthTarget does not fit 64 bits/,
    ],
  ]
  for (const [change, message] of table) {
    const value = JSON.parse(parametersToJson(PARAMETERS))
    change(value)
    const file = written(JSON.stringify(value, null, 2))
    assert.throws(
      () => readConfig(file, parametersSchema),
      (failure) =>
        failure instanceof ConfigError && failure.message.startsWith(`${file}:`) && message.test(failure.message),
      `${message}`,
    )
  }
  const run = (...args: string[]) => omnimargin('risk', 'dry-run', ...args)
  const good = written(parametersToJson(PARAMETERS))
  assert.match(run(good, '--deployment', 'none.json').stderr, /^none\.json: cannot be read .*: `npm start` writes one/)
  assert.match(run('none.json', '--deployment', 'none.json').stderr, /: `omnimargin risk parameters` prints those/)
  assert.match(
    run(good, '--deployment', 'none.json', '--max-share', '1').stderr,
    /^--max-share 1: give it as a percentage/,
  )
})
