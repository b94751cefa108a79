import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rootUp, WAD } from '@omnimargin/core/wad'
import { joinBars, parseBars } from '@omnimargin/risk/bars'
import { fitTerms } from '@omnimargin/risk/fit'
import { correlationOf, momentsOf } from '@omnimargin/risk/moments'
import { type Exposure, requirementOf } from '@omnimargin/risk/requirement'
import { makePrices, type Shape } from '@omnimargin/risk/synthetic'
import type { Terms } from '@omnimargin/risk/terms'
import fc from 'fast-check'
import { legOf, percent, seriesOf, TERMS, usd } from './scenes.ts'

const SHAPE: Shape = {
  seed: 3n,
  start: 0,
  interval: 3_600,
  bars: 2_600,
  assets: ['A', 'B'].map((symbol) => ({
    symbol,
    first: usd(100),
    deviation: percent(1),
    common: percent(80),
    digits: 3,
  })),
}
const withBasis = (basisRate: bigint): Terms => ({
  ...TERMS,
  underlyings: new Map([...TERMS.underlyings].map(([name, terms]) => [name, { ...terms, basisRate }])),
})
const made = (shape: Shape) =>
  [...makePrices(shape)].map(([symbol, bars]) =>
    joinBars(symbol, [parseBars(symbol, bars.map(({ time, cells }) => `${time},${cells.join(',')}`).join('\n'))]),
  )

test('CAP-10 rates are the worst move within four hours, rounded up, by hand', () => {
  // Up by 25 % and down by 20 %: against a short the first is worse.
  const terms = fitTerms(TERMS, [seriesOf('A', [100, 125, 125, 125, 125, 100, 100, 100, 100, 100, 100, 100])])
  assert.equal(terms.underlyings.get('A')?.maintenanceRate, percent(25))
  assert.equal(terms.underlyings.get('A')?.initialRate, percent(25))
  assert.deepEqual(terms.underlyings.get('B'), TERMS.underlyings.get('B'))
  // sqrt(60 / 14,400) = 0.0645...
  assert.equal(terms.chains.get('x')?.maintenanceLegShare, (WAD * 65n) / 1000n)
  assert.deepEqual(terms.credits, [])
})

test('CAP-10 a lone position posts the worst move, whatever part of it is called basis', () => {
  const worst = [seriesOf('A', [100, 125, 125, 125, 125, 100, 100, 100, 100, 100, 100, 100])]
  const cases: [bigint, bigint, bigint, bigint][] = [
    // Basis, the fitted rate, what 1,000 dollars alone post (25 %, or the basis where that is more), and a matched pair of them.
    [0n, percent(25), usd(250), 0n],
    [percent(1), percent(24), usd(250), usd(20)],
    [WAD / 2000n, (WAD * 2495n) / 10_000n, usd(250), usd(1)],
    [percent(30), 0n, usd(300), usd(600)],
  ]
  for (const [basisRate, rate, alone, matched] of cases) {
    const { underlyings, ...terms } = fitTerms(withBasis(basisRate), worst)
    assert.equal(underlyings.get('A')?.maintenanceRate, rate)
    assert.equal(underlyings.get('A')?.initialRate, rate)
    const long = { leg: legOf('x', 'A', 1_000), signed: usd(1_000) }
    const short = { leg: legOf('y', 'A', -1_000), signed: -usd(1_000) }
    const initialMarginOf = (exposures: Exposure[]) =>
      requirementOf(exposures, { ...terms, underlyings }, 'local').initialMargin
    assert.equal(initialMarginOf([long]), alone)
    assert.equal(initialMarginOf([short]), alone)
    assert.equal(initialMarginOf([long, short]), matched)
  }
})

test('CAP-10 the same prices twice earn all of the credit that is kept, independent ones next to none', () => {
  const [a, b] = made(SHAPE)
  assert(a && b)
  assert.equal(fitTerms(TERMS, [a, { ...a, symbol: 'B' }]).credits[0]?.ratio, percent(85))
  const [strange] = made({ ...SHAPE, seed: 4n })
  assert(strange)
  const [apart = { ratio: 0n }] = fitTerms(TERMS, [a, { ...strange, symbol: 'B' }]).credits
  const [together = { ratio: 0n }] = fitTerms(TERMS, [a, b]).credits
  assert(apart.ratio < percent(35) && apart.ratio < together.ratio && together.ratio < percent(85))
})

test('CAP-10 less than one stretch in common earns no credit', () => {
  const [a, b] = made({ ...SHAPE, bars: 2_100 })
  assert(a && b)
  assert.deepEqual(fitTerms(TERMS, [a, b]).credits, [])
})

test('CAP-10 the root is the least whose square is enough', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 60n }), (value) => {
      const root = rootUp(value)
      assert(root * root >= value)
      assert(root === 0n || (root - 1n) ** 2n < value)
    }),
  )
})

test('CAP-23 made-up prices are made from their seed alone, and are bars', () => {
  assert.deepEqual(makePrices(SHAPE), makePrices(SHAPE))
  const [a, b] = made(SHAPE)
  assert(a && b)
  const { deviation, kurtosis } = momentsOf(a)
  assert(deviation > percent(1) / 2n && deviation < percent(2))
  assert(kurtosis > 4n * WAD)
  // The share of the move made together, squared: 0.64.
  assert(correlationOf(a, b) > percent(50) && correlationOf(a, b) < percent(78))
})
