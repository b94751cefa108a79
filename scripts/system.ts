// Prints a made-up clearing with many accounts for `omnimargin risk contagion --system`: the shipped chains and parameters, and
// accounts out of a seed. `node scripts/system.ts ACCOUNTS [SEED] > FILE`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawBetween, drawsOf } from '@omnimargin/risk/random'

type Shipped = { feeds: { symbol: string; price: string }[]; markets: { symbol: string; chain: string }[] }

const [count = '', seed = '1'] = process.argv.slice(2)
if (!/^[1-9]\d*$/.test(count) || !/^\d+$/.test(seed)) {
  process.stderr.write('Give how many accounts, and a seed or none: node scripts/system.ts 2000 7\n')
  process.exit(2)
}
const file = join(import.meta.dirname, '..', 'risk', 'systems', 'three-chains.json')
const shipped: Shipped = JSON.parse(readFileSync(file, 'utf8'))
const draw = drawsOf(BigInt(seed))
const between = (low: number, high: number) => Number(drawBetween(draw, BigInt(low), BigInt(high)))
const accounts = Array.from({ length: Number(count) }, (_, i) => made(`${i + 1}`))
process.stdout.write(`${JSON.stringify({ ...shipped, name: `${count} accounts, seed ${seed}`, accounts }, null, 1)}\n`)

/** Dollars in up to three lines, a few accounts with most of them; each has up to four positions, and may lose little or much. */
function made(name: string) {
  const dollars = between(1, 9) * 10 ** between(2, 5)
  const some = (most: number, price: number) => ((dollars * between(1, most)) / 1_000 / price).toFixed(6)
  const isTaken = () => between(0, 1) === 1
  const open = shipped.markets.filter(isTaken).map(({ symbol, chain }) => {
    const price = Number(shipped.feeds.find((feed) => feed.symbol.startsWith(symbol.slice(0, 3)))?.price)
    const size = `${isTaken() ? '' : '-'}${some(2_000, price)}`
    return [`${symbol}@${chain}`, { size, entry: `${Math.round((price * between(980, 1_020)) / 1_000)}` }]
  })
  const held = [
    ['USDC@trading', some(1_000, 1)],
    ...(isTaken() ? [['USDC@fast', some(1_000, 1)]] : []),
    ...(isTaken() ? [['WETH@slow', some(1_000, 2_000)]] : []),
  ]
  return { name, lines: Object.fromEntries(held), positions: Object.fromEntries(open) }
}
