/** How a haircut is told: spec/haircut.md's formula with the numbers in it, then what is on chain. */

import { formatDecimal } from '@omnimargin/risk/decimal'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { type HaircutInputs, type HaircutTerms, softCap, stressedDepth } from '@omnimargin/risk/estimate/haircut'
import { shareOf } from '@omnimargin/risk/estimate/ratio'
import { CAP_SHARE } from '@omnimargin/risk/listing/rules'
import type { Measured, Unmeasured } from '@omnimargin/service/steward/measure'
import { formatUnits } from 'viem'
import { amount, moment } from '../../terminal/amounts.ts'
import type { Screen } from '../../terminal/screen.ts'
import type { Explained, NotMeasured, OnChain } from './explained.ts'

type Row = readonly [term: string, formula: string, value: string]
type Told = Explained & { readonly measured: Measured }

export function explainTables(screen: Screen, told: Explained): void {
  const { name, block, initial, maintenance, unmeasured, isAllUnmeasured } = told
  screen.say(`${name}, at block ${block.number} of ${block.name}, ${moment(block.time)}.`)
  screen.say(`In force: ${share(initial.widened)} for new risk, ${share(maintenance.widened)} for liquidation.`)
  if (isMeasured(told)) haircutTable(screen, told)
  screen.say('\nOn chain')
  screen.table(['', 'for new risk', 'for liquidation'], chainRows(told))
  screen.say(stateOf(told))
  for (const one of unmeasured) screen.say(unmeasuredOf(one, told))
  if (isAllUnmeasured)
    screen.say('Nothing is measured: so a steward renews nothing, and the parameters outlive their life.')
  screen.say('What the letters stand for: docs/glossary.md. The formula: spec/haircut.md.')
}

function isMeasured(told: Explained): told is Told {
  return !('why' in told.measured)
}

function haircutTable(screen: Screen, told: Told): void {
  const { inputs, haircut } = told.measured
  const { fast, slow, slowTarget, latencyPremium, terms } = haircut
  screen.say(
    `As measured: ${share(fast)} for new risk, of which waiting for messages ${share(latencyPremium)}; ${share(slow)} for liquidation, on its way to ${share(slowTarget)}.\n`,
  )
  screen.table(['term', 'formula, with what is measured and stated', 'value'], rowsOf(told))
  const all = termsOnly(terms)
  if (all < inputs.least)
    screen.say(
      `All terms together are ${part(all)}: H_min is more, so that waiting costs nothing until they pass it; what it costs them is L_q.`,
    )
}

function rowsOf(told: Told): Row[] {
  const { inputs, haircut, deliveries } = told.measured
  const { vault } = told
  const { terms } = haircut
  return [
    ...timeRows(
      inputs,
      terms,
      vault.isRemote
        ? `99 % of deliveries, by ${deliveries} of them and the prior`
        : 'nothing to deliver on the clearing’s own chain',
    ),
    ...lossRows(told.measured),
    ...pegRows(told),
    ...wholeRows(inputs, terms),
    ...speedRows(told),
    ...capRows(told),
  ]
}

function timeRows(inputs: HaircutInputs, terms: HaircutTerms, told: string): Row[] {
  const { detect, auction, participation, executeLeast, executeMost } = DEFAULTS.horizon
  const [tail, age] = [inputs.latencyTailSeconds, inputs.heartbeatAgeSeconds]
  const healthy = Math.max(tail, age)
  const stalled = Math.max(healthy, DEFAULTS.latency.stallMedian, 2 * age)
  return [
    ['Q', told, time(tail)],
    ['P', `the route stands still, its newest heartbeat ${time(age)} old`, chance(terms.stallChance)],
    [
      'T_msg',
      `${time(healthy)} + ${chance(terms.stallChance)} * (${time(stalled)} - ${time(healthy)})`,
      time(terms.messageSeconds),
    ],
    [
      'D',
      `max(1, ${inputs.depthLeft} * ${dollars(inputs.depthPerDay)}), USD of a bad day`,
      dollars(stressedDepth(inputs)),
    ],
    [
      'T_exe',
      `${dollars(inputs.amount)} / (${participation} * D / ${grouped(86_400)}) in [${grouped(executeLeast)}, ${grouped(executeMost)}]`,
      time(terms.executeSeconds),
    ],
    [
      'T',
      `${detect} + ${time(inputs.finalitySeconds)} + ${time(terms.messageSeconds)} + ${auction} + ${time(terms.executeSeconds)}`,
      time(terms.horizonSeconds),
    ],
  ]
}

