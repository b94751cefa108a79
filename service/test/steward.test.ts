import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '@omnimargin/core/account'
import { within } from '@omnimargin/core/bounds'
import type { LedgerEvent } from '@omnimargin/core/ledger'
import { packParameters } from '@omnimargin/core/parameters'
import { abs, max, WAD } from '@omnimargin/core/wad'
import fc from 'fast-check'
import { BOUNDS } from '../src/devnet/bounds.ts'
import { PARAMETERS } from '../src/devnet/parameters.ts'
import { LEAST_REACH, movesOf, type StewardState, step, type Target } from '../src/steward/step.ts'
import {
  AS_POSTED,
  address,
  arrived,
  at,
  blank,
  heardAt,
  INTERVAL,
  LISTINGS,
  line,
  measured,
  NOW,
  OWNER,
  POLICY,
  percent,
  prices,
  set,
  started,
  targets,
} from './stewards.ts'

const ratio = fc.bigInt({ min: 0n, max: WAD })
const haircuts = fc.tuple(ratio, ratio).map(([a, b]) => ({ fast: max(a, b), slow: a + b - max(a, b) }))

test('STW-01 a post moves haircuts alone, within the bounds, toward their targets, maintenance never above initial', () => {
  const world = fc.record({
    current: fc.array(haircuts, { minLength: 3, maxLength: 3 }),
    wanted: fc.array(haircuts, { minLength: 3, maxLength: 3 }),
    steps: fc.array(fc.bigInt({ min: 0n, max: percent(20) }), { minLength: 20, maxLength: 20 }),
    reach: fc.bigInt({ min: LEAST_REACH, max: WAD }),
  })
  fc.assert(
    fc.property(world, ({ current, wanted, steps, reach }) => {
      const listings = PARAMETERS.listings.map((terms, i) => {
        const { fast, slow } = current[i] ?? assert.fail()
        return { ...terms, initialHaircut: fast, maintenanceHaircut: slow }
      })
      const parameters = { ...PARAMETERS, listings }
      const bounds = BOUNDS.map((bound, i) => ({ ...bound, rise: steps[i] ?? 0n, fall: steps[i + 10] ?? 0n }))
      const moves = movesOf(parameters, new Map(wanted.map(arrived).entries()), bounds, reach)
      const next = listings.map((terms, i) => {
        const { initial, maintenance } = moves[i] ?? assert.fail()
        assert.ok(maintenance.to <= initial.to)
        // Where they do not meet, each is on its way; a bound that was narrowed may hold it where it is.
        if (maintenance.to < initial.to) {
          for (const { from, to, target } of [initial, maintenance]) {
            const [low, high] = from < target ? [from, target] : [target, from]
            assert.ok(low <= to && to <= high)
            assert.ok(abs(target - to) <= abs(target - from))
          }
        }
        return { ...terms, initialHaircut: initial.to, maintenanceHaircut: maintenance.to }
      })
      assert.equal(
        within(packParameters(parameters), packParameters({ ...parameters, listings: next }), bounds),
        undefined,
      )
    }),
    { numRuns: 500 },
  )
})

test('STW-01 what no bound names stays, and a whole step goes as far as the bound', () => {
  const wanted = targets({ fast: percent(50), slow: percent(50) })
  const [move] = movesOf(PARAMETERS, wanted, BOUNDS, WAD)
  assert.deepEqual([move?.initial.to, move?.maintenance.to], [percent(25), percent(16)])
  const [still] = movesOf(PARAMETERS, wanted, [], WAD)
  assert.deepEqual([still?.initial.to, still?.maintenance.to], [percent(20), percent(15)])
})

