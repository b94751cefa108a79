import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import { type Account, accountIn, applyEvents, isMargined, type Ledger, portfolioOf } from '@omnimargin/core/ledger'
import { computeMargin, meetsInitial } from '@omnimargin/core/margin'
import { salePriceOf, unitsFor } from '@omnimargin/core/settlement'
import { abs, WAD } from '@omnimargin/core/wad'
import { type Around, type Plan, planWithdrawal, take, type Wish } from '@omnimargin/core/withdrawal'
import fc from 'fast-check'
import {
  account,
  clearingWith,
  DEBTOR,
  debtor,
  ETH_FAST,
  held,
  ID,
  line,
  NOW,
  OWNER,
  PARAMETERS,
  trader,
  USDC_FAST,
  USDC_HOME,
} from './ledgers.ts'
import { ratio, wad } from './portfolios.ts'

const dollars = (n: number) => BigInt(n) * 10n ** 6n
const wish = (units: bigint): Wish => ({ account: ID, holder: OWNER, listing: USDC_FAST, units })
const AROUND: Around = {
  now: NOW,
  isYoung: true,
  isProven: true,
  free: 0n,
  underWay: 0n,
  unopened: 0n,
  pool: 10n ** 15n,
}
const OTHER = accountOf(`0x${'e'.repeat(40)}`)

function planFor(own: Account, others: Account[], units: bigint, around: Partial<Around> = {}): Plan {
  const ids = [DEBTOR, OTHER]
  const rest = others.map((one, i): [typeof ID, Account] => [ids[i] ?? OTHER, one])
  return planWithdrawal(clearingWith([ID, own], ...rest), wish(units), { ...AROUND, ...around })
}

function sumOf({ free, underWay, released, bought, queued }: Plan): bigint {
  return free + underWay + released + bought + queued
}

const inputs = fc.record({
  own: trader,
  others: fc.tuple(debtor, debtor),
  units: fc.bigInt({ min: 0n, max: dollars(60_000) }),
  around: fc.record({
    isYoung: fc.boolean(),
    isProven: fc.boolean(),
    free: fc.constantFrom(0n, dollars(7)),
    underWay: fc.constantFrom(0n, dollars(5)),
    unopened: fc.constantFrom(0n, dollars(300)),
    pool: fc.constantFrom(0n, dollars(9)),
  }),
})

test('WIT-01 cash pays for the most units that do not cost more than it', () => {
  fc.assert(
    fc.property(
      ...[fc.bigInt({ min: 0n, max: wad(1_000_000) }), fc.constantFrom(1n, 10n ** 6n, WAD, 10n ** 36n)],
      ...[fc.bigInt({ min: 1n, max: wad(100_000) }), ratio],
      (cash, unit, price, discount) => {
        const units = unitsFor(cash, { unit, price, discount })
        if (units === 'any') return assert.equal(discount, WAD)
        assert.ok(salePriceOf(units, { unit, price, discount }) <= cash)
        assert.ok(salePriceOf(units + 1n, { unit, price, discount }) > cash)
      },
    ),
  )
})

test('WIT-02 what is free, under way, released, bought and queued is what was wanted', () => {
  fc.assert(
    fc.property(inputs, ({ own, others, units, around }) => {
      const plan = planFor(own, others, units, around)
      assert.equal(sumOf(plan), units)
      assert.equal(plan.queued > 0n, plan.wait !== undefined)
      assert.ok([plan.free, plan.underWay, plan.released, plan.bought, plan.queued].every((part) => part >= 0n))
    }),
  )
})

/** What was bought of the first debtor counted as margin while it was bought of the second, and then was released. */
const UNIT_BY_UNIT = {
  own: account({
    cash: 1489858638813559433025n,
    lines: [line(USDC_FAST, 0n), line(USDC_HOME, 7n, 5n)],
    positions: held(1, { size: -26440566975n, quote: 52827858684500n, fundedTo: -WAD }),
  }),
  others: [
    account({ cash: -990000000000n, debtSince: NOW, lines: [line(USDC_FAST, 1n)] }),
    account({ cash: -1489858637850000000000n, debtSince: NOW, isPutUp: true, lines: [line(USDC_FAST, 1504907715n)] }),
  ] as [Account, Account],
  units: 1504907716n,
  around: { isYoung: true, isProven: true, free: 0n, underWay: 0n, unopened: 0n, pool: 0n },
}

