import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portfolioOf } from '@omnimargin/core/ledger'
import { computeMargin, isLiquidatable } from '@omnimargin/core/margin'
import { WAD } from '@omnimargin/core/wad'
import { contagionOf, loseAll, type Outcome } from '@omnimargin/risk/contagion'
import { damageOf } from '@omnimargin/risk/contagion/damage'
import { impactOf, proceedsOf, spansOf } from '@omnimargin/risk/contagion/impact'
import { type Node, nodesOf, type System } from '@omnimargin/risk/contagion/system'
import { InputError } from '@omnimargin/risk/errors'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { computeHaircut } from '@omnimargin/risk/estimate/haircut'
import fc from 'fast-check'
import { flowOf, isBelowStraight, loseStraight } from './straight.ts'
import {
  account,
  busySystems,
  dollars,
  ETH,
  ETH_FAST,
  ETH_HOME,
  FAST,
  HOME,
  idOf,
  NODES,
  NOW,
  SLOW,
  someNodes,
  systemWith,
  traders,
  USDC,
  USDC_FAST,
  USDC_HOME,
  WETH_SLOW,
  wad,
} from './systems.ts'

/** Margins are rounded in a few places for each of a few accounts. */
const ROUNDING = 1_000n
const fast: Node = { kind: 'chain', chainId: FAST }
const slow: Node = { kind: 'chain', chainId: SLOW }

const venue: Node = NODES.find(({ kind }) => kind === 'venue') ?? assert.fail('no venue')

/** At least as much is lost in `more`. */
function assertNoLess(more: Outcome, less: Outcome, failed: readonly Node[]): void {
  const gone = new Set([...more.below, ...failed.flatMap((node) => (node.kind === 'account' ? [node.id] : []))])
  assert.ok(
    less.below.every((id) => gone.has(id)),
    'somebody was saved',
  )
  assert.ok(more.badDebt >= less.badDebt - ROUNDING, `${more.badDebt} after ${less.badDebt}`)
}

test('CTG-01 at the end another round would close nobody, and there were no more rounds than accounts', () => {
  fc.assert(
    fc.property(traders, someNodes, (accounts, lost) => {
      const system = thin(systemWith(accounts))
      const { below, rounds } = loseAll(system, lost)
      assert.ok(rounds <= accounts.length)
      const damage = damageOf(system, lost)
      const failed = lost.flatMap((node) => (node.kind === 'account' ? [node.id] : []))
      const closed = new Set([...failed, ...below])
      const spans = spansOf(system, damage, flowOf(system.ledger, damage, closed))
      const isBelow = isBelowStraight(system, damage, spans)
      for (const id of system.ledger.accounts.keys()) if (!closed.has(id)) assert.equal(isBelow(id), false)
    }),
  )
})

test('CTG-02 losing more never loses less', () => {
  fc.assert(
    fc.property(traders, someNodes, someNodes, (accounts, some, others) => {
      const system = thin(systemWith(accounts))
      const all = NODES.filter((node) => some.includes(node) || others.includes(node))
      assertNoLess(loseAll(system, all), loseAll(system, some), all)
    }),
    { numRuns: 300 },
  )
})

test('CTG-03 a thinner or wilder market, and a greater factor, never lose less', () => {
  const times = fc.bigInt({ min: 1n, max: 50n })
  fc.assert(
    fc.property(traders, someNodes, times, times, times, (accounts, lost, thinner, wilder, factor) => {
      const calm = systemWith(accounts)
      const depths = calm.depths.map(({ stressed, dailyVolatility, fall }) => {
        return { stressed: stressed / thinner, dailyVolatility: dailyVolatility * wilder, fall }
      })
      const stressedThere = [1n, 10n, 100n].map((times) => wad(1_000_000) / (times * thinner))
      const wild = { ...calm, depths, stressedThere, impactFactor: calm.impactFactor * factor }
      assertNoLess(loseAll(wild, lost), loseAll(calm, lost), lost)
    }),
  )
})

test('CTG-04 a position in a closed market that has its price is money, and nothing to sell', () => {
  const open = systemWith([account({ [USDC_FAST]: dollars(10_000) }, { [ETH_HOME]: wad(20) })])
  const settled = { ...open, ledger: { ...open.ledger, priced: new Map([[ETH_HOME, wad(2_000)]]) } }
  const failed: Node = { kind: 'account', id: idOf(0) }
  assert.ok(loseAll(open, [failed]).deepestFall > 0n)
  const { spans } = loseAll(settled, [failed])
  assert.deepEqual(spans.get(ETH), { low: wad(2_000), high: wad(2_000) })
})