test('STW-13 what governance has shed stays shed, whatever is measured of it', () => {
  const listings = PARAMETERS.listings.map((one, i) =>
    i === 0 ? { ...one, initialHaircut: WAD, maintenanceHaircut: WAD } : one,
  )
  const [shed] = movesOf({ ...PARAMETERS, listings }, targets({ fast: percent(20), slow: percent(15) }), BOUNDS, WAD)
  assert.deepEqual([shed?.initial.to, shed?.maintenance.to], [WAD, WAD])
  const state = started(set({ ...PARAMETERS, listings }))
  assert.deepEqual(measured(state, targets({ fast: percent(20), slow: percent(15) })).effects, [])
})

test('STW-09 a cap is cut toward what its depth allows, by half a post whatever the reach, and none is raised', () => {
  const [weth] = PARAMETERS.listings
  const { cap } = weth ?? assert.fail()
  const [still] = AS_POSTED
  assert.ok(still)
  const cutTo = (state: StewardState, target: bigint | undefined) => {
    const [effect] = measured(state, targets({ ...still, cap: target })).effects
    if (effect === undefined) return undefined
    assert.ok(effect.type === 'post' && effect.why === 'moved')
    const [listing, ...others] = effect.parameters.listings
    assert.deepEqual(others, PARAMETERS.listings.slice(1))
    assert.deepEqual({ ...listing, cap }, weth, 'nothing else is cut')
    assert.equal(within(packParameters(PARAMETERS), packParameters(effect.parameters), []), undefined)
    return listing?.cap
  }
  assert.equal(cutTo(started(), cap - 1n), cap - 1n)
  assert.equal(cutTo(started(), 0n), cap / 2n)
  assert.equal(cutTo({ ...started(), reach: LEAST_REACH }, 1n), cap / 2n)
  for (const target of [cap, cap + 1n, undefined]) assert.equal(cutTo(started(), target), undefined)
})

test('STW-02 a move of more than a grain is posted once the interval is over, one of a grain is not', () => {
  const state = started()
  const byGrain = { fast: percent(20) + blank.grain, slow: percent(15) }
  assert.deepEqual(measured(state, targets(byGrain)).effects, [])
  const [effect] = measured(state, targets({ ...byGrain, fast: byGrain.fast + 1n })).effects
  assert.ok(effect?.type === 'post' && effect.why === 'moved')
  assert.equal(effect.parameters.listings[0]?.initialHaircut, byGrain.fast + 1n)
  const far = targets({ fast: percent(30), slow: percent(15) })
  const posted = { ...POLICY, postedAt: NOW }
  assert.deepEqual(measured(state, far, posted, NOW + INTERVAL - 1n).effects, [])
  assert.equal(measured(state, far, posted, NOW + INTERVAL).effects.length, 1)
})

test('STW-02 parameters that stay are renewed at half of their life, and a clearing without any is left alone', () => {
  const half = BigInt(PARAMETERS.life) / 2n
  const after = (now: bigint) => at(started(), now)
  assert.deepEqual(measured(after(NOW + half - 1n), targets(), POLICY, NOW + half - 1n).effects, [])
  const [effect] = measured(after(NOW + half), targets(), POLICY, NOW + half).effects
  assert.ok(effect?.type === 'post' && effect.why === 'renewed')
  assert.deepEqual(effect.parameters, PARAMETERS)
  assert.deepEqual(measured(blank, targets({ fast: WAD, slow: WAD })).effects, [])
})

/** 1 WETH and a long of 13.7 ETH at the index: 1,700 of balance, 1,370 of it required; a maintenance haircut of 32 % is too much. */
const brink: LedgerEvent[] = [
  { eventName: 'LineOpened', args: { account: accountOf(OWNER), index: 0n, listing: 0n, holder: OWNER } },
  { eventName: 'LineChanged', args: { account: accountOf(OWNER), index: 0n, units: WAD, counted: WAD } },
  {
    eventName: 'PositionChanged',
    args: { account: accountOf(OWNER), market: 0n, size: (167n * WAD) / 10n, quote: -33_400n * WAD, cash: 0n },
  },
]

