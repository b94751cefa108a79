/** `omnimargin start`: the whole system on this machine, and its story. */
import type { Hex } from '@omnimargin/core/bytes'
import type { Ledger } from '@omnimargin/core/ledger'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import type { LogEvent } from '@omnimargin/service/role'
import { screenOn } from './story/screen.ts'
import { type StoryName, tell } from './story/story.ts'
import { readLedger } from './story/witness.ts'

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130

export type StartOptions = { readonly once: boolean; readonly verbose: boolean; readonly stories: readonly StoryName[] }

/** Returns the exit code. Stays up after the story, until a signal, unless told `once`. */
export async function start({ once, verbose, stories }: StartOptions, stopped: AbortSignal): Promise<number> {
  const screen = screenOn(process.stdout)
  const startedMs = performance.now()
  const hearers: ((event: LogEvent) => void)[] = []
  const log = (event: LogEvent) => {
    for (const hear of hearers) hear(event)
    // What fails because everything ends is no news.
    if (verbose || (event.event === 'failed' && !stopped.aborted)) process.stderr.write(`${formatEvent(event)}\n`)
  }
  screen.say('Starting three chains, the contracts, four attestors, relayer, publisher, keeper and sentinel …')
  const devnet = await startDevnet({ log })
  const interrupted = new Promise<'stopped'>((resolve) => {
    if (stopped.aborted) resolve('stopped')
    stopped.addEventListener('abort', () => resolve('stopped'))
  })
  try {
    if (stopped.aborted) return INTERRUPTED
    const story = tell({ devnet, screen, onLog: (hear) => hearers.push(hear) }, stories)
    const outcome = await Promise.race([story, devnet.failed, interrupted])
    if (outcome === 'stopped') return INTERRUPTED
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    screen.say(
      outcome ? `\nEvery step and every sum was right, in ${seconds} s.` : '\nA sum was wrong: see the ✗ above.',
    )
    if (once || !outcome) return outcome ? 0 : 1
    showAddresses(devnet, screen)
    devnet.start('steward')
    devnet.start('watcher')
    const command = (text: string) => `    npm run omnimargin -- ${text} --deployment ${devnet.deploymentFile}`
    screen.say(
      `\nWhere everything is: ${devnet.deploymentFile}\nBoth sides once more, from another terminal:\n\n${command('reconcile')}`,
    )
    screen.say(
      `\nA steward now moves the haircuts to what it measures. What one is made of:\n\n${command('risk explain ETH --chain slow')}`,
    )
    const trader = traderIn(await readLedger(devnet))
    if (trader) {
      const what = `whatif --account ${trader} --shock ETH/USD:-10% --lose fast`
      screen.say(`\nWhat if ETH fell and the fast chain were lost, for somebody who trades there:\n\n${command(what)}`)
    }
    screen.say('\nEverything stays up until Ctrl-C.')
    return await Promise.race([interrupted.then(() => 0), devnet.failed])
  } finally {
    await devnet.stop()
  }
}

/** One that has a position at a venue on another chain. */
function traderIn({ accounts, parameters }: Ledger): Hex | undefined {
  const isFar = (market: number) => parameters?.venues[parameters.markets[market]?.venue ?? -1]?.isRemote
  const found = [...accounts].find(([, { positions }]) =>
    [...positions].some(([market, { size }]) => size !== 0n && isFar(market)),
  )
  return found?.[0]
}

function showAddresses({ chains, deployment }: Devnet, screen: ReturnType<typeof screenOn>): void {
  const rows = deployment.chains.flatMap(({ name, rpc, roots, emitters }) => [
    ...emitters.map(({ kind, address }) => [name, kind, address, rpc[0] ?? '']),
    [name, 'roots', roots, rpc[0] ?? ''],
  ])
  const tokens = deployment.tokens.map(({ chainId, symbol, address }) => {
    const chain = chains.find(({ plan }) => plan.chainId === chainId)
    return [chain?.plan.name ?? '', symbol, address, chain?.url ?? '']
  })
  screen.say('')
  screen.table(['chain', 'contract', 'address', 'RPC'], [...rows, ...tokens])
}

function formatEvent({ role, event, ms, ...details }: LogEvent): string {
  const bigints = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
  return `${(ms / 1000).toFixed(3)} ${role} ${event} ${JSON.stringify(details, bigints)}`
}