test('WIT-03 no step breaks initial margin, takes more than there is, or pays with cash that is not there', () => {
  fc.assert(
    fc.property(inputs, ({ own, others, units, around }) => {
      const ledger = clearingWith([ID, own], [DEBTOR, others[0]], [OTHER, others[1]])
      const plan = planWithdrawal(ledger, wish(units), { ...AROUND, ...around })
      plan.steps.reduce((before: Ledger, step) => {
        const after = take(before, wish(units), step)
        if (step.kind === 'buy') {
          assert.ok(accountIn(before, step.seller).isPutUp)
          assert.ok(accountIn(after, step.seller).cash <= 0n && accountIn(after, ID).cash >= 0n)
        }
        for (const { lines } of after.accounts.values())
          for (const { units, counted } of lines) assert.ok(units >= counted && counted >= 0n)
        if (step.kind === 'release' || step.kind === 'buy') {
          const margin = portfolioOf(after, ID, NOW)
          assert.ok(typeof margin !== 'string')
          assert.ok(!isMargined(accountIn(after, ID)) || meetsInitial(computeMargin(margin)))
        }
        return after
      }, ledger)
    }),
    { numRuns: 400, examples: [[UNIT_BY_UNIT]] },
  )
})

test('WIT-04 nothing wanted, nothing done; carried out, the rest of the plan is what is under way', () => {
  fc.assert(
    fc.property(inputs, ({ own, others, units, around }) => {
      const nothing = planFor(own, others, 0n, around)
      assert.deepEqual([nothing.steps, sumOf(nothing)], [[], 0n])
      const ledger = clearingWith([ID, own], [DEBTOR, others[0]], [OTHER, others[1]])
      const all = { ...AROUND, ...around }
      const plan = planWithdrawal(ledger, wish(units), all)
      const end = plan.steps.reduce((before, step) => take(before, wish(units), step), ledger)
      const underWay = all.underWay + plan.released + plan.bought
      const again = planWithdrawal(end, wish(units), { ...all, underWay })
      assert.equal(again.free + again.underWay, units - plan.queued)
    }),
  )
})

test('WIT-05 the own line gives as much as margin allows, and its uncounted units first', () => {
  // 20,000 of notional at 10 %, 0.5 % of basis and 0.5 % for the leg, against 97 % of what is counted.
  const own = (counted: bigint) =>
    account({
      lines: [line(USDC_FAST, dollars(9_700), counted)],
      positions: held(0, { size: wad(10), quote: -wad(20_000) }),
    })
  const part = planFor(own(dollars(9_700)), [], dollars(9_700))
  const kept = dollars(9_700) - part.released
  assert.ok(part.released > 0n && part.queued > 0n)
  assert.deepEqual(part.wait, { why: 'margin', own: kept })
  const far = planFor(own(dollars(9_700)), [], dollars(1_000_000))
  assert.deepEqual(
    [far.released, far.wait],
    [part.released, { why: 'margin', own: kept }],
    'what it never had is not margin',
  )
  const uncounted = planFor(own(kept), [], dollars(9_700))
  assert.equal(uncounted.released, part.released, 'what is not counted needs no margin')
  assert.deepEqual(planFor(own(dollars(9_700)), [], dollars(1)).steps, [
    { kind: 'release', index: 0, units: dollars(1) },
  ])
})

test('WIT-06 a winner without a line buys what a debtor must sell, at its price, and queues what is not due', () => {
  const winner = account({ cash: wad(6_000) })
  const due = account({ cash: -wad(6_000), debtSince: NOW - 1n, lines: [line(USDC_FAST, dollars(50_000))] })
  const plan = planFor(winner, [due], dollars(2_000))
  assert.deepEqual(plan.steps, [
    { kind: 'open_line', units: 0n },
    { kind: 'put_up', debtor: DEBTOR },
    { kind: 'buy', seller: DEBTOR, index: 0, units: dollars(2_000), price: wad(1_980) },
    { kind: 'release', index: 0, units: dollars(2_000) },
  ])
  const small = account({ ...due, cash: -wad(4_000) })
  const later = planFor(winner, [small], dollars(2_000))
  assert.deepEqual([later.steps, later.queued], [[], dollars(2_000)])
  assert.deepEqual(later.wait, { why: 'debt_not_due', until: NOW - 1n + 86_400n })
  const up = planFor(winner, [{ ...small, isPutUp: true }], dollars(5_000))
  assert.deepEqual(
    up.steps.map(({ kind }) => kind),
    ['open_line', 'buy', 'release'],
  )
  assert.equal(up.bought, 4_040_404_040n, 'no more than pays the debt')
  assert.deepEqual(up.wait, { why: 'nobody_owes' })
})

