import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findDifference } from '../fuzz/differential.ts'

// The million-case run is `npm run fuzz -- --cases 1000000`; its seed is drawn afresh, this one's is not.
test('MRG-01 a seeded sample of 100,000 portfolios has the same margin in Solidity and TypeScript, to the last unit', async () => {
  assert.equal(await findDifference(100_000, 20_231_015n), undefined)
})
