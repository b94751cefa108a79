import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { address } from '@omnimargin/service/deployment'
import { z } from 'zod'

const schema = z
  .strictObject({
    clearing: z.strictObject({ address, chainId: z.int() }),
    port: z.int(),
    limits: z.record(z.string().regex(/^[a-z]+$/, 'must be small letters'), z.string()).optional(),
  })
  .describe('the role writes one')
const FINE = { clearing: { address: `0x${'Ab'.repeat(20)}`, chainId: 3 }, port: 80 }

function fault(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'omnimargin-test-'))
  const file = join(folder, 'role.json')
  writeFileSync(file, content)
  try {
    readConfig(file, schema)
    return 'none'
  } catch (failure) {
    assert.ok(failure instanceof ConfigError)
    assert.equal(failure.retry, false)
    return failure.message.replaceAll(`${folder}/`, '')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const TABLE: [string, unknown, RegExp][] = [
  [
    'a wrong address',
    { ...FINE, clearing: { ...FINE.clearing, address: '0x12' } },
    /^role\.json:3 clearing\.address: must be an address/,
  ],
  ['a missing key', { clearing: { chainId: 3 }, port: 80 }, /^role\.json:2 clearing\.address: is missing: add it/],
  ['an unknown field', { ...FINE, ports: 81 }, /^role\.json:7 .*unknown field "ports": remove or correct it/],
  [
    'a number without quotes',
    { ...FINE, limits: { a: 5 } },
    /^role\.json:8 limits\.a: is a number: put it in quotes\.$/,
  ],
  ['a wrong name', { ...FINE, limits: { A5: '5' } }, /^role\.json:8 limits\.A5: must be small letters\.$/],
  ['a number in quotes', { ...FINE, port: '80' }, /^role\.json:6 port: .*expected number/i],
]
for (const [name, content, message] of TABLE) {
  test(`ROL-05 ${name} is named with its line and the cure`, () => {
    assert.match(fault(JSON.stringify(content, null, 2)), message)
  })
}

test('ROL-05 of more faults than a screen has lines for it is told how many there are', () => {
  const limits = Object.fromEntries(Array.from({ length: 25 }, (_, i) => ['a'.repeat(i + 1), i]))
  const lines = fault(JSON.stringify({ ...FINE, limits }, null, 2)).split('\n')
  assert.equal(lines.length, 21)
  assert.equal(lines.at(-1), 'role.json: and 5 more.')
})

test('ROL-05 what is not JSON is named with its line, and what there should be', () => {
  assert.match(fault('{\n  "port": 80,\n}'), /^role\.json:3 is not JSON \(.+\): the role writes one\.$/)
  assert.match(fault('# A\n\npage'), /^role\.json:1 is not JSON \(.* page.*\): the role writes one\.$/, 'in one line')
})

test('ROL-05 a good file is read, addresses in lower case', () => {
  assert.equal(fault(JSON.stringify(FINE)), 'none')
})
