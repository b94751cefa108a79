import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takenOf } from '@omnimargin/core/liquidation'
import { computeMargin, type Line, type Margin, unrealizedPnl } from '@omnimargin/core/margin'
import { book } from '@omnimargin/core/position'
import { abs, mulDown, mulTrunc, mulUp, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { line, money, NOTHING, portfolio, ratio, size, UNDERLYING, VENUE, wad } from './portfolios.ts'

test('MRG-01 a worked example, by hand', () => {
  const margin = computeMargin({
    ...NOTHING,
    cash: -wad(120_000),
    lines: [
      {
        units: wad(10),
        counted: wad(10),
        unit: WAD,
        price: wad(1_680),
        initialHaircut: WAD / 5n,
        maintenanceHaircut: (WAD * 15n) / 100n,
      },
      {
        units: 8_000_000_000n,
        counted: 8_000_000_000n,
        unit: 10n ** 6n,
        price: WAD,
        initialHaircut: (WAD * 3n) / 100n,
        maintenanceHaircut: WAD / 50n,
      },
    ],
    positions: [
      { size: wad(60), quote: 0n, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n, underlying: 0, venue: 0 },
    ],
    underlyings: [{ ...UNDERLYING, price: wad(1_680) }],
    venues: [VENUE],
  })
  const expected: Margin = {
    equity: wad(16_800 + 8_000 + 60 * 1_680 - 120_000),
    initialMarginBalance: wad(13_440 + 7_760 - 120_000),
    // 100,800 of notional at 10 % and 5 %, and for the leg 0.5 % of basis and a tenth of the rate.
    initialMargin: wad(10_080 + 504 + 1_008),
    maintenanceMarginBalance: wad(14_280 + 7_840 + 100_800 - 120_000),
    maintenanceMargin: wad(5_040 + 504 + 504),
    exposure: wad(16_800 + 8_000 + 100_800),
  }
  assert.deepEqual(margin, expected)
})

test('MRG-02 initial asks at least as much as maintenance, and never counts unrealized profit', () => {
  fc.assert(
    fc.property(portfolio, (p) => {
      const margin = computeMargin(p)
      assert.ok(margin.initialMargin >= margin.maintenanceMargin && margin.maintenanceMargin >= 0n)
      const priceOf = (u: number) => p.underlyings[u]?.price ?? 0n
      const pnl = p.positions.reduce((total, each) => total + unrealizedPnl(each, priceOf(each.underlying)), 0n)
      assert.ok(margin.initialMarginBalance <= margin.maintenanceMarginBalance + abs(pnl))
      const richer = { ...p, positions: p.positions.map((each) => ({ ...each, quote: each.quote + wad(1) })) }
      const gain = computeMargin(richer).initialMarginBalance - margin.initialMarginBalance
      if (pnl >= 0n) assert.equal(gain, 0n)
    }),
  )
})

test('MRG-03 more collateral or a smaller haircut never lowers a balance', () => {
  fc.assert(
    fc.property(portfolio, line, (p, extra) => {
      const before = computeMargin(p)
      const after = computeMargin({ ...p, lines: [...p.lines, extra] })
      assert.ok(after.initialMarginBalance >= before.initialMarginBalance)
      assert.ok(after.maintenanceMarginBalance >= before.maintenanceMarginBalance)
      const kinder = [
        { ...p, lines: p.lines.map((l) => ({ ...l, initialHaircut: l.initialHaircut / 2n })) },
        { ...p, lines: p.lines.map((l) => ({ ...l, maintenanceHaircut: l.maintenanceHaircut / 2n })) },
        { ...p, cashHaircut: p.cashHaircut / 2n },
      ]
      for (const kind of kinder.map(computeMargin)) {
        assert.ok(kind.initialMarginBalance >= before.initialMarginBalance)
        assert.ok(kind.maintenanceMarginBalance >= before.maintenanceMarginBalance)
      }
    }),
  )
})

test('MRG-09 a line is worth at most 2^128 - 1', () => {
  const huge: Line = {
    units: (1n << 112n) - 1n,
    counted: (1n << 112n) - 1n,
    unit: 1n,
    price: (1n << 96n) - 1n,
    initialHaircut: 0n,
    maintenanceHaircut: 0n,
  }
  const { equity, initialMarginBalance } = computeMargin({ ...NOTHING, lines: [huge] })
  assert.equal(equity, (1n << 128n) - 1n)
  assert.equal(initialMarginBalance, (1n << 128n) - 1n)
})

test('MRG-10 booking conserves quote plus realized, and a flat position keeps nothing', () => {
  fc.assert(
    fc.property(size, money, size, money, (at, quote, deltaSize, deltaQuote) => {
      const held = at === 0n ? 0n : quote
      const after = book(at, held, deltaSize, deltaQuote)
      assert.equal(after.quote + after.realized, held + deltaQuote)
      assert.equal(after.size, at + deltaSize)
      if (after.size === 0n) assert.equal(after.quote, 0n)
    }),
  )
})

const BOOKINGS: [string, [number, number, number, number], [number, number, number]][] = [
  ['opens', [0, 0, 10, -20_000], [10, -20_000, 0]],
  ['grows', [10, -20_000, 10, -22_000], [20, -42_000, 0]],
  ['halves at a profit', [10, -20_000, -5, 11_000], [5, -10_000, 1_000]],
  ['closes', [10, -20_000, -10, 19_000], [0, 0, -1_000]],
  ['crosses to short', [10, -20_000, -15, 33_000], [-5, 11_000, 2_000]],
  ['a round trip keeps the entry', [10, -20_000, 0, -50], [10, -20_000, -50]],
]
for (const [name, [at, quote, by, paid], [size_, kept, realized]] of BOOKINGS) {
  test(`MRG-10 a position ${name}`, () => {
    const expected = { size: wad(size_), quote: wad(kept), realized: wad(realized) }
    assert.deepEqual(book(wad(at), wad(quote), wad(by), wad(paid)), expected)
  })
}

const NO_OTHER = { value: 0n, kept: 0n }

test('LIQ-02 the share brings the account to its target, or is all of it', () => {
  const inputs = fc.record({
    equity: money,
    balance: money,
    requirement: fc.bigInt({ min: 1n, max: wad(1_000_000) }),
    exposure: fc.bigInt({ min: 0n, max: wad(1_000_000) }),
    discount: ratio,
    haircut: ratio,
    target: fc.bigInt({ min: WAD, max: 2n * WAD }),
  })
  fc.assert(
    fc.property(inputs, ({ equity, balance, requirement, exposure, discount, target, haircut }) => {
      fc.pre(balance < requirement)
      const margin = {
        equity,
        exposure,
        initialMarginBalance: balance,
        initialMargin: requirement,
        maintenanceMarginBalance: balance,
        maintenanceMargin: requirement,
      }
      const { share, payment } = takenOf(margin, NO_OTHER, discount, target, haircut)
      assert.ok(share > 0n && share <= WAD && payment >= 0n)
      if (share === WAD) return
      const left = balance - mulTrunc(balance, share) + mulDown(payment, WAD - haircut)
      const asked = mulUp(requirement - mulTrunc(requirement, share), target)
      // Each of the four roundings may miss by a unit, once scaled by the target.
      assert.ok(left + 8n >= asked, `${left} of ${asked}`)
    }),
  )
})

test('LIQ-07 what is not paid for makes up for what is missing, to the unit, or all of it goes', () => {
  const inputs = fc.record({
    equity: money,
    exposure: fc.bigInt({ min: 0n, max: wad(1_000_000) }),
    value: fc.bigInt({ min: 0n, max: wad(1_000_000) }),
    kept: fc.bigInt({ min: 0n, max: wad(1_000_000) }),
    discount: ratio,
  })
  fc.assert(
    fc.property(inputs, ({ equity, exposure, value, kept, discount }) => {
      const margin = {
        equity,
        exposure,
        initialMarginBalance: 0n,
        initialMargin: 0n,
        maintenanceMarginBalance: -WAD,
        maintenanceMargin: wad(1_000),
      }
      const { share, rest, payment } = takenOf(margin, { value, kept }, discount, WAD, 0n)
      assert.ok(rest === 0n || payment === 0n)
      const taken = mulDown(exposure, share) + mulDown(value, rest)
      const gained = mulTrunc(equity, share) + mulDown(value, rest) - payment - mulUp(taken, discount)
      // Four roundings, and a unit of a share is worth at most this much.
      const unit = (abs(equity) + exposure + value) / WAD + 4n
      assert.ok(gained <= unit, `${gained} above the discount`)
      if (share < WAD || rest < WAD) assert.ok(gained >= -unit, `${gained} below the discount`)
    }),
  )
})

test('LIQ-06 a second liquidation finds nothing to do, or there is nothing left', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: wad(10_000) }),
      fc.bigInt({ min: 1n, max: wad(10_000) }),
      (requirement, equity) => {
        fc.pre(equity > requirement / 2n)
        const balance = requirement - 1n
        const whole = {
          equity,
          exposure: 0n,
          initialMarginBalance: balance,
          initialMargin: requirement,
          maintenanceMarginBalance: balance,
          maintenanceMargin: requirement,
        }
        const { share, payment } = takenOf(whole, NO_OTHER, 0n, WAD, 0n)
        const keep = (value: bigint) => value - mulTrunc(value, share)
        assert.ok(share === WAD || keep(balance) + payment + 4n >= keep(requirement))
      },
    ),
  )
})
