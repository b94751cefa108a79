/** `omnimargin start`: the whole system on this machine, and its story. */
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { jsonOf } from '@omnimargin/service/json'
import type { LogEvent } from '@omnimargin/service/role'
import { type StoryName, tell } from './story/story.ts'
import { readLedger } from './story/witness.ts'
import { stopwatch } from './terminal/amounts.ts'
import { type Screen, screenOn } from './terminal/screen.ts'

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130

export type StartOptions = { readonly once: boolean; readonly verbose: boolean; readonly stories: readonly StoryName[] }

/** Returns the exit code. Stays up after the story, until a signal, unless told `once`. */
export async function start({ once, verbose, stories }: StartOptions, stopped: AbortSignal): Promise<number> {
  const screen = screenOn(process.stdout)
  const since = stopwatch()
  const hearers: ((event: LogEvent) => void)[] = []
  const log = (event: LogEvent) => {
    for (const hear of hearers) hear(event)
    if (event.event === 'started_anew') screen.say('\nThe deployment file has changed: every role runs anew with it.')
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
    screen.say(outcome ? `\nEvery step and every sum was right, in ${since()}.` : '\nA sum was wrong: see the ✗ above.')
    if (once || !outcome) return outcome ? 0 : 1
    showAddresses(devnet, screen)
    devnet.start('steward')
    devnet.start('watcher')
    await showCommands(devnet, screen)
    screen.say('\nEverything stays up until Ctrl-C.')
    return await Promise.race([interrupted.then(() => 0), devnet.failed])
  } finally {
    await devnet.stop()
  }
}

/** What a second terminal may ask, whole. */
async function showCommands(devnet: Devnet, screen: Screen): Promise<void> {
  const suggest = (why: string, text: string) => {
    screen.say(`\n${why}`)
    screen.command(`npm run -s omnimargin -- ${text} --deployment ${devnet.deploymentFile}`)
  }
  screen.say(`\nWhere everything is: ${devnet.deploymentFile}`)
  suggest('Both sides once more, from another terminal:', 'reconcile')
  suggest('A steward now moves the haircuts to what it measures. What one is made of:', 'risk explain ETH --chain slow')
  const trader = accountOf(devnet.trader.address)
  const what = `whatif --account ${trader} --shock ETH/USD:-10% --lose fast`
  suggest('What if ETH fell and the fast chain were lost, for one of those who trade:', what)
  const deposit = `deposit --account ${trader} --key-file ${devnet.traderKeyFile} --asset USDC --amount 1000 --chain fast`
  suggest('As that trader, lock more collateral; with --dry-run only the plan:', deposit)
  const asset = await assetOf(devnet, trader)
  const withdraw = `withdraw --account ${trader} --key-file ${devnet.traderKeyFile} ${asset} --amount 1`
  suggest('And take some of the collateral home:', withdraw)
  screen.say('\nPut a venue of your own under it, as its council, and trade there (docs/venue.md):')
  screen.command(`npm run -s desk -- ${devnet.deploymentFile} ${devnet.councilKeyFile}`)
}

/** What the account's first line is of, as options. */
async function assetOf(devnet: Devnet, account: Hex): Promise<string> {
  const [line] = (await readLedger(devnet)).accounts.get(account)?.lines ?? []
  const token = devnet.deployment.tokens[line?.listing ?? 0]
  const chain = devnet.chains.find(({ plan }) => plan.chainId === token?.chainId)
  return `--asset ${token?.symbol} --chain ${chain?.plan.name}`
}

/** Their RPC is in the first chapter. */
function showAddresses({ chains, deployment, oracle }: Devnet, screen: Screen): void {
  const rows = deployment.chains.flatMap(({ name, roots, emitters }) => [
    ...emitters.map(({ kind, address }) => [name, kind, address]),
    [name, 'roots', roots],
  ])
  const tokens = deployment.tokens.map(({ chainId, symbol, address }) => {
    const chain = chains.find(({ plan }) => plan.chainId === chainId)
    return [chain?.plan.name ?? '', symbol, address]
  })
  screen.say('')
  screen.table(['chain', 'contract', 'address'], [...rows, ...tokens])
  screen.say(`Prices, as Pyth’s Hermes gives them: ${oracle.url}`)
}

function formatEvent({ role, event, ms, ...details }: LogEvent): string {
  return `${(ms / 1000).toFixed(3)} ${role} ${event} ${jsonOf(details)}`
}