test('CTG-04 the loss of a lone account, to the unit', () => {
  // Its 10,000 USDC are gone, and its 20 ETH are sold: 40,000 of 400,000,000 dollars, a root of 1 %, at 4 % a day.
  const lone = systemWith([account({ [USDC_FAST]: dollars(10_000) }, { [ETH_HOME]: wad(20) })])
  const lost = loseAll(lone, [fast])
  assert.deepEqual([lost.below, lost.atOnce, lost.rounds], [[idOf(0)], [idOf(0)], 0])
  assert.equal(lost.spans.get(ETH)?.low, (wad(2_000) * 9_996n) / 10_000n)
  assert.equal(lost.badDebt, wad(16))
  assert.equal(lost.marginGone, wad(9_800))
  assert.equal(loseAll({ ...lone, insurance: wad(10) }, [fast]).uncovered, wad(6))
  assert.equal(loseAll({ ...lone, insurance: wad(17) }, [fast]).uncovered, 0n)
  // A quarter of the volume is twice the root.
  const thinner = lone.depths.map((depth) => ({ ...depth, stressed: depth.stressed / 4n }))
  assert.equal(loseAll({ ...lone, depths: thinner }, [fast]).badDebt, wad(32))
  // The issuer's loss of half leaves 5,000 dollars, and no bad debt.
  const half = loseAll({ ...lone, issuers: [{ name: 'Circle', listings: [USDC_FAST], loss: WAD / 2n }] }, [
    { kind: 'issuer', issuer: 0 },
  ])
  assert.deepEqual([half.marginGone, half.badDebt, half.below], [wad(4_900), 0n, []])
  // ETH at 1,200: 16,000 lost of 10,000. Its USDC are sold too: a root of 0.1 % at 1 % a day, and the same there.
  const fallen = loseAll(lone, [{ kind: 'asset', feed: ETH }])
  assert.equal(fallen.spans.get(ETH)?.low, (wad(1_200) * 9_996n) / 10_000n)
  const short = wad(6_000) + (wad(20 * 1_200) * 4n) / 10_000n
  assert.equal(fallen.badDebt, short + wad(10_000) - (wad(10_000) * 99_999n ** 2n) / 100_000n ** 2n)
})

test('CTG-12 collateral is sold where it is locked: what that costs is what its haircut has for it', () => {
  // 40,000 dollars of 400,000,000 anywhere and of 4,000,000 there: roots of 1 % and 10 %, at 4 % a day.
  const failed = (parts: Partial<System>) => {
    const system = systemWith([account({ [WETH_SLOW]: wad(20) }, {}, -wad(39_900))], parts)
    return loseAll(system, [{ kind: 'account', id: idOf(0) }])
  }
  const got = (wad(40_000) * 9_996n * 996n) / (10_000n * 1_000n)
  assert.equal(failed({}).badDebt, wad(39_900) - got)
  // The index is that of all places: others see no more of it than the first root.
  assert.equal(failed({}).spans.get(ETH)?.low, (wad(2_000) * 9_996n) / 10_000n)
  // A day of 4 % is an hour of 4 % * 2.326 / root of 24, of 99 in 100.
  const inputs = {
    quantile: (0.04 * 2.326) / Math.sqrt(24),
    longRunQuantile: 0,
    gap: 0,
    spread: 0,
    held: 0,
    amount: 40_000,
    finalitySeconds: 0,
    latencyTailSeconds: 0,
    heartbeatAgeSeconds: 0,
    depthPerDay: 20_000_000,
    depthLeft: 0.2,
    oracleAgeSeconds: 0,
    oracleConfidence: 0,
    peg: 0,
    failuresPerYear: 0,
    lossGivenFailure: 0,
    least: 0,
  }
  const system = systemWith([account({ [WETH_SLOW]: wad(20) })])
  const flow = flowOf(system.ledger, damageOf(system, []), [idOf(0)])
  const [proceeds = 0n] = proceedsOf(system, flow)
  const { liquidity } = computeHaircut(inputs, DEFAULTS).terms
  assert.ok(Math.abs(1 - Number(proceeds) / 1e18 - liquidity) < 1e-15)
})

