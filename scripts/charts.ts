// Draws docs/haircut-crashes.svg out of recorded hours (`--prices DIR --asset ETH --into docs`), and docs/latency-premium.svg out of the formula.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { InputError } from '@omnimargin/risk/errors'
import { DEFAULTS } from '@omnimargin/risk/estimate/defaults'
import { computeHaircut } from '@omnimargin/risk/estimate/haircut'
import { CHOSEN } from '@omnimargin/risk/estimate/observer'
import { findPrices, readStretches } from '@omnimargin/service/prices'
import { walkOf } from '../cli/src/backtest.ts'
import { chart, type Line, type Panel } from './charts/panel.ts'

const USAGE = 'npm run charts -- [--prices DIR --into FOLDER] [--asset ETH]'
const docs = join(import.meta.dirname, '..', 'docs')
const HOUR = 3600
const DAY = 24 * HOUR
const COLORS = { static: '#9a5fd0', fast: '#d1462f', slow: '#1f6fb2' }
/** Four days about each. */
const CRASHES = [
  ['2020-03-11', 'the twelfth of March'],
  ['2021-05-18', 'deleveraging'],
  ['2022-11-07', 'FTX'],
  ['2023-03-09', 'USDC and the banks'],
] as const

try {
  draw(asked())
} catch (failure) {
  const isTold = failure instanceof InputError || failure instanceof TypeError
  if (!isTold) throw failure
  process.stderr.write(`${failure.message}\n${failure instanceof InputError ? '' : `${USAGE}\n`}`)
  process.exitCode = failure instanceof InputError ? 1 : 2
}

function asked() {
  const text = { type: 'string' } as const
  return parseArgs({ options: { prices: text, asset: { ...text, default: 'ETH' }, into: text } }).values
}

function draw({ prices, asset, into = docs }: ReturnType<typeof asked>): void {
  if (prices !== undefined && into === docs)
    throw new InputError('--into is missing: name the folder for the pictures; docs has those that are shipped.')
  const crashes = prices === undefined ? [] : crashPanels(asset.toUpperCase(), prices)
  mkdirSync(into, { recursive: true })
  const write = (name: string, picture: string) => {
    writeFileSync(join(into, name), picture)
    process.stdout.write(`${join(into, name)}\n`)
  }
  if (crashes.length > 0) write('haircut-crashes.svg', chart(crashes, 2, 'lost in the hour'))
  write('latency-premium.svg', chart([silencePanel(10 * 60, 60), silencePanel(3 * HOUR, HOUR)], 2))
}

/** Of the crashes those that the prices cover. Throws InputError where they cover none. */
function crashPanels(symbol: string, folder: string): Panel[] {
  const files = findPrices(folder)
  if (!files.bySymbol.has(symbol)) {
    const known = [...files.bySymbol.keys()].join(', ')
    throw new InputError(`${folder} has no prices of ${symbol}: ask for ${known}, with --asset.`)
  }
  const { walked } = walkOf(symbol, readStretches(symbol, files), {})
  const covers = ([day]: (typeof CRASHES)[number]) => {
    const from = Date.parse(day) / 1000
    return walked.times.some((time) => time >= from && time < from + 5 * DAY)
  }
  const covered = CRASHES.filter(covers)
  const days = CRASHES.map(([day]) => day).join(', ')
  if (covered.length === 0)
    throw new InputError(`${symbol} has no judged hour in the days from ${days}: give prices that reach there.`)
  return covered.map(([day, what]) => {
    const from = Date.parse(day) / 1000
    const to = from + 5 * DAY
    const hours = [...walked.times.keys()].filter((i) => walked.times[i]! >= from && walked.times[i]! < to)
    const lineOf = (name: string, color: string, said: Float64Array | undefined, dash?: string): Line => ({
      name,
      color,
      points: hours.flatMap((i) => (said && said[i]! >= 0 ? [[walked.times[i]!, said[i]!] as const] : [])),
      ...(dash && { dash }),
    })
    const most = hours.reduce((all, i) => Math.max(all, walked.losses[i]!, walked.haircuts.fast.get(CHOSEN)![i]!), 0)
    const step = most > 0.3 ? 0.1 : most > 0.12 ? 0.05 : 0.02
    return {
      title: `${symbol}, ${day.slice(0, 7)}: ${what}`,
      x: {
        from,
        to,
        ticks: [0, 1, 2, 3, 4].map(
          (n) => [from + n * DAY + DAY / 2, new Date((from + n * DAY) * 1000).toISOString().slice(5, 10)] as const,
        ),
      },
      y: { to: Math.ceil(most / step) * step, step, text: (value) => `${Math.round(value * 100)} %` },
      columns: hours.map((i) => [walked.times[i]!, walked.losses[i]!] as const),
      lines: [
        lineOf('static', COLORS.static, walked.haircuts.fast.get('static'), '5 4'),
        lineOf('fast', COLORS.fast, walked.haircuts.fast.get(CHOSEN)),
        lineOf('slow', COLORS.slow, walked.haircuts.slow.get(CHOSEN)),
      ],
    }
  })
}

/** Ether in a bad hour, behind three routes that fall silent. */
function silencePanel(seconds: number, tick: number): Panel {
  const routes = [
    ['1 % of deliveries take more than 6 s', 6, '#2c8a4b'],
    ['1,641 s', 1641, '#d1462f'],
  ] as const
  const ages = Array.from({ length: 241 }, (_, i) => (i * seconds) / 240)
  const told = routes.map(
    ([name, latencyTailSeconds, color]): Line => ({
      name,
      color,
      points: ages.map((age) => [age, haircutOf(latencyTailSeconds, age).fast] as const),
    }),
  )
  const bare = ages.map((age) => [age, haircutOf(6, age).withoutMessage] as const)
  const lines = [...told, { name: 'without a message', color: '#8a8f98', dash: '5 4', points: bare }]
  const most = lines.reduce((all, { points }) => Math.max(all, points.at(-1)?.[1] ?? 0), 0)
  const step = most > 0.1 ? 0.05 : 0.02
  return {
    title: `Haircut while a route is silent, first ${seconds < HOUR ? `${seconds / 60} minutes` : `${seconds / HOUR} hours`}`,
    x: {
      from: 0,
      to: seconds,
      ticks: Array.from({ length: Math.floor(seconds / tick) + 1 }, (_, i) => i)
        .filter((i) => tick === HOUR || i % 2 === 0)
        .map((i) => [i * tick, tick === HOUR ? `${i} h` : `${i} min`] as const),
    },
    y: { to: Math.ceil(most / step) * step, step, text: (value) => `${Math.round(value * 100)} %` },
    lines,
  }
}

function haircutOf(latencyTailSeconds: number, heartbeatAgeSeconds: number) {
  const { fast, terms } = computeHaircut(
    {
      quantile: 0.08,
      longRunQuantile: 0.025,
      gap: DEFAULTS.gap.ETH,
      finalitySeconds: 48,
      latencyTailSeconds,
      heartbeatAgeSeconds,
      amount: 10_000,
      held: 1e6,
      depthPerDay: 2e8,
      depthLeft: DEFAULTS.impact.depthLeft,
      spread: 0.0005,
      oracleAgeSeconds: 5,
      oracleConfidence: 0.0005,
      peg: 0,
      failuresPerYear: 0.015,
      lossGivenFailure: 1,
      least: DEFAULTS.least.ETH,
    },
    DEFAULTS,
    { haircut: 0n, seconds: 0 },
  )
  return { fast: Number(fast) / 1e18, withoutMessage: terms.withoutMessage }
}