test('STW-03 what would make an account liquidatable is held, then tried half as far after an interval', () => {
  const wide = { ...POLICY, bounds: BOUNDS.map((bound) => ({ ...bound, rise: percent(8) })) }
  const wanted = targets({ fast: percent(40), slow: percent(40) })
  const first = measured(started(...brink), wanted, wide)
  const [held] = first.effects
  assert.ok(held?.type === 'hold' && held.verdict.code === 'too_many_liquidatable')
  assert.equal(first.state.reach, WAD / 2n)
  assert.deepEqual(measured(first.state, wanted, wide, NOW + 2n * INTERVAL - 1n).effects, [])
  let [state, now] = [first.state, NOW + INTERVAL]
  for (let halvings = 2; halvings <= 10; halvings += 1) {
    now += INTERVAL
    const next = measured(at(state, now), wanted, wide, now)
    const [effect] = next.effects
    if (effect?.type === 'post') {
      // 16.5 % is what the account bears: 1,670 are required of 2,000.
      const { maintenanceHaircut = 0n } = effect.parameters.listings[0] ?? {}
      assert.ok(maintenanceHaircut > percent(15) && maintenanceHaircut <= percent(16) + percent(1) / 2n)
      assert.equal(step(next.state, { type: 'posted' }).state.reach, 2n * next.state.reach)
      return
    }
    state = next.state
  }
  assert.fail('never posted')
})

test('STW-03 the reach has an end on both sides', () => {
  const nothing = { ...POLICY, bounds: BOUNDS.map((bound) => ({ ...bound, rise: percent(60) })) }
  const poor = started(
    ...brink,
    set({
      ...PARAMETERS,
      listings: PARAMETERS.listings.map((one, i) =>
        i === 0 ? { ...one, maintenanceHaircut: 165n * 10n ** 15n } : one,
      ),
    }),
  )
  const wanted = targets({ fast: percent(60), slow: percent(60) })
  let [state, now] = [poor, NOW]
  for (let i = 0; i < 10; i += 1) {
    now += INTERVAL
    const next = measured(at(state, now), wanted, nothing, now)
    assert.deepEqual(
      next.effects.map(({ type }) => type),
      ['hold'],
    )
    state = next.state
  }
  assert.equal(state.reach, LEAST_REACH)
  for (let i = 0; i < 10; i += 1) state = step(state, { type: 'posted' }).state
  assert.equal(state.reach, WAD)
})

test('STW-03 what does not fit the clearing holds a post for an interval, and shortens no step', () => {
  const unset: LedgerEvent = { eventName: 'AssetListed', args: { listing: 3n, ...(LISTINGS[0] ?? assert.fail()) } }
  const now = NOW + INTERVAL
  const { state, effects } = measured(started(unset), targets({ fast: percent(30), slow: percent(15) }), POLICY, now)
  const [held] = effects
  assert.ok(held?.type === 'hold' && held.verdict.code === 'do_not_fit')
  assert.deepEqual([state.reach, state.refusedAt], [WAD, now])
})

test('STW-03 an account that holds a grain of what has no price any more holds up no post', () => {
  const position = { account: accountOf(address('7')), market: 0n, size: 1n, quote: 0n, cash: 0n }
  const dust = [...line('7', 0n, 1n, 1n), { eventName: 'PositionChanged', args: position } as const]
  const now = NOW + 86_400n
  const alive = prices(now).slice(0, 2)
  const { state } = step(started(...dust), { type: 'block', events: [...alive, ...heardAt(now)] })
  const [effect] = measured(state, targets({ fast: percent(30), slow: percent(15) }), POLICY, now).effects
  assert.ok(effect?.type === 'post' && effect.why === 'moved')
})

/* WHAT NOBODY MEASURES */

const HALF = BigInt(PARAMETERS.life) / 2n
const RAMP = BigInt(PARAMETERS.lifeRamp)
const ETH_LOST = 0