test('CTG-12 what a short stands against need not be sold there, and what is lost stands against nothing', () => {
  const there = (lost: readonly Node[], ...sizes: bigint[]) => {
    const [near = 0n, far = 0n] = sizes
    const system = systemWith([account({ [WETH_SLOW]: wad(20) }, { [ETH_HOME]: near, [ETH_FAST]: far })])
    return flowOf(system.ledger, damageOf(system, lost), [idOf(0)]).soldThere.get(WETH_SLOW) ?? 0n
  }
  assert.equal(there([]), wad(40_000))
  assert.equal(there([], wad(5)), wad(40_000))
  assert.equal(there([], -wad(5)), wad(30_000))
  assert.equal(there([], -wad(20)), 0n)
  assert.equal(there([], 0n, -wad(20)), 0n)
  assert.equal(there([fast], 0n, -wad(20)), wad(40_000))
})

test('CTG-04 who is dragged down by the selling of others is told apart', () => {
  const borrower = account({ [USDC_FAST]: dollars(800_000) }, { [ETH_HOME]: wad(4_000) })
  // 200 dollars above maintenance, which is 5.5 % of 40,000: 10 dollars of a fall are enough.
  const near = account({ [USDC_HOME]: dollars(2_424) }, { [ETH_HOME]: wad(20) })
  const far = account({ [USDC_HOME]: dollars(50_000) }, { [ETH_HOME]: wad(20) })
  const { atOnce, below, rounds } = loseAll(systemWith([borrower, near, far]), [fast])
  assert.deepEqual([atOnce, below, rounds], [[idOf(0)], [idOf(0), idOf(1)], 1])
})

test('CTG-04 what was sold short is bought back, at a price that rises', () => {
  const short = systemWith([account({ [USDC_FAST]: dollars(10_000) }, { [ETH_HOME]: -wad(20) })])
  const { spans, badDebt } = loseAll(short, [fast])
  assert.deepEqual(spans.get(ETH), { low: wad(2_000), high: (wad(2_000) * 10_004n) / 10_000n })
  assert.equal(badDebt, wad(16))
})

test('CTG-04 who has nothing but collateral and a debt is dragged down by its price, too', () => {
  const borrower = account({ [USDC_FAST]: dollars(800_000) }, { [ETH_HOME]: wad(4_000) })
  // 17,000 are counted of 20,000; half a percent less is 85.
  const debtor = account({ [WETH_SLOW]: wad(10) }, {}, -wad(16_950))
  const { atOnce, below } = loseAll(systemWith([borrower, debtor]), [fast])
  assert.deepEqual([atOnce, below], [[idOf(0)], [idOf(0), idOf(1)]])
})

test('CTG-05 a leg at a lost venue is charged in full', () => {
  // 2,000 at its rate and 200 of basis, and for its leg 100 in calm: all of 2,000 once the venue is lost.
  const far = (collateral: number) => account({ [USDC_HOME]: dollars(collateral) }, { [ETH_FAST]: wad(20) })
  const system = systemWith([far(2_400), far(4_200), far(4_300)])
  assert.deepEqual(loseAll(system, []).below, [])
  assert.deepEqual(loseAll(system, [venue]).atOnce, [idOf(0), idOf(1)])
})

test('CTG-05 a pair is not hurt by a price that moves, and a leg that is lost sets nothing off', () => {
  const pair = account({ [USDC_HOME]: dollars(12_000) }, { [ETH_HOME]: wad(60), [ETH_FAST]: -wad(60) })
  const system = systemWith([pair])
  const fall = loseAll(system, [{ kind: 'asset', feed: ETH }])
  assert.deepEqual([fall.below, fall.badDebt], [[], 0n])
  const flow = (lost: readonly Node[]) => {
    const { sold, bought } = flowOf(system.ledger, damageOf(system, lost), [idOf(0)])
    return [sold.get(ETH) ?? 0n, bought.get(ETH) ?? 0n]
  }
  assert.deepEqual(flow([]), [0n, 0n])
  assert.deepEqual(flow([fast]), [wad(120_000), 0n])
  const other = systemWith([account({}, { [ETH_HOME]: -wad(60), [ETH_FAST]: wad(60) })])
  const { sold, bought } = flowOf(other.ledger, damageOf(other, [venue]), [idOf(0)])
  assert.deepEqual([sold.get(ETH), bought.get(ETH)], [undefined, wad(120_000)])
  const { below, badDebt } = loseAll(system, [venue, { kind: 'asset', feed: ETH }])
  assert.deepEqual(below, [idOf(0)])
  // The long loses 800 on each of 60 and more by being sold, the short's gain is not there to pay it.
  assert.ok(badDebt >= wad(60 * 800 - 12_000))
})

