import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Step } from '@omnimargin/core/deposit'
import { GAS_LIMIT, lackOf, type Purse } from '@omnimargin/service/deposit/gas'

const purse = (chainId: number, coin: bigint, gasPrice: bigint): Purse => ({
  chain: { name: 'any', chainId, rpc: [], checkpointInterval: 1, roots: '0x', batch: '0x', emitters: [] },
  coin,
  gasPrice,
})
const STEPS: readonly Step[] = [{ kind: 'open_line' }, { kind: 'approve', units: 7n }, { kind: 'deposit', units: 7n }]

test('DEP-05 each chain’s transactions are paid there, and a coin that is deposited is needed beside them', () => {
  const [home, there] = [3n * GAS_LIMIT, 10n * GAS_LIMIT]
  const needs = (homeCoin: bigint, thereCoin: bigint, steps = STEPS, isCoin = false) => {
    const lack = lackOf(steps, { home: purse(1, homeCoin, 3n), there: purse(2, thereCoin, 5n) }, isCoin)
    return lack && [lack.chain.chainId, lack.needed]
  }
  assert.equal(needs(home, there), undefined)
  assert.deepEqual(needs(home - 1n, there), [1, home])
  assert.deepEqual(needs(home, there - 1n), [2, there])
  assert.deepEqual(needs(0n, there, STEPS.slice(1)), undefined, 'nothing is sent at home where the line is open')
  const coin: Step[] = [{ kind: 'deposit', units: 7n }]
  assert.equal(needs(0n, there / 2n + 7n, coin, true), undefined)
  assert.deepEqual(needs(0n, there / 2n + 6n, coin, true), [2, there / 2n + 7n])
})

test('DEP-05 on the clearing’s own chain one wallet pays for all of it', () => {
  const one = (coin: bigint) => ({ home: purse(1, coin, 3n), there: purse(1, coin, 3n) })
  assert.equal(lackOf(STEPS, one(9n * GAS_LIMIT), false), undefined)
  assert.equal(lackOf(STEPS, one(9n * GAS_LIMIT - 1n), false)?.needed, 9n * GAS_LIMIT)
})
