import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountIn, applyEvents, EMPTY_LEDGER, type Ledger, type LedgerEvent, upToDate } from '@omnimargin/core/ledger'
import { WAD } from '@omnimargin/core/wad'
import { DEBTOR, ID, NOW } from './ledgers.ts'
import { wad } from './portfolios.ts'

const after = (events: LedgerEvent[], ledger: Ledger = EMPTY_LEDGER) => applyEvents(ledger, events)
const index = (value: bigint): LedgerEvent => ({ eventName: 'FundingIndexChanged', args: { market: 3n, index: value } })
const position = (account: typeof ID, size: bigint, cash = 0n): LedgerEvent => ({
  eventName: 'PositionChanged',
  args: { account, market: 3n, size, quote: 0n, cash },
})

test('CLR-08 who owes, since when, and who is put up is known from events; so is a debt that ends', () => {
  const debt = (debtSince: number, isPutUp: boolean): LedgerEvent => ({
    eventName: 'DebtChanged',
    args: { account: ID, debtSince, isPutUp },
  })
  const since = Number(NOW)
  const owing = after([debt(since, false), { eventName: 'CashChanged', args: { account: ID, cash: -5n } }])
  const { cash, debtSince, isPutUp } = accountIn(owing, ID)
  assert.deepEqual([cash, debtSince, isPutUp], [-5n, NOW, false])
  assert.equal(accountIn(after([debt(since, true)], owing), ID).isPutUp, true)
  assert.equal(accountIn(after([debt(0, false)], owing), ID).debtSince, 0n)
})

test('CLR-08 what of a listing’s inflow is used up is known from events', () => {
  const inflow = (used: bigint, at: bigint): LedgerEvent => ({
    eventName: 'InflowChanged',
    args: { listing: 2n, used, at },
  })
  const ledger = after([inflow(7n, NOW), inflow(9n, NOW + 1n)])
  assert.deepEqual(ledger.inflow, new Map([[2, { used: 9n, at: NOW + 1n }]]))
})

test('CLR-08 events one by one or many at once make the same ledger, and leave the one before as it was', () => {
  const events = [
    index(wad(5)),
    position(ID, wad(10)),
    index(wad(6)),
    position(DEBTOR, -wad(10)),
    position(ID, wad(12)),
  ]
  const whole = after(events)
  const parts = events.map((_, i) => after(events.slice(0, i)))
  for (const [i, part] of parts.entries()) assert.deepEqual(after(events.slice(i), part), whole)
  assert.deepEqual(
    parts.map(({ accounts }) => accounts.get(ID)?.positions.get(3)?.size),
    [undefined, undefined, wad(10), wad(10), wad(10)],
  )
})

test('CLR-08 what funding an account has not settled is known from events, rounded against it', () => {
  const before = after([index(wad(5)), position(ID, wad(10)), position(DEBTOR, -wad(10)), index(wad(7) + 1n)])
  assert.equal(upToDate(before, ID).cash, -wad(20) - 10n, 'nothing of what grew before the position')
  assert.equal(upToDate(before, DEBTOR).cash, wad(20) + 10n)
  const odd = after([position(ID, 3n), position(DEBTOR, -3n), index(WAD / 2n)])
  assert.deepEqual([upToDate(odd, ID).cash, upToDate(odd, DEBTOR).cash], [-2n, 1n])
  const falling = after([position(ID, 3n), index(-WAD / 2n)])
  assert.equal(upToDate(falling, ID).cash, 1n)
  const paid: LedgerEvent[] = [
    { eventName: 'FundingPaid', args: { account: ID, market: 3n, index: wad(7) + 1n } },
    { eventName: 'CashChanged', args: { account: ID, cash: -wad(20) - 10n } },
  ]
  assert.deepEqual(accountIn(after(paid, before), ID), upToDate(before, ID))
  const grown = after([...paid, position(ID, wad(20), -wad(20) - 10n), index(wad(8) + 1n)], before)
  assert.equal(upToDate(grown, ID).cash, -wad(40) - 10n)
})
