import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Clearing, Learning, Policy, Registrar, Vault } from '@omnimargin/chains/abi'
import type { Artifact } from '@omnimargin/chains/deploy'
import { readConfig } from '@omnimargin/service/config'
import { type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { measuresSchema } from '@omnimargin/service/steward/known'
import { readBooks } from '../src/compare/books.ts'
import { readTerms } from '../src/compare/terms.ts'
import { SHIPPED } from '../src/compare.ts'
import { roleSchemas } from '../src/run.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** A page's blocks of a language, each with the heading that it stands under. */
function blocksOf(page: string, language: string): { heading: string; text: string }[] {
  const parts = read(page).matchAll(/^## (.*)$|^```(\w+)\n([\s\S]*?)^```$/gm)
  const blocks: { heading: string; text: string }[] = []
  let heading = ''
  for (const [, title, found, text = ''] of parts) {
    if (title !== undefined) heading = title
    else if (found === language) blocks.push({ heading, text })
  }
  return blocks
}

/** What the schema makes of the text, as of a file. Throws ConfigError as the role would. */
function asFile<Schema extends Parameters<typeof readConfig>[1]>(text: string, schema: Schema) {
  return inFile(text, (file) => readConfig(file, schema))
}

function inFile<Read>(text: string, reading: (file: string) => Read): Read {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-guides-'))
  try {
    const file = join(folder, 'shown.json')
    writeFileSync(file, text)
    return reading(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function deploymentShown(): Deployment {
  const [block, other] = blocksOf('docs/venue.md', 'json')
  assert.ok(block && !other)
  return asFile(block.text, deploymentSchema)
}

test('ROL-83 the deployment file that docs/venue.md shows is one, and every field of it is explained', () => {
  const { chains, clearing, tokens } = deploymentShown()
  const emitters = chains.flatMap((chain) => chain.emitters.map(({ address }) => address))
  const named = [clearing.address, ...clearing.markets.map(({ venue }) => venue), ...tokens.map(({ vault }) => vault)]
  assert.deepEqual(
    named.filter((address) => !emitters.includes(address)),
    [],
    'what is named is carried',
  )
  const [, table = ''] = read('docs/venue.md').split('| field | what it is |')
  for (const field of Object.keys(deploymentSchema.shape)) assert.match(table, new RegExp(`\`${field}\\b`), field)
})

test('ROL-83 the configuration that docs/operate.md shows of each role is one', () => {
  const blocks = blocksOf('docs/operate.md', 'json')
  const shown = new Map(blocks.map(({ heading, text }) => [heading.toLowerCase(), text]))
  assert.deepEqual([...shown.keys()].sort(), Object.keys(roleSchemas).sort(), 'each role, once')
  assert.equal(blocks.length, shown.size)
  for (const [role, schema] of Object.entries(roleSchemas)) asFile(shown.get(role) ?? '', schema)
})

test('ROL-83 what docs/operate.md measures are the assets and prices of the deployment that docs/venue.md shows', () => {
  const { chains, clearing, tokens } = deploymentShown()
  const nameOf = (chainId: number) => chains.find((chain) => chain.chainId === chainId)?.name
  const held = tokens.map(({ symbol, chainId }) => `${symbol} on ${nameOf(chainId)}`)
  for (const { heading, text } of blocksOf('docs/operate.md', 'json')) {
    if (heading !== 'Steward' && heading !== 'Watcher') continue
    const { assets, feeds } = asFile(text, measuresSchema.loose())
    assert.deepEqual(assets.map(({ asset, chain }) => `${asset} on ${chain}`).sort(), held.sort(), heading)
    assert.deepEqual(
      Object.keys(feeds),
      clearing.feeds.map(({ symbol }) => symbol),
      heading,
    )
  }
})

test('ROL-83 the venue that docs/venue.md shows is the one that the tests run', () => {
  const [block] = blocksOf('docs/venue.md', 'solidity')
  assert.equal(block?.text, read('contracts/test/venue/Desk.sol'))
})

test('ROL-83 every function and library that the guides name is there', () => {
  const pages = ['docs/venue.md', 'docs/operate.md'].map(read).join('\n')
  const named = [...pages.matchAll(/`(Clearing|Policy|Vault)\.(\w+)[`(]/g)]
  assert.ok(named.length > 8)
  const contracts = { Clearing: Clearing.abi, Policy: Policy.abi, Vault: Vault.abi }
  for (const [text, contract, name] of named) {
    const entries: readonly { type: string; name?: string }[] = contracts[contract as keyof typeof contracts]
    assert.ok(
      entries.some((entry) => entry.type === 'function' && entry.name === name),
      text,
    )
  }
  const [listed = ''] = /the libraries: .*?(?=\. Then)/.exec(pages) ?? []
  const libraries = [...listed.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
  const artifacts: readonly Artifact[] = [Clearing, Learning, Registrar]
  const linked = artifacts.flatMap(({ libraries: names = {} }) => Object.keys(names))
  assert.deepEqual(libraries.toSorted(), [...new Set(linked)].sort())
})

test('CAP-22 the book that docs/capital.md shows is one, of what is shipped', () => {
  const [block, other] = blocksOf('docs/capital.md', 'json')
  assert.ok(block && !other)
  assert.equal(block.heading, 'A book of your own')
  const { chains, underlyings } = readTerms(SHIPPED.parameters)
  const known = { symbols: [...underlyings.keys()], folder: SHIPPED.prices, chains: [...chains.keys()] }
  const [read] = inFile(block.text, (file) => readBooks(file, known))
  const legs = read?.books[0]?.legs.map(({ venue, measure }) => `${venue} ${measure}`)
  assert.deepEqual(legs, ['arbitrum units', 'perps dollars'], 'either measure, a venue named and one not')
})

test('the glossary is in order, and has every sign of the haircut’s formula', () => {
  const [terms = '', signs = ''] = read('docs/glossary.md').split('## What `explain` prints')
  const names = [...terms.matchAll(/^\| \*\*(.+?)\*\*/gm)].map(([, name = '']) => name.toLowerCase())
  assert.ok(names.length > 60)
  assert.deepEqual(names, names.toSorted())
  const [, formula = ''] = read('spec/haircut.md').split('## The formula')
  const block = formula.split('\n\n`S_h`')[0] ?? ''
  const left = [...block.matchAll(/^ {4}(\w+)(?:\(\w\))? +(?==)/gm)].map(([, sign]) => sign)
  assert.ok(left.length > 10)
  for (const sign of [...left, 'q', 'g', 'Q', 'H_min', 'L_q', 'H_LR'])
    assert.match(signs, new RegExp(`^\\| \`${sign}\\b`, 'm'), sign)
})

test('docs/data.md has the rows that docs/backtest.md judged', () => {
  const data = [
    ...read('docs/data.md').matchAll(
      /^\| (\w+) \| [A-E].*? \| ([\d,]+) \| (\S+ \S+) \| (\S+ \S+) \|.*`([0-9a-f]{64})`/gm,
    ),
  ]
  assert.equal(data.length, 16)
  assert.equal(new Set(data.map(([, , , , , sum]) => sum)).size, 16)
  const page = read('docs/backtest.md')
  const count = (text: string | undefined) => Number(text?.replaceAll(',', ''))
  for (const [, asset = '', rows] of data) {
    const [, hours] = new RegExp(`^(?:### ${asset}: |\\| ${asset} \\| )([\\d,]+)`, 'm').exec(page) ?? []
    const expected = count(rows) - Math.min(365 * 24, Math.floor(count(rows) / 3))
    const away = expected - count(hours)
    assert.ok(
      away >= 0 && away < 10,
      `${asset}: ${hours} hours of ${rows} rows, where an hour after a gap is not judged`,
    )
  }
})
