import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import { admit } from '@omnimargin/core/counting'
import {
  type Around,
  type Plan,
  planDeposit,
  REFUSALS,
  type Refusal,
  standingOf,
  type Wish,
} from '@omnimargin/core/deposit'
import { accountIn, type Ledger } from '@omnimargin/core/ledger'
import type { ListingTerms } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import { peerKey } from '@omnimargin/core/record'
import { min } from '@omnimargin/core/wad'
import { apply } from '@omnimargin/core/whatif'
import fc from 'fast-check'
import {
  account,
  CLEARING,
  clearingWith,
  FAST,
  HOME,
  ID,
  line,
  NOW,
  OWNER,
  PARAMETERS,
  USDC_FAST,
  USDC_HOME,
  WETH_FAST,
} from './ledgers.ts'

const dollars = (n: number) => BigInt(n) * 10n ** 6n
const HOLDER = `0x${'e'.repeat(40)}` as const
const wish = (units: bigint, more: Partial<Wish> = {}): Wish => ({
  account: ID,
  holder: OWNER,
  listing: USDC_FAST,
  units,
  ...more,
})
const AROUND: Around = { now: NOW, balance: 10n ** 30n, allowance: 0n, owned: 0n }

/** Where that listing has other terms. */
function withTerms(ledger: Ledger, listing: number, terms: Partial<ListingTerms>): Ledger {
  const listings = PARAMETERS.listings.map((each, i) => (i === listing ? { ...each, ...terms } : each))
  return { ...ledger, parameters: { ...PARAMETERS, listings } }
}

function planned(plan: Plan | Refusal): Plan {
  return typeof plan === 'string' ? assert.fail(plan) : plan
}

const caps = fc.record({
  cap: fc.constantFrom(0n, dollars(700), dollars(5_000)),
  accountCap: fc.constantFrom(dollars(600), dollars(5_000)),
  assetCap: fc.constantFrom(650n * 10n ** 6n, 5_000n * 10n ** 6n),
  burst: fc.constantFrom(0n, dollars(300), dollars(5_000)),
  refillTime: fc.constantFrom(1, 600),
})

test('DEP-01 what was wanted counts or waits, and as much counts as the clearing counts of a line that grows by it', () => {
  fc.assert(
    fc.property(
      ...[caps, fc.constantFrom(USDC_FAST, USDC_HOME), fc.boolean()],
      ...[fc.bigInt({ min: 0n, max: dollars(900) }), fc.bigInt({ min: 0n, max: 100n })],
      fc.bigInt({ min: 1n, max: dollars(2_000) }),
      (terms, listing, isOpen, held, share, units) => {
        const before = isOpen ? [line(listing, held, (held * share) / 100n)] : []
        const ledger = withTerms(clearingWith([ID, account({ lines: before })]), listing, terms)
        const asked = wish(units, { listing })
        const plan = planned(planDeposit(ledger, asked, { ...AROUND, owned: isOpen ? held : 0n }))
        assert.equal(plan.counts + plan.waits, units)
        assert.equal(plan.wait !== undefined, plan.waits > 0n)
        const after = apply(ledger, ID, { kind: 'deposit', listing, units }, { now: NOW, homeChain: HOME })
        if (typeof after === 'string') assert.fail(after)
        const [grown] = accountIn(after, ID).lines
        assert.ok(grown)
        assert.equal(plan.waits, min(units, grown.units - grown.counted))
        const learned = standingOf(after, asked, NOW)
        assert.deepEqual([learned.counts, learned.waits], [plan.counts, plan.waits])
        assert.equal(learned.wait?.why, plan.wait?.why)
      },
    ),
  )
})

test('DEP-01 what was granted before and is not learned yet counts first', () => {
  const ledger = withTerms(clearingWith([ID, account({ lines: [line(USDC_FAST, 0n)] })]), USDC_FAST, {
    accountCap: dollars(100),
  })
  const plan = planned(planDeposit(ledger, wish(dollars(50)), { ...AROUND, owned: dollars(80) }))
  assert.deepEqual([plan.counts, plan.waits], [dollars(20), dollars(30)])
})

