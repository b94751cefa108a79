/** `omnimargin risk list-asset`: what an asset may be listed with, or why it may not. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WAD } from '@omnimargin/core/wad'
import { parseBars, stretchesOf } from '@omnimargin/risk/bars'
import { InputError } from '@omnimargin/risk/errors'
import { listAsset as judge, type Refusal, type Verdict } from '@omnimargin/risk/listing'
import { CHAINS, type Facts, ISSUES } from '@omnimargin/risk/listing/facts'
import type { History } from '@omnimargin/risk/listing/history'
import * as rules from '@omnimargin/risk/listing/rules'
import { readConfig } from '@omnimargin/service/config'
import { z } from 'zod'
import { formatTime, parseTime } from '../compare/span.ts'
import { decimal, name, share } from '../fields.ts'
import { decimalJson } from '../json.ts'
import { amount, percent } from '../terminal/amounts.ts'
import { type Screen, screenOn } from '../terminal/screen.ts'

/** It may not be listed. */
const NO = 2

const path = z.string().regex(/^(?!\/)[\w./-]{1,200}\.csv$/, 'must be a .csv, named from where this file is')
const seconds = z
  .int()
  .min(0)
  .max(30 * 86_400)
const moment = z.string().transform((text, context) => {
  try {
    return parseTime(text)
  } catch (failure) {
    if (!(failure instanceof InputError)) throw failure
    context.addIssue(failure.message)
    return z.NEVER
  }
})
const fields = z.strictObject({
  /** Where the numbers come from; for people. */
  origin: z.string(),
  symbol: name,
  /** When it is to be judged; now, unless given. */
  asOf: moment.optional(),
  token: z.strictObject({
    decimals: z.int().min(0).max(36),
    isRebasing: z.boolean(),
    takesFee: z.boolean(),
    isOwnToken: z.boolean(),
    isWrapped: z.boolean(),
  }),
  route: z.strictObject({ chain: z.enum(CHAINS), verifiers: z.int().min(0).max(1_000), seconds }),
  price: z.strictObject({
    venues: z.int().min(0).max(1_000),
    dispersion: share,
    isOnChain: z.boolean(),
    maxAgeSeconds: seconds,
    deviation: share,
    confidence: share,
  }),
  market: z.strictObject({
    dailyVolume: decimal.refine((value) => value < 10n ** 15n * WAD, 'must be below 10^15'),
    spread: share,
  }),
  peg: z.strictObject({ issue: z.enum(ISSUES), reference: path.optional() }).optional(),
  history: path,
})
const schema = fields.refine(({ peg, history }) => peg?.reference !== history, {
  path: ['peg', 'reference'],
  message: 'is its own history, from which it is never off: name that of what it is pegged to',
})

/** Returns the exit code: 0 if it may be listed, else 2. Throws ConfigError or InputError with the place of what cannot be used. */
export function listAsset(file: string, { json, asOf }: { json: boolean; asOf?: string }): number {
  const now = Math.floor(Date.now() / 1_000)
  const facts = readFacts(file, now, asOf === undefined ? undefined : parseTime(asOf))
  const verdict = judge(facts)
  if (json) process.stdout.write(jsonOf(facts, verdict))
  else show(screenOn(process.stdout), facts, verdict)
  return verdict.refusals.length === 0 ? 0 : NO
}

/** Judged as of what is asked, else of what the file says, else now. */
export function readFacts(file: string, now: number, asked?: number): Facts {
  const { token, route, market, peg, history, asOf = now, origin: _, ...rest } = readConfig(file, schema)
  const { seconds: routeSeconds, ...others } = route
  const series = (csv: string) => readHistory(join(dirname(file), csv), rest.symbol)
  return {
    ...rest,
    ...token,
    ...others,
    ...market,
    asOf: asked ?? asOf,
    routeSeconds,
    history: series(history),
    peg: peg && { issue: peg.issue, reference: peg.reference === undefined ? undefined : series(peg.reference) },
  }
}

function readHistory(csv: string, symbol: string): History {
  try {
    return stretchesOf(symbol, [parseBars(csv, readFileSync(csv, 'utf8'))])
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new InputError(`${csv}: cannot be read (${cause instanceof Error ? cause.message : cause}): put it there.`)
  }
}