/** Posts as often as the policy lets it until `until`, of all listings but the lost ones the haircuts in force being right. */
function stewardAlone(
  state: StewardState,
  span: { from: bigint; until: bigint },
  lost: readonly number[],
  each = 3_600n,
) {
  let [last, posts, now] = [state, 0, span.from]
  let postedAt = 0n
  for (; now <= span.until; now += each) {
    const { listings } = last.ledger.parameters ?? assert.fail()
    const found = listings.flatMap((terms, i): [number, Target][] => {
      const { initialHaircut: fast, maintenanceHaircut: slow } = terms
      return lost.includes(i) ? [] : [[i, arrived({ fast, slow })]]
    })
    const next = measured(last, new Map(found), { ...POLICY, postedAt }, now)
    last = next.state
    const [effect] = next.effects
    if (effect?.type !== 'post') continue
    posts += 1
    postedAt = now
    last = step(step(last, { type: 'posted' }).state, { type: 'block', events: [set(effect.parameters, now)] }).state
  }
  return { state: last, posts }
}
const haircutOf = ({ ledger }: StewardState, listing = ETH_LOST) =>
  ledger.parameters?.listings[listing]?.initialHaircut ?? assert.fail()

test('STW-10 who measures nothing renews nothing, so that the parameters outlive their life', () => {
  const { state, posts } = stewardAlone(started(), { from: NOW, until: NOW + 30n * 86_400n }, [0, 1, 2])
  assert.deepEqual([posts, state.ledger.setAt], [0, NOW])
  // As soon as one is measured the others are moved by how long they were not, and all are renewed.
  const now = NOW + 30n * 86_400n
  const [effect] = measured(state, new Map([[2, arrived(AS_POSTED[2] ?? assert.fail())]]), POLICY, now).effects
  assert.ok(effect?.type === 'post')
  assert.deepEqual(
    effect.parameters.listings.map(({ initialHaircut }) => initialHaircut),
    [percent(25), percent(8), percent(2)],
  )
})

test('STW-10 what others keep alive counts ever less for new risk, from half of the life on, to the ceiling', () => {
  const [{ maintenanceHaircut }] = PARAMETERS.listings as [(typeof PARAMETERS.listings)[number]]
  const ceiling = BOUNDS[0]?.ceiling ?? assert.fail()
  const after = (age: bigint, each?: bigint) =>
    stewardAlone(started(), { from: NOW, until: NOW + age }, [ETH_LOST], each).state
  assert.equal(haircutOf(after(HALF)), percent(20))
  let last = percent(20)
  for (const part of [10n, 25n, 50n, 75n, 100n]) {
    const age = HALF + (RAMP * part) / 100n
    const now = haircutOf(after(age))
    const line = maintenanceHaircut + ((ceiling - maintenanceHaircut) * part) / 100n
    assert.ok(now > last || part === 10n)
    // An hour and a grain behind it at most.
    assert.ok(
      now <= max(line, percent(20)) && now >= line - (ceiling * 3_600n) / RAMP - blank.grain,
      `${now} of ${line}`,
    )
    last = now
  }
  const end = after(HALF + 2n * RAMP)
  assert.equal(haircutOf(end), ceiling)
  // Nobody is liquidated for it, nothing else has moved, and the rest is renewed.
  const listings = PARAMETERS.listings.map((one, i) => (i === ETH_LOST ? { ...one, initialHaircut: ceiling } : one))
  assert.deepEqual(end.ledger.parameters, { ...PARAMETERS, listings })
  assert.ok(NOW + HALF + 2n * RAMP - end.ledger.setAt <= HALF + 3_600n)
})