test('WIT-09 what was granted and never opened is opened, and released as far as margin allows', () => {
  const plan = planFor(account(), [], dollars(70), { unopened: dollars(50) })
  assert.deepEqual(plan.steps, [
    { kind: 'open_line', units: dollars(50) },
    { kind: 'release', index: 0, units: dollars(50) },
  ])
  assert.deepEqual([plan.queued, plan.wait], [dollars(20), { why: 'no_cash' }])
  const short = account({ cash: wad(1_000), positions: held(0, { size: wad(10) }) })
  const opened = planFor(short, [], dollars(70), { unopened: dollars(50) })
  assert.deepEqual(opened.steps, [{ kind: 'open_line', units: dollars(50) }], 'open, it counts for the account')
  assert.deepEqual([opened.queued, opened.wait], [dollars(70), { why: 'margin', own: dollars(50) }])
})

test('WIT-07 what is queued says why, in the order of the codes', () => {
  const winner = account({ cash: wad(6_000) })
  const up = account({ cash: -wad(6_000), debtSince: NOW, isPutUp: true, lines: [line(USDC_FAST, dollars(50_000))] })
  const limited = held(1, { sellOut: wad(1) })
  const elsewhere = [line(USDC_FAST, 0n, 0n, `0x${'f'.repeat(40)}`)]
  const full = Array.from({ length: 16 }, () => line(USDC_HOME, 0n))
  const table: [Account, Account[], Partial<Around>, string][] = [
    [winner, [up], { now: NOW + 1_000n }, 'prices_old'],
    [{ ...winner, positions: limited }, [up], { isProven: false }, 'records_old'],
    [account({ cash: wad(1_000), positions: held(0, { size: wad(10) }) }), [up], {}, 'margin'],
    [{ ...winner, lines: elsewhere }, [up], {}, 'line_of_another'],
    [{ ...winner, lines: full }, [up], {}, 'too_many_lines'],
    [account(), [up], {}, 'no_cash'],
    [winner, [up], { isYoung: false }, 'round_trip_old'],
    [winner, [{ ...up, isPutUp: false, cash: -1n }], {}, 'debt_not_due'],
    [winner, [], {}, 'nobody_owes'],
  ]
  for (const [own, others, around, why] of table) {
    const plan = planFor(own, others, dollars(1_000), around)
    assert.deepEqual([plan.wait?.why, plan.queued, plan.steps], [why, dollars(1_000), []])
  }
})

test('WIT-07 what a guardian holds waits until then, and what needs a price of a closed venue for that', () => {
  const own = account({ lines: [line(USDC_FAST, dollars(9))], positions: held(ETH_FAST, { size: wad(1) }) })
  const ledger = clearingWith([ID, own])
  const closed = { ...ledger, closed: new Map([[PARAMETERS.markets[ETH_FAST]?.venue ?? 0, NOW - 1n]]) }
  assert.deepEqual(planWithdrawal(closed, wish(dollars(9)), AROUND).wait, { why: 'close_price' })
  const { chainId, vault: peer } = ledger.listings[USDC_FAST] ?? assert.fail()
  const frozen = applyEvents(closed, [{ eventName: 'Frozen', args: { chainId, peer, until: NOW + 9n } }])
  const plan = planWithdrawal(frozen, wish(dollars(9)), { ...AROUND, free: dollars(4), underWay: dollars(3) })
  assert.deepEqual([plan.free, plan.underWay, plan.queued], [4, 3, 2].map(dollars))
  assert.deepEqual([plan.wait, plan.steps], [{ why: 'frozen', until: NOW + 9n }, []])
})

test('WIT-08 what is free goes first, then what is under way; what the pool lacks is told', () => {
  const own = account({ lines: [line(USDC_FAST, dollars(50))] })
  const plan = planFor(own, [], dollars(60), { free: dollars(20), underWay: dollars(15), pool: dollars(30) })
  const { free, underWay, released, queued, short } = plan
  assert.deepEqual([free, underWay, released, queued, short], [20, 15, 25, 0, 10].map(dollars))
  const settled = planFor(account({ cash: wad(100) }), [], dollars(10), { free: dollars(10) })
  assert.deepEqual([settled.steps, settled.queued], [[], 0n])
  assert.equal(abs(settled.short), 0n)
})