function lossRows(measured: Measured): Row[] {
  const { inputs, haircut } = measured
  const { terms } = haircut
  const { quantile, gap, spread, oracleAgeSeconds, oracleConfidence } = inputs
  const { oracle, impact } = DEFAULTS
  return [
    ['q', quantileFrom(measured), part(quantile)],
    [
      'h_vol',
      `max(${part(quantile)} * sqrt(${time(terms.horizonSeconds)} / 1 h), ${part(gap)})`,
      part(terms.volatility),
    ],
    [
      'h_liq',
      `${part(spread)} / 2 + ${part(quantile)} * sqrt(24) / 2.326 * sqrt(${dollars(inputs.amount)} / D)`,
      part(terms.liquidity),
    ],
    ['CR', `(1 + (${dollars(inputs.held)} / (${impact.concentration} * D))^2)^(1/4)`, terms.concentration.toFixed(4)],
    ['h_mkt', `CR * (${part(terms.volatility)} + ${part(terms.liquidity)})`, part(terms.market)],
    [
      'h_orc',
      `max(q * sqrt(${time(oracleAgeSeconds)} / 1 h), ${part(oracle.deviation)}) + ${oracle.confidences} * ${part(oracleConfidence)}`,
      part(terms.oracle),
    ],
  ]
}

function quantileFrom({ inputs, pegged, bars, newestBar }: Measured): string {
  if (pegged && inputs.quantile === 0) return 'what is pegged expects no loss but by the rule of its peg, h_peg'
  const newest = newestBar === undefined ? '' : `,\nthe newest to ${moment(newestBar)}`
  return `loss of an hour exceeded in 1 % of them, QR+ACI over ${grouped(bars)} bars${newest}`
}

/** What is true of the price now, of which speed is what the deviation leaves; then what is left of before. */
function pegRows({ measured: { inputs, pegged } }: Told): Row[] {
  if (!pegged) return [['h_peg', 'not pegged', part(inputs.peg)]]
  const { perDeviation, perVelocity, dead, cap, downHalfLife } = DEFAULTS.peg
  const { floor, deviation, now } = pegged
  const velocity = Math.max(0, now - floor - perDeviation * Math.max(0, deviation - dead)) / perVelocity
  const left = Math.max(0, inputs.peg - now)
  return [
    [
      'peg now',
      `${part(floor)} + ${perDeviation} * max(0, ${part(deviation)} - ${part(dead)}) + ${perVelocity} * ${part(velocity)} of speed, at most ${part(cap)}`,
      part(now),
    ],
    ['h_peg', `${part(now)} + ${part(left)} left of before, halved in ${time(downHalfLife)}`, part(inputs.peg)],
  ]
}

function wholeRows(inputs: HaircutInputs, terms: HaircutTerms): Row[] {
  const { failuresPerYear, lossGivenFailure } = inputs
  const soft = (x: number) => `(1\u00a0-\u00a0s(${part(x)}))`
  return [
    ['h_sec', `${lossGivenFailure} * (1 - exp(-${failuresPerYear} * 30 / 365))`, part(terms.security)],
    [
      'H',
      `max(${part(inputs.least)}, 1 - ${soft(terms.market)} * ${soft(terms.oracle)}\n* ${soft(terms.peg)} * ${soft(terms.security)})`,
      part(terms.haircut),
    ],
    [
      'L_j',
      `H(T) - H(T - T_msg) = ${part(terms.haircut)} - ${part(terms.withoutMessage)}`,
      part(terms.haircut - terms.withoutMessage),
    ],
    [
      'L_q',
      `${part(inputs.quantile)} * (sqrt(T / 1 h) - sqrt((T - T_msg) / 1 h)), before g and H_min`,
      part(inputs.quantile * (rootOf(terms.horizonSeconds) - rootOf(terms.horizonSeconds - terms.messageSeconds))),
    ],
  ]
}

