import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lateAt, widen } from '@omnimargin/core/lateness'
import { computeMargin, type Margin, type Portfolio, type Position, type Underlying } from '@omnimargin/core/margin'
import { abs, max, min, mulDown, mulUp, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { NOTHING, portfolio, ratio, UNDERLYING, UNDERLYINGS, VENUE, wad } from './portfolios.ts'

/** Where a law compares one rounded sum with several: each of the terms may differ by a few units. */
const DUST = 64n

type Requirement = 'initialMargin' | 'maintenanceMargin'
const GRADES: Requirement[] = ['initialMargin', 'maintenanceMargin']

/** Concentration looks at the account's size, so that it is the one term that splitting an account escapes. */
function withoutConcentration(p: Portfolio): Portfolio {
  return { ...p, underlyings: p.underlyings.map((u) => ({ ...u, concentrationRate: 0n })) }
}

function requireAll(relation: (grade: Requirement) => boolean): void {
  for (const grade of GRADES) assert.ok(relation(grade), grade)
}

function sumOf(margins: readonly Margin[], grade: Requirement): bigint {
  return margins.reduce((total, margin) => total + margin[grade], 0n)
}

test('MRG-04 netting never costs more than no netting, and a limit never less for being larger', () => {
  fc.assert(
    fc.property(portfolio.map(withoutConcentration), (p) => {
      const netted = computeMargin(p)
      const alone = p.positions.map((each) => computeMargin({ ...p, positions: [each] }))
      requireAll((grade) => netted[grade] <= sumOf(alone, grade))
      const larger = p.positions.map((each): Position => ({ ...each, buyOut: each.buyOut + wad(1) }))
      const charged = computeMargin({ ...p, positions: larger })
      requireAll((grade) => charged[grade] + DUST >= netted[grade])
    }),
  )
})

test('MRG-30 the requirement rises with every rate, leg share, concentration rate and loss share, and falls with depth', () => {
  fc.assert(
    fc.property(portfolio, ratio, (p, up) => {
      const more = (value: bigint) => value + mulDown(WAD - value, up)
      const raise = (change: (u: Underlying) => Partial<Underlying>) => ({
        ...p,
        underlyings: p.underlyings.map((u) => ({ ...u, ...change(u) })),
      })
      const harsher: Portfolio[] = [
        raise((u) => ({ basisRate: more(u.basisRate) })),
        raise((u) => ({ concentrationRate: more(u.concentrationRate) })),
        raise((u) => ({ depth: mulDown(u.depth, up) })),
        { ...p, venueLossShare: more(p.venueLossShare) },
        { ...p, credits: p.credits.map((credit) => ({ ...credit, ratio: mulDown(credit.ratio, up) })) },
        {
          ...p,
          venues: p.venues.map((v) => ({
            initialLegShare: more(v.initialLegShare),
            maintenanceLegShare: more(v.maintenanceLegShare),
          })),
        },
      ]
      const before = computeMargin(p)
      for (const after of harsher.map(computeMargin)) requireAll((grade) => after[grade] >= before[grade])
      // A shock to all prices of one size is a rate for all underlyings.
      const doubled = computeMargin(
        raise((u) => ({ initialRate: u.initialRate * 2n, maintenanceRate: u.maintenanceRate * 2n })),
      )
      requireAll((grade) => doubled[grade] + DUST >= before[grade])
    }),
  )
})

test('MRG-30 one rate alone lowers it only where an underlying shares more than half of its risk', () => {
  fc.assert(
    fc.property(portfolio, fc.nat(UNDERLYINGS - 1), ratio, (drawn, raised, up) => {
      const credits = drawn.credits.map((credit) => ({ ...credit, ratio: credit.ratio / 2n }))
      const p = { ...drawn, credits, venues: [FREE, FREE, FREE], venueLossShare: 0n }
      const more = (value: bigint) => value + up / 20n
      const harsher = p.underlyings.map((u, i) =>
        i === raised ? { ...u, initialRate: more(u.initialRate), maintenanceRate: more(u.maintenanceRate) } : u,
      )
      const [before, after] = [computeMargin(p), computeMargin({ ...p, underlyings: harsher })]
      requireAll((grade) => after[grade] + DUST >= before[grade])
    }),
    { numRuns: 2_000, endOnFailure: true },
  )
  // Twice as much long as short: of a dollar more at risk in the short, 0.6 offset as much of the long's.
  const leg = { quote: 0n, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n, venue: 0 }
  const positions = [
    { ...leg, size: wad(2), underlying: 0 },
    { ...leg, size: -wad(1), underlying: 1 },
  ]
  const at = (initialRate: bigint) => ({
    ...NOTHING,
    positions,
    underlyings: [UNDERLYING, { ...UNDERLYING, initialRate }],
    venues: [VENUE],
    credits: [{ first: 0, second: 1, ratio: (6n * WAD) / 10n }],
  })
  const free = (p: Portfolio) => computeMargin({ ...p, venues: [FREE] }).initialMargin
  assert.ok(free(at(WAD / 5n)) < free(at(WAD / 10n)))
})

test('MRG-31 silence only adds to what a leg is charged, in a straight line up to its whole rate', () => {
  const seconds = fc.nat(10_000)
  fc.assert(
    fc.property(ratio, seconds, fc.integer({ min: 1, max: 10_000 }), seconds, seconds, (share, from, span, a, b) => {
      const at = (silence: number) => widen(share, lateAt(BigInt(silence), from, from + span))
      assert.ok(at(Math.max(a, b)) >= at(Math.min(a, b)))
      assert.equal(at(0), share)
      assert.equal(at(from), share)
      assert.equal(at(from + span), WAD)
      const steepest = (WAD - share) / BigInt(span) + 2n
      assert.ok(at(a + 1) - at(a) <= steepest)
    }),
  )
})

test('MRG-32 a flat pair costs its latency, basis and venue loss, to the unit, and never more than un-netted', () => {
  const size = fc.bigInt({ min: 1n, max: wad(1_000) })
  fc.assert(
    fc.property(size, ratio, (held, venueLossShare) => {
      const leg = { quote: 0n, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n, underlying: 0 }
      const pair = [
        { ...leg, size: held, venue: 0 },
        { ...leg, size: -held, venue: 1 },
      ]
      const venues = [VENUE, { initialLegShare: WAD, maintenanceLegShare: WAD / 2n }]
      const p: Portfolio = { ...NOTHING, positions: pair, underlyings: [UNDERLYING], venues, venueLossShare }
      const notional = mulUp(held, wad(2_000))
      const margin = computeMargin(p)
      const risk = mulUp(notional, UNDERLYING.initialRate)
      const latency = venues.map((v) => mulUp(risk, v.initialLegShare))
      const basis = mulUp(2n * notional, UNDERLYING.basisRate)
      assert.equal(margin.initialMargin, basis + (latency[0] ?? 0n) + (latency[1] ?? 0n) + mulUp(risk, venueLossShare))
      const alone = pair.map((one) => computeMargin({ ...p, positions: [one] }))
      requireAll((grade) => margin[grade] <= sumOf(alone, grade))
    }),
  )
})

test('MRG-33 splitting an account never lowers the total, concentration aside', () => {
  fc.assert(
    fc.property(portfolio.map(withoutConcentration), fc.array(ratio, { minLength: 6, maxLength: 6 }), (p, shares) => {
      const part = (whole: bigint, i: number) => mulDown(whole, shares[i] ?? 0n)
      const one = p.positions.map((each, i) => ({
        ...each,
        size: part(each.size, i),
        buyOut: part(each.buyOut, i),
        sellOut: part(each.sellOut, i),
      }))
      const other = p.positions.map((each, i) => ({
        ...each,
        size: each.size - (one[i]?.size ?? 0n),
        buyOut: each.buyOut - (one[i]?.buyOut ?? 0n),
        sellOut: each.sellOut - (one[i]?.sellOut ?? 0n),
      }))
      const whole = computeMargin(p)
      const parts = [one, other].map((positions) => computeMargin({ ...p, positions }))
      requireAll((grade) => whole[grade] <= sumOf(parts, grade) + DUST)
    }),
  )
})

test('MRG-34 netting never goes below the loss of the worst scenario, and there is one that loses that much', () => {
  const half = { ...UNDERLYING, basisRate: 0n, concentrationRate: 0n }
  const free = { initialLegShare: 0n, maintenanceLegShare: 0n }
  fc.assert(
    fc.property(portfolio, (drawn) => {
      const positions = drawn.positions.map((each) => ({ ...each, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n }))
      const underlyings = drawn.underlyings.map(({ price }) => ({ ...half, price }))
      const p = { ...drawn, positions, underlyings, venues: [free, free, free], venueLossShare: 0n }
      const worst = scenarios(p).reduce((most, moves) => max(most, lossOf(p, moves)), 0n)
      const { initialMargin } = computeMargin(p)
      assert.ok(initialMargin + DUST >= worst, 'above the worst loss')
      assert.ok(initialMargin <= worst + DUST, 'no scenario loses that much')
    }),
  )
})

test('MRG-35 a venue lost: the rest is required in part at least, whatever it offset there', () => {
  fc.assert(
    fc.property(portfolio.map(withoutConcentration), (p) => {
      const margin = computeMargin(p)
      for (const venue of p.venues.keys()) {
        if (!p.positions.some((each) => each.venue === venue)) continue
        const rest = p.positions.filter((each) => each.venue !== venue)
        const bare = { ...p, positions: rest, credits: [], venueLossShare: 0n, venues: p.venues.map(() => FREE) }
        const underlyings = p.underlyings.map((u) => ({ ...u, basisRate: 0n }))
        const positions = rest.map((each) => ({ ...each, band: 0n, initialBand: 0n }))
        const left = computeMargin({ ...bare, underlyings, positions })
        requireAll((grade) => margin[grade] >= mulUp(left[grade], p.venueLossShare))
      }
    }),
  )
})

test('MRG-36 beyond the depth every dollar of net notional is charged, and none below it', () => {
  const at = (size: bigint, depth: bigint) =>
    computeMargin({
      ...NOTHING,
      positions: [{ size, quote: 0n, buyOut: 0n, sellOut: 0n, band: 0n, initialBand: 0n, underlying: 0, venue: 0 }],
      underlyings: [{ ...UNDERLYING, depth, price: wad(1) }],
      venues: [VENUE],
    }).maintenanceMargin
  assert.equal(at(wad(100), wad(100)), at(wad(100), wad(1_000)))
  assert.equal(at(wad(300), wad(100)) - at(wad(300), wad(1_000)), wad(10))
})

/** The largest that an underlying's own part of its maintenance rate, and a line's haircut, leave room for. */
function largestDiscount({ lines, underlyings, credits }: Portfolio): bigint {
  const own = underlyings.map(({ maintenanceRate }, u) => {
    const shared = credits.flatMap(({ first, second, ratio }) => (first === u || second === u ? [ratio] : []))
    return mulDown(maintenanceRate, WAD - shared.reduce((sum, ratio) => sum + ratio, 0n))
  })
  return [...own, ...lines.map(({ maintenanceHaircut }) => maintenanceHaircut)].reduce(min)
}

/** With one line, all of it counted, and nothing charged but what the prices may move. */
function bared({ lines, underlyings, venues, ...rest }: Portfolio): Portfolio {
  return {
    ...rest,
    lines: lines.slice(0, 1).map((each) => ({ ...each, counted: each.units })),
    underlyings: underlyings.map((each) => ({ ...each, basisRate: 0n, concentrationRate: 0n })),
    venues: venues.map(() => ({ initialLegShare: 0n, maintenanceLegShare: 0n })),
    venueLossShare: 0n,
  }
}

test('MRG-08 an account that meets maintenance pays for being taken over, however it offsets, if no haircut is below the discount', () => {
  fc.assert(
    fc.property(portfolio.map(bared), (p) => {
      const { equity, exposure, maintenanceMarginBalance, maintenanceMargin } = computeMargin(p)
      const price = equity - mulUp(exposure, largestDiscount(p))
      assert.ok(price + DUST >= maintenanceMarginBalance - maintenanceMargin)
    }),
    { numRuns: 5_000, endOnFailure: true },
  )
})

test('MRG-03 more collateral never raises a requirement', () => {
  fc.assert(
    fc.property(portfolio, (p) => {
      const [bare, held] = [computeMargin({ ...p, lines: [] }), computeMargin(p)]
      requireAll((grade) => bare[grade] === held[grade])
    }),
  )
})

const FREE = { initialLegShare: 0n, maintenanceLegShare: 0n }

/** The corners: each underlying moves by its own part of the rate, and by each part that it shares with another. */
function scenarios({ credits }: Portfolio): bigint[][] {
  const own = Array.from({ length: UNDERLYINGS }, (_, u) =>
    credits.reduce((left, { first, second, ratio }) => (first === u || second === u ? left - ratio : left), WAD),
  )
  const factors = UNDERLYINGS + credits.length
  return Array.from({ length: 1 << factors }, (_, corner) => {
    const sign = (factor: number) => ((corner >> factor) & 1 ? 1n : -1n)
    return own.map((part, u) =>
      credits.reduce(
        (move, { first, second, ratio }, i) =>
          first === u || second === u ? move + sign(UNDERLYINGS + i) * ratio : move,
        sign(u) * part,
      ),
    )
  })
}

/** What the positions lose if each underlying moves by that share (1e18) of its initial rate. */
function lossOf({ positions, underlyings }: Portfolio, moves: readonly bigint[]): bigint {
  const loss = positions.reduce((total, { size, underlying }) => {
    const { initialRate: rate = 0n, price = 0n } = underlyings[underlying] ?? {}
    return total - size * price * rate * (moves[underlying] ?? 0n)
  }, 0n)
  return loss < 0n ? 0n : abs(loss) / WAD ** 3n
}
