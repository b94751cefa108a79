// `npm run bench [-- NAME ...]`: measures one thing and writes its page in docs/. Without a name, latency.
const benches: Record<string, () => Promise<unknown>> = {
  latency: () => import('./bench/latency.ts'),
  risk: () => import('./bench/risk.ts'),
}

const asked = process.argv[2]
const name = asked === undefined || asked.startsWith('-') ? 'latency' : asked
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined
if (bench === undefined) {
  process.stderr.write(`There is no bench '${name}': there are ${Object.keys(benches).join(', ')}.\n`)
  process.exit(2)
}
if (name === asked) process.argv.splice(2, 1)
await bench()
