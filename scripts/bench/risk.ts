// Measures how fast a year of hourly bars of 50 assets becomes haircuts on 10 chains, hour by hour, against starting anew.
// Writes docs/estimation.md. `--assets N`, `--chains N`, `--bars N`.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Candle } from '@omnimargin/risk/estimate/candle'
import { conditionalOf } from '@omnimargin/risk/estimate/conditional'
import { DEFAULTS, type Defaults } from '@omnimargin/risk/estimate/defaults'
import { computeHaircut, type HaircutInputs, type SlowBefore } from '@omnimargin/risk/estimate/haircut'
import { type Route, routeOf } from '@omnimargin/risk/estimate/latency'
import { longRun } from '@omnimargin/risk/estimate/longrun'
import { memoryOf } from '@omnimargin/risk/estimate/memory'
import { CHOSEN } from '@omnimargin/risk/estimate/observer'

const { values } = parseArgs({
  options: { assets: { type: 'string' }, chains: { type: 'string' }, bars: { type: 'string' } },
})
const ASSETS = Number(values.assets ?? 50)
const CHAINS = Number(values.chains ?? 10)
const BARS = Number(values.bars ?? 8760)
const HOUR = 3600
const PROGRESS_MS = 2_000
/** Of one asset, for what is too slow to be done for all. */
const ANEW_HOURS = 40
const HOURLY_BARS = 3000

type Estimator = (candle: Candle) => { quantile: number; longRunQuantile: number } | undefined
type Place = { readonly route: Route; readonly inputs: HaircutInputs; before: SlowBefore | undefined }

const chance = chanceOf(20261125)
const markets = Array.from({ length: ASSETS }, () => candlesOf(BARS))
const year = runYear()
const anew = runAnew()
const hourly = runHourly()
const page = pageOf()
console.log(page)
writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'estimation.md'), page)

/** Every asset forecasts every hour, every chain hears of one delivery, and every pair gets a haircut. */
function runYear() {
  const spent = { estimates: 0, routes: 0, haircuts: 0 }
  let [count, sum, said] = [0, 0n, performance.now()]
  const estimators = markets.map(() => estimatorOf(DEFAULTS))
  const routes = Array.from({ length: CHAINS }, (_, chain) => {
    const median = 5 + 120 * chain
    return routeOf({ first: median * 0.8, median, third: median * 1.3 }, DEFAULTS)
  })
  const places = markets.map(() => routes.map((route, chain) => placeOf(route, chain)))
  for (let hour = 0; hour < BARS; hour++) {
    const forecasts = timed('estimates', () => estimators.map((estimate, asset) => estimate(markets[asset]![hour]!)))
    const tails = timed('routes', () =>
      routes.map((route, chain) => {
        route.observe((5 + 120 * chain) * (0.5 + chance()))
        return route.tail()
      }),
    )
    timed('haircuts', () => {
      for (const [asset, forecast] of forecasts.entries()) {
        if (forecast === undefined) continue
        for (const [chain, place] of places[asset]!.entries()) {
          const inputs = { ...place.inputs, ...forecast, latencyTailSeconds: tails[chain]! }
          const { slow, fast } = computeHaircut(inputs, DEFAULTS, place.before)
          place.before = { haircut: slow, seconds: HOUR }
          sum += fast
          count += 1
        }
      }
    })
    if (performance.now() - said < PROGRESS_MS) continue
    said = performance.now()
    console.error(`${Math.round((100 * hour) / BARS)} % of the year`)
  }
  return { spent, count, mean: Number(sum / BigInt(Math.max(1, count))) / 1e18 }

  function timed<Result>(part: keyof typeof spent, work: () => Result): Result {
    const started = process.cpuUsage()
    const result = work()
    spent[part] += secondsSince(started)
    return result
  }
}

/** The same forecast of one asset out of all its bars so far, without anything kept: what it costs, and that it is the same. */
function runAnew() {
  const candles = markets[0]!
  const estimate = estimatorOf(DEFAULTS)
  const from = candles.length - ANEW_HOURS
  for (const candle of candles.slice(0, from)) estimate(candle)
  const started = process.cpuUsage()
  const kept = candles.slice(from).map(estimate)
  const keptSeconds = secondsSince(started)
  const restarted = process.cpuUsage()
  const again = kept.map((_, i) => {
    const fresh = estimatorOf(DEFAULTS)
    let last: ReturnType<Estimator>
    for (const candle of candles.slice(0, from + i + 1)) last = fresh(candle)
    return last
  })
  const isSame = kept.every((one, i) => one?.quantile === again[i]?.quantile)
  if (!isSame) throw new Error('What was kept and what was made anew differ.')
  return { perHour: secondsSince(restarted) / ANEW_HOURS, keptPerHour: keptSeconds / ANEW_HOURS }
}