/* TABLES */

function show(screen: Screen, { symbol, decimals, asOf }: Facts, { refusals, listing }: Verdict): void {
  const { class: kind, capUsd, cap, initialHaircut, maintenanceHaircut, maintenance } = listing
  const { volatility, liquidity, concentration, oracle, peg, security, horizonSeconds } = maintenance.terms
  screen.table(
    [symbol, refusals.length === 0 ? 'may be listed with' : 'if it were listed'],
    [
      ['class', kind],
      ['cap', `${amount(cap, decimals)} of it, ${amount(capUsd, 18, 0)} USD`],
      ['initial haircut', percent(initialHaircut)],
      [`maintenance haircut, at least ${percent(rules.LEAST[kind])}`, percent(maintenanceHaircut)],
      [`  price, over ${horizonSeconds.toFixed(0)} s`, share100(volatility)],
      ['  selling an account’s part', share100(liquidity)],
      ['  both times, with the cap full', concentration.toFixed(2)],
      ['  oracle', share100(oracle)],
      ['  peg', share100(peg)],
      ['  chain and route', share100(security)],
    ],
  )
  screen.say(`As of ${formatTime(asOf)} UTC.`)
  for (const code of refusals) screen.say(`Refused: ${REASONS[code]} (${code}).`)
  screen.say(refusals.length === 0 ? `${symbol} may be listed.` : `${symbol} may not be listed.`)
}

/** As explain prints the terms of a haircut. */
function share100(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

const days = rules.LEAST_HISTORY_SECONDS / 86_400
const month = rules.MONTH_SECONDS / 86_400
const late = rules.LATEST_SECONDS / 86_400
const REASONS: Record<Refusal, string> = {
  not_a_plain_token: 'a vault counts what arrived, and neither rebasing nor a fee on transfers: take a wrapper without',
  one_verifier: `${rules.LEAST_VERIFIERS} parties at least must agree that units are there, each by itself: take another route`,
  no_feed_on_chain: 'the clearing must have a price of it: wait for a feed',
  too_few_price_venues: `its price must come from ${rules.LEAST_VENUES} venues at least, so that none of them makes it`,
  price_venues_disagree: `its venues must be within ${percent(rules.MOST_DISPERSION)} of each other: look which of them is wrong`,
  history_too_short: `its history must cover ${days} days: wait, or give all of it`,
  history_has_gaps: `more than ${percent(rules.MOST_MISSING)} of its bars are missing: fill them in from the source, or cut what is before a long gap`,
  history_ends_early: `its history must reach to ${late} days before it is judged: fetch what came since, or say as of when, with --as-of`,
  hardly_traded: `in the last ${month} days more than ${percent(rules.MOST_IDLE)} of its bars are missing, without volume or (unless it is a dollar) at one price: give a venue where it is traded`,
  too_thin: `its cap must be ${amount(rules.LEAST_CAP, 18, 0)} USD at least: too little of it is traded in reach of that chain`,
  own_token: 'it falls with what it is to secure, and is not deep: take what does not',
  peg_was_broken: `it was more than ${percent(rules.PEG_BROKEN)} below its peg for a day, or half gone: its history will not change`,
  peg_is_off:
    'in the last week it was further below its peg than a quiet day’s haircut: wait until it has held for a week',
  fell_lately: `it lost more than ${percent(rules.MOST_FALL_DAY)} within the last day, or ${percent(rules.MOST_FALL_WEEK)} within the last week: wait until it has not`,
  too_volatile_lately: `more than ${percent(rules.MOST_HAIRCUT)} of it would not count by the last ${month} days alone: where it is the price, wait for calmer ones`,
  too_volatile: `more than ${percent(rules.MOST_HAIRCUT)} of it would not count: look above which term it is; price and selling are the asset’s own, the rest is the route’s and the feed’s`,
}

/* JSON */

function jsonOf({ symbol, asOf }: Facts, { refusals, listing }: Verdict): string {
  const { cap, maintenance, ...rest } = listing
  const told = { symbol, asOf, mayBeListed: refusals.length === 0, refusals, ...rest, capUnits: `${cap}` }
  return decimalJson({ ...told, maintenance: maintenance.terms })
}