/** Of the hours that so many seconds are. */
function rootOf(seconds: number): number {
  return Math.sqrt(seconds / 3600)
}

const FROM = 'from what is posted or H_min, since it was set, an interval at most'

function speedRows({ measured: { inputs, haircut, before: from } }: Told): Row[] {
  const { fast, slow, slowTarget, terms } = haircut
  const { stressWeight, floor, upPerHour, downHalfLife } = DEFAULTS.speeds
  const [before, target] = [share(from.haircut), share(slowTarget)]
  const toward =
    slowTarget > from.haircut
      ? `min(${target}, ${before} * ${upPerHour}^(${time(from.seconds)} / 1 h)),\n${FROM}`
      : `${target} + (${before} - ${target}) / 2^(${time(from.seconds)} / ${time(downHalfLife)}),\n${FROM}`
  const blend = `max(${1 - stressWeight} * ${part(terms.haircut)} + ${stressWeight} * ${part(terms.longRun)}, ${floor} * ${part(terms.longRun)})`
  return [
    ['H_LR', `H with ${part(inputs.longRunQuantile)}, the q over all of the past`, part(terms.longRun)],
    ['target', blend, target],
    ['slow', toward, share(slow)],
    ['fast', `max(${part(terms.haircut)}, ${share(slow)})`, share(fast)],
  ]
}

/** In whole tokens. */
function capRows({ terms: { cap, capPrice, decimals }, measured: { inputs, cap: byDepth } }: Told): Row[] {
  const byDepthRow: Row =
    byDepth === undefined
      ? ['cap by depth', 'the parameters give it no price for caps', 'none']
      : [
          'cap by depth',
          `${shareOf(CAP_SHARE)} * ${inputs.depthLeft} * ${dollars(inputs.depthPerDay)} / ${amount(capPrice)}, USD by the price for caps`,
          amount(byDepth, decimals),
        ]
  return [['cap', 'posted; never raised, and cut toward what depth allows', amount(cap, decimals)], byDepthRow]
}

function chainRows({ initial, maintenance }: Explained): Row[] {
  const both = (name: string, tell: (one: OnChain) => string): Row => [name, tell(initial), tell(maintenance)]
  const ofBound = (tell: (bound: NonNullable<OnChain['bound']>) => string) => (one: OnChain) =>
    one.bound ? tell(one.bound) : 'no bound: only governance moves it'
  return [
    both('posted', ({ posted }) => share(posted)),
    both(
      'floor: gap + hourly\n* sqrt(T / 1 h)',
      ofBound(
        ({ gap, hourly, horizon, floor }) =>
          `${share(gap)} + ${share(hourly)} * sqrt(${time(horizon)} / 1 h)\n= ${share(floor)}`,
      ),
    ),
    both(
      'ceiling',
      ofBound(({ ceiling }) => share(ceiling)),
    ),
    both(
      'most that a post moves',
      ofBound(({ rise, fall }) => `up ${share(rise)}, down ${share(fall)}`),
    ),
    both(
      'next post would set,\nat full reach',
      ofBound(({ next }) => share(next)),
    ),
    both('in force: widened by age', ({ widened }) => share(widened)),
  ]
}