test('STW-10 a step is no longer than the bound’s, and what is measured again comes back', () => {
  const now = NOW + HALF + RAMP
  const [effect] = measured(
    started(),
    new Map([[1, arrived({ fast: percent(3), slow: percent(2) })]]),
    POLICY,
    now,
  ).effects
  assert.ok(effect?.type === 'post' && effect.why === 'moved')
  assert.deepEqual(
    [effect.parameters.listings[0]?.initialHaircut, effect.moves[0]?.unmeasuredSince],
    [percent(25), NOW],
  )
  const lost = stewardAlone(started(), { from: NOW, until: NOW + HALF + RAMP / 2n }, [ETH_LOST]).state
  const later = NOW + HALF + RAMP / 2n + 3_600n
  const back = measured(lost, targets({ fast: percent(20), slow: percent(15) }), POLICY, later)
  assert.ok(back.effects[0]?.type === 'post')
  assert.equal(back.effects[0].parameters.listings[0]?.initialHaircut, haircutOf(lost) - percent(1) / 2n)
  assert.equal(back.state.seen.get(ETH_LOST), later)
})

test('STW-10 it counts from when it was measured, else from what the chain knows, else from the parameters it found', () => {
  const others = new Map([[1, arrived({ fast: percent(3), slow: percent(2) })]])
  const all = targets()
  const seen = (state: StewardState, wanted: ReadonlyMap<number, Target>, now: bigint, known?: bigint) => {
    const lastKnown = new Map(known === undefined ? [] : [[ETH_LOST, known]])
    return measured(state, wanted, { ...POLICY, postedAt: now }, now, lastKnown).state
  }
  const sinceOf = ({ seen }: StewardState) => seen.get(ETH_LOST)
  const later = NOW + 5_000n
  assert.equal(sinceOf(seen(started(), all, later)), later)
  assert.equal(sinceOf(seen(seen(started(), all, later), others, later + 60n)), later)
  // A price that died while somebody still took it for fresh.
  assert.equal(sinceOf(seen(seen(started(), all, later), others, later + 60n, later - 30n)), later - 30n)
  // After a restart: the last price there was, and where nothing is known the parameters.
  assert.equal(sinceOf(seen(started(), others, later, NOW + 1_000n)), NOW + 1_000n)
  assert.equal(sinceOf(seen(started(), others, later, NOW - 9_000n)), NOW - 9_000n)
  const restarted = seen(started(), others, later)
  assert.equal(sinceOf(restarted), NOW)
  // Its own posts are no measurement, and a newer sign of life of one part none of the whole.
  const posted = step(restarted, { type: 'block', events: [set(PARAMETERS, later)] }).state
  assert.equal(sinceOf(seen(posted, others, later + 60n)), NOW)
  assert.equal(sinceOf(seen(posted, others, later + 60n, later)), NOW)
})

test('STW-10 what no bound names no steward raises', () => {
  const now = NOW + HALF + RAMP
  const free = { ...POLICY, bounds: BOUNDS.slice(2) }
  const [effect] = measured(
    started(),
    new Map([[1, arrived({ fast: percent(5), slow: percent(2) })]]),
    free,
    now,
  ).effects
  assert.ok(effect?.type === 'post')
  assert.deepEqual(effect.parameters.listings[0], PARAMETERS.listings[0])
})

test('STW-03 what failed when it was sent is tried again after an interval', () => {
  const wanted = targets({ fast: percent(30), slow: percent(15) })
  const { state } = step(started(), { type: 'failed', now: NOW + INTERVAL })
  assert.deepEqual(measured(state, wanted, POLICY, NOW + 2n * INTERVAL - 1n).effects, [])
  assert.equal(measured(state, wanted, POLICY, NOW + 2n * INTERVAL).effects.length, 1)
})

test('STW-04 a listing that is not measured keeps its haircuts', () => {
  const state = started()
  const [effect] = measured(state, new Map([[1, arrived({ fast: percent(5), slow: percent(2) })]])).effects
  assert.ok(effect?.type === 'post')
  assert.deepEqual(effect.parameters.listings[0], PARAMETERS.listings[0])
  assert.equal(effect.parameters.listings[1]?.initialHaircut, percent(5))
})