/** One asset, its regressions fitted again after every bar instead of weekly and monthly. */
function runHourly() {
  const candles = markets[0]!.slice(0, HOURLY_BARS)
  const { estimator } = DEFAULTS
  const often: Defaults = {
    ...DEFAULTS,
    estimator: { ...estimator, refit: 1, regression: { ...estimator.regression, refit: 1 } },
  }
  const perBar = (defaults: Defaults) => {
    const estimate = estimatorOf(defaults)
    const started = process.cpuUsage()
    for (const candle of candles) estimate(candle)
    return secondsSince(started) / candles.length
  }
  return { usual: perBar(DEFAULTS), often: perBar(often) }
}

function estimatorOf(defaults: Defaults): Estimator {
  const [memory, conditional, everything] = [memoryOf(defaults), conditionalOf(defaults), longRun()]
  return (candle) => {
    const seen = memory(candle)
    if (seen === undefined) return undefined
    if (seen.loss !== undefined) everything.add(seen.loss)
    const known = conditional(seen)
    return known && { quantile: known[CHOSEN], longRunQuantile: everything.quantile(1 - defaults.alpha) }
  }
}

function placeOf(route: Route, chain: number): Place {
  const inputs: HaircutInputs = {
    quantile: 0,
    longRunQuantile: 0,
    gap: 0.02,
    finalitySeconds: 12 + 60 * chain,
    latencyTailSeconds: 0,
    heartbeatAgeSeconds: 20 + 10 * chain,
    amount: 50_000,
    held: 1e6,
    depthPerDay: 5e7,
    depthLeft: 0.2,
    spread: 0.0005,
    oracleAgeSeconds: 10,
    oracleConfidence: 0.0005,
    peg: 0,
    failuresPerYear: 0.01,
    lossGivenFailure: 1,
    least: 0.05,
  }
  return { route, inputs, before: undefined }
}

/** Made-up hours whose wildness wanders. */
function candlesOf(bars: number): Candle[] {
  let [close, log] = [100, 0]
  return Array.from({ length: bars }, (_, i) => {
    log = 0.99 * log + 0.1 * (chance() + chance() - 1)
    const sigma = 0.007 * Math.exp(log)
    const open = close
    close = open * Math.exp(sigma * 1.7 * (chance() + chance() + chance() + chance() - 2))
    const [above, below] = [1 + sigma * chance(), 1 - sigma * chance()]
    const time = 1_700_006_400 + i * HOUR
    return {
      time,
      open,
      close,
      high: Math.max(open, close) * above,
      low: Math.min(open, close) * below,
    }
  })
}

/** Xorshift, so that every run has the same markets. */
function chanceOf(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

function pageOf(): string {
  const { spent, count, mean } = year
  const total = spent.estimates + spent.routes + spent.haircuts
  const number = (value: number, digits = 0) =>
    value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })
  return `# Speed of estimation

Written by \`npm run bench -- risk\`: ${number(BARS)} hourly bars of each of ${ASSETS} made-up assets on ${CHAINS} chains. Every hour each asset's loss quantile (${CHOSEN}, its regressions refit weekly and
monthly) and each route's tail are brought up to date, and every pair is given its fast and slow haircut and latency premium: ${number(count)} of them, ${number(100 * mean, 1)} % in the mean. CPU seconds of one thread, on a machine with ${cpus().length} cores whose load
average was ${loadavg()[0]?.toFixed(1)} at the end.

| part | CPU s | each |
|---|---:|---:|
| estimates, ${number(ASSETS * BARS)} | ${number(spent.estimates, 1)} | ${number((1e6 * spent.estimates) / (ASSETS * BARS), 1)} µs |
| route tails, ${number(CHAINS * BARS)} | ${number(spent.routes, 1)} | ${number((1e6 * spent.routes) / (CHAINS * BARS), 1)} µs |
| haircuts, ${number(count)} | ${number(spent.haircuts, 1)} | ${number((1e6 * spent.haircuts) / count, 1)} µs |
| all | ${number(total, 1)} | **${number(count / total)} asset-chains per second of CPU** |

Compared in the same run, for one asset:

| an hour's estimate | CPU | ratio |
|---|---:|---:|
| brought up to date | ${number(1e6 * anew.keptPerHour, 1)} µs | 1 |
| made anew out of all bars so far, the same to the last bit | ${number(1000 * anew.perHour, 1)} ms | ${number(anew.perHour / anew.keptPerHour)} |
| brought up to date, over its first ${number(HOURLY_BARS)} bars | ${number(1e6 * hourly.usual, 1)} µs | 1 |
| the same, both regressions refit every hour | ${number(1000 * hourly.often, 2)} ms | ${number(hourly.often / hourly.usual)} |
`
}