test('CTG-06 impact is the root of what is sold out of what is there, and never more than all', () => {
  const impact = (sold: bigint, factor = WAD) => impactOf(sold, wad(250_000), WAD / 10n, factor)
  assert.equal(impact(0n), 0n)
  assert.equal(impact(wad(2_500)), WAD / 100n)
  assert.equal(impact(wad(250_000)), WAD / 10n)
  assert.equal(impact(wad(1_000_000), 2n * WAD), (4n * WAD) / 10n)
  assert.equal(impact(wad(1_000_000_000)), WAD)
})

test('CTG-07 with nothing lost and nothing sold, an account is below maintenance where the clearing says so', () => {
  fc.assert(
    fc.property(traders, (accounts) => {
      const system = systemWith(accounts)
      const { atOnce, marginGone } = loseAll(system, [])
      const liquidatable = [...system.ledger.accounts.keys()].filter((id) => {
        const portfolio = portfolioOf(system.ledger, id, NOW)
        return typeof portfolio !== 'string' && isLiquidatable(computeMargin(portfolio))
      })
      assert.deepEqual([atOnce, marginGone], [liquidatable, 0n])
    }),
  )
})

test('CTG-07 what an account owes of funding is settled first', () => {
  const long = account({ [USDC_HOME]: dollars(5_000) }, { [ETH_HOME]: wad(20) })
  const calm = systemWith([long])
  const at = (index: bigint) => ({ ...calm, ledger: { ...calm.ledger, funding: new Map([[ETH_HOME, index]]) } })
  // 4,950 are counted, 2,200 asked for: 137.50 on each of 20 are left to pay.
  assert.deepEqual(loseAll(at(wad(137)), []).below, [])
  assert.deepEqual(loseAll(at(wad(138)), []).below, [idOf(0)])
})

test('CTG-08 every chain, route, issuer and price that may fail is a node once, the clearing’s own chain is none', () => {
  assert.deepEqual(
    nodesOf(systemWith([])).map(({ kind }) => kind),
    ['asset', 'issuer', 'chain', 'chain', 'vault', 'vault', 'venue'],
  )
  assert.throws(() => loseAll(systemWith([]), [{ kind: 'chain', chainId: HOME }]), /own chain cannot be lost/)
})

test('CTG-09 the costliest is first, alone and of two, and two chains lost cost what neither does alone', () => {
  const half = account({ [WETH_SLOW]: wad(10), [USDC_FAST]: dollars(20_000) }, { [ETH_HOME]: wad(20) })
  const { single, pairs, calm, margin } = contagionOf(systemWith([half]))
  assert.deepEqual([calm.below, calm.badDebt, margin], [[], 0n, wad(17_000 + 19_600)])
  assert.equal(single.length, 8)
  assert.equal(pairs.length, (8 * 7) / 2)
  for (const outcomes of [single, pairs]) {
    for (const [i, { badDebt }] of outcomes.entries()) assert.ok(i === 0 || (outcomes[i - 1]?.badDebt ?? 0n) >= badDebt)
  }
  for (const { lost, badDebt } of single) {
    if (lost.some(({ kind }) => kind === 'chain')) assert.equal(badDebt, 0n)
  }
  const both = pairs.find(({ lost }) => lost.every(({ kind }) => kind === 'chain'))
  assert.deepEqual(both?.lost, [slow, fast])
  assert.ok(both && both.badDebt > 0n)
})

test('CTG-10 an account whose margin cannot be told is refused by name', () => {
  const system = systemWith([account({ [USDC_HOME]: dollars(1) })])
  const prices = new Map(system.ledger.prices).set(USDC, { price: WAD, publishTime: NOW - 61n })
  const late = { ...system, ledger: { ...system.ledger, prices } }
  assert.throws(
    () => contagionOf(late),
    (failure) => failure instanceof InputError && failure.message.includes(`${idOf(0)}: it holds what has no price`),
  )
})

test('CTG-13 what is told of every failure is what judging every account anew each time tells, to the unit', () => {
  fc.assert(
    fc.property(busySystems, (system) => {
      const { calm, single, pairs } = contagionOf(system)
      for (const { deepestFall: _, ...outcome } of [calm, ...single, ...pairs])
        assert.deepEqual(outcome, loseStraight(system, outcome.lost))
    }),
    { numRuns: 15, endOnFailure: true },
  )
})

/** A market in which closing a few accounts moves the price. */
function thin(system: System): System {
  const depths = system.depths.map((depth) => ({ ...depth, stressed: depth.stressed / 200n }))
  return { ...system, depths, stressedThere: [wad(500_000), wad(50_000), wad(100_000)] }
}