test('DEP-02 what waits says for which limit, the narrowest, and for how long if that is known', () => {
  const grown = clearingWith([ID, account({ lines: [line(USDC_FAST, dollars(10))] })])
  const waitOf = (ledger: Ledger, listing = USDC_FAST) => {
    const owned = listing === USDC_FAST ? dollars(10) : 0n
    const plan = planned(planDeposit(ledger, wish(dollars(100), { listing }), { ...AROUND, owned }))
    return [plan.counts, plan.wait]
  }
  const of = (terms: Partial<ListingTerms>) => waitOf(withTerms(grown, USDC_FAST, terms))
  assert.deepEqual(waitOf(grown), [dollars(100), undefined])
  const tight = withTerms(grown, USDC_FAST, { cap: dollars(40) })
  assert.equal(admit(tight, USDC_FAST, dollars(30), dollars(10), NOW).limit, undefined, 'what just fits is not limited')
  assert.equal(admit(tight, USDC_FAST, dollars(31), dollars(10), NOW).limit, 'listing_cap')
  assert.deepEqual(of({ cap: dollars(40) }), [dollars(30), { why: 'listing_cap' }])
  assert.deepEqual(of({ accountCap: dollars(30) }), [dollars(20), { why: 'account_cap' }])
  assert.deepEqual(of({ capPrice: 10n ** 34n }), [0n, { why: 'vault_cap' }])
  assert.deepEqual(of({ assetCap: 60n * 10n ** 6n }), [dollars(50), { why: 'asset_cap' }])
  const slow = { burst: dollars(40), refillTime: 20 }
  assert.deepEqual(of(slow), [dollars(40), { why: 'inflow', until: NOW + 30n }])
  assert.deepEqual(of({ ...slow, accountCap: dollars(30) }), [dollars(20), { why: 'account_cap' }])
  assert.deepEqual(of({ burst: 0n, refillTime: 20 }), [0n, { why: 'inflow' }], 'a burst of nothing never fills up')
  const used = { ...withTerms(grown, USDC_FAST, slow), inflow: new Map([[USDC_FAST, { used: dollars(40), at: NOW }]]) }
  assert.deepEqual(waitOf(used), [0n, { why: 'inflow', until: NOW + 50n }])
  // On the clearing's own chain nothing waits for others' deposits.
  assert.deepEqual(waitOf(withTerms(grown, USDC_HOME, slow), USDC_HOME), [dollars(100), undefined])

  const late = { ...grown, heard: new Map([[vaultPeer(0), NOW - 3_600n]]) }
  assert.deepEqual(waitOf(late), [0n, { why: 'vault' }])
  const tripped = { ...grown, tripped: new Set([vaultPeer(0)]) }
  assert.deepEqual(waitOf(tripped), [0n, { why: 'vault' }])
  const vault = CLEARING.listings[USDC_FAST]?.vault ?? assert.fail()
  const frozen = { ...tripped, frozen: new Map([[peerKey(FAST, vault), NOW + 60n]]) }
  assert.deepEqual(waitOf(frozen), [0n, { why: 'frozen', until: NOW + 60n }])
})

test('DEP-02 once there is room again, what waits is for anyone to have counted', () => {
  const ledger = clearingWith([ID, account({ lines: [line(USDC_FAST, dollars(10), dollars(4))] })])
  const standing = standingOf(ledger, wish(dollars(8)), NOW)
  assert.deepEqual(standing, { counts: dollars(2), waits: dollars(6), wait: { why: 'room' } })
})