function stateOf({ vault, age, breaker, setAgo, life, postedAgo, interval, version }: Explained): string {
  const route = vault.isRemote
    ? `The vault’s round trip is ${time(age)} old: it widens new risk from ${grouped(vault.calmAge)} to ${time(vault.tripAge)}, liquidation from ${grouped(vault.warnAge)} to ${time(vault.zeroAge)}.`
    : 'The vault is on the clearing’s own chain: no age widens it.'
  const states = {
    normal: 'The breaker is normal.',
    late: 'Its breaker trips when it is heard of again; until then nothing counts for new risk.',
    tripped: 'Its breaker is tripped: nothing counts for new risk until it has stayed healthy.',
  }
  const posted = postedAgo === undefined ? 'No steward has posted yet' : `The last post was ${time(postedAgo)} ago`
  const every = interval === undefined ? '' : `; one is allowed every ${time(interval)}`
  return `${route} ${states[breaker]}\nParameters version ${version}, ${time(setAgo)} old, good for ${time(life)}. ${posted}${every}.`
}

const CURES: Record<Unmeasured['why'], string> = {
  not_in_configuration: 'the clearing’s events do not name it as the deployment does: correct the deployment',
  feed_not_in_configuration: 'its price is not among "feeds" in the configuration: add it',
  no_route: 'its "route" is not in the configuration: add the quartiles of its delivery times',
  bars_too_old: 'no hour of its price is known of late: bring newer hourly bars, or see that a publisher pokes it',
  too_few_bars:
    'there are too few hourly bars of its price: name "bars" of it in the configuration, two weeks at least',
  no_peg_floor:
    'its class is "stable" and its price has no "pegFloor" in the configuration: add it, or correct the class',
  no_price: 'the clearing has heard no price of it yet: see that a publisher pokes it',
  price_too_old: 'its price is too old to tell a margin by: see that a publisher pokes it',
}

function unmeasuredOf({ name, why, since, isKnown }: NotMeasured, { life, lifeRamp }: Explained): string {
  const half = Math.floor(life / 2)
  const from = isKnown ? `since ${moment(since)}` : `since the parameters were set at ${moment(since)}, or before`
  return `${name} is not measured ${from}: ${CURES[why]} (${why}).\nOthers’ posts renew it; from ${time(half)} after that its haircut for new risk rises to the ceiling, within ${time(lifeRamp)}.`
}

/** H before it is held against the least. */
function termsOnly({ market, oracle, peg, security }: HaircutTerms): number {
  return 1 - [market, oracle, peg, security].reduce((left, term) => left * (1 - softCap(term)), 1)
}

/** A share as a percentage. */
function part(x: number): string {
  return `${(100 * x).toFixed(3)} %`
}

function share(ratio: bigint): string {
  return part(shareOf(ratio))
}

function chance(x: number): string {
  return x > 0 && x < 0.0001 ? '< 0.01 %' : `${(100 * x).toFixed(2)} %`
}

function time(seconds: number | bigint): string {
  return `${grouped(seconds)} s`
}

function dollars(amount: number): string {
  return grouped(Math.round(amount))
}

/** With thousands separated, and a tenth where there is one. */
function grouped(value: number | bigint): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 })
}

/** Everything above, as it is. */
export function explainJson({ measured, terms, ...rest }: Explained): string {
  const tokens = (cap: bigint | undefined) => (cap === undefined ? undefined : formatUnits(cap, terms.decimals))
  const { cap: byDepth, ...figures } = 'why' in measured ? { cap: undefined, ...measured } : measured
  const cap = { posted: tokens(terms.cap), byDepth: tokens(byDepth) }
  const plain = { ...rest, cap, ...figures }
  // Seconds and numbers of blocks are whole; all other integers are shares at 1e18.
  const whole = new Set(['number', 'time', 'age', 'setAgo', 'postedAgo', 'interval', 'cap', 'since', 'lastKnown'])
  const text = (key: string, value: unknown) => {
    if (typeof value !== 'bigint') return value
    return whole.has(key) ? `${value}` : formatDecimal(value)
  }
  return `${JSON.stringify(plain, text, 2)}\n`
}