test('DEP-02 the time is that of what there is no room for yet', () => {
  const ledger = withTerms(
    clearingWith([ID, account({ lines: [line(USDC_FAST, dollars(100), dollars(60))] })]),
    USDC_FAST,
    { burst: dollars(40), refillTime: 20 },
  )
  const used = { ...ledger, inflow: new Map([[USDC_FAST, { used: dollars(25), at: NOW }]]) }
  const { waits, wait } = standingOf(used, wish(dollars(50)), NOW)
  assert.deepEqual([waits, wait], [dollars(40), { why: 'inflow', until: NOW + 13n }])
})

test('DEP-03 a deposit that cannot be made has a code, the first that holds', () => {
  const most = 2n ** 112n - 1n
  const full = account({ lines: Array.from({ length: 16 }, () => line(WETH_FAST, 1n)) })
  const another = { account: accountOf(HOLDER) }
  const over = { ...CLEARING, over: new Set([vaultPeer(0)]) }
  const unset: Ledger = { ...CLEARING, parameters: { ...PARAMETERS, listings: PARAMETERS.listings.slice(0, 1) } }
  const [none, poor] = [
    { ...AROUND, balance: 0n },
    { ...AROUND, balance: 6n },
  ]
  const cases: [Refusal, Ledger, Wish, Around][] = [
    ['not_listed', over, wish(most + 1n, { listing: -1 }), none],
    ['not_listed', { ...CLEARING, parameters: undefined }, wish(7n, { listing: 3 }), none],
    ['no_parameters', { ...over, parameters: undefined }, wish(most + 1n), none],
    ['no_parameters', unset, wish(7n), AROUND],
    ['vault_over', over, wish(most + 1n), none],
    ['amount_too_large', CLEARING, wish(most + 1n, another), none],
    ['amount_too_large', CLEARING, wish(most), { ...AROUND, owned: 1n, balance: most }],
    ['too_little', CLEARING, wish(7n, another), poor],
    ['not_the_owner', clearingWith([another.account, full]), wish(7n, another), AROUND],
    ['too_many_lines', clearingWith([ID, full]), wish(7n), AROUND],
  ]
  for (const [code, ledger, asked, around] of cases) assert.equal(planDeposit(ledger, asked, around), code)
  assert.deepEqual([...new Set(cases.map(([code]) => code))], [...REFUSALS])
  planned(planDeposit(CLEARING, wish(7n), { ...AROUND, balance: 7n }))
})

test('DEP-03 who is not the owner deposits into a line that the owner opened for them, and into no other', () => {
  const theirs = { holder: HOLDER }
  const opened = clearingWith([ID, account({ lines: [line(USDC_FAST, 0n, 0n, HOLDER)] })])
  const { steps } = planned(planDeposit(opened, wish(7n, theirs), { ...AROUND, allowance: 7n }))
  assert.deepEqual(steps, [{ kind: 'deposit', units: 7n }])
  const owners = clearingWith([ID, account({ lines: [line(USDC_FAST, 0n)] })])
  assert.equal(planDeposit(owners, wish(7n, theirs), AROUND), 'not_the_owner')
})

test('DEP-04 a line is opened once, what is approved is what is deposited, and a coin needs no approval', () => {
  const open = clearingWith([ID, account({ lines: [line(USDC_FAST, 5n)] })])
  const stepsOf = (ledger: Ledger, allowance: Around['allowance']) =>
    planned(planDeposit(ledger, wish(7n), { ...AROUND, owned: 5n, allowance })).steps
  const deposit = { kind: 'deposit', units: 7n }
  assert.deepEqual(stepsOf(CLEARING, 0n), [{ kind: 'open_line' }, { kind: 'approve', units: 7n }, deposit])
  assert.deepEqual(stepsOf(open, 7n), [deposit])
  assert.deepEqual(stepsOf(open, 8n), [deposit])
  assert.deepEqual(stepsOf(open, 6n), [{ kind: 'approve', units: 0n }, { kind: 'approve', units: 7n }, deposit])
  assert.deepEqual(stepsOf(open, 'coin'), [deposit])
})
