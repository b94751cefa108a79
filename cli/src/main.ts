#!/usr/bin/env node
/** `omnimargin`: what an operator types. */
import { Command, Option } from 'commander'
import type { BacktestOptions } from './backtest.ts'
import type { CompareOptions } from './compare.ts'
import type { FitOptions } from './fit.ts'
import { addRisk } from './risk.ts'
import type { StoryName } from './story/story.ts'
import { awaited, complain } from './terminal/progress.ts'
import type { TransferOptions } from './transfer.ts'
import { FORMS, type Typed } from './whatif/forms.ts'
import type { WhatIfOptions } from './whatif.ts'
import type { WithdrawOptions } from './withdraw.ts'

const stopping = new AbortController()
/** For what has something to put away before it ends; all else a signal ends as it ends any program. */
function untilStopped(): AbortSignal {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
  return stopping.signal
}
// Whoever launched this, with a channel between, may be killed outright; the channel itself keeps nobody running.
process.on('disconnect', () => stopping.abort())
process.channel?.unref()
// Who read what was printed may have seen enough, as `head` has: the rest is not said, and what runs on stops.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (failure: NodeJS.ErrnoException) => {
    if (failure.code !== 'EPIPE') throw failure
    stopping.abort()
  })
}

/** After an error of usage each command names its own help. */
function hintAtHelp(command: Command, typed: string): void {
  command.showHelpAfterError(`(${typed} --help tells what there is)`)
  for (const inner of command.commands) hintAtHelp(inner, `${typed} ${inner.name()}`)
}

const program = new Command('omnimargin')
  .description('One margin account over every chain.')
  .configureOutput({ outputError: (text) => complain(text.trimEnd()) })

program
  .command('start')
  .description(
    'run everything on this machine, and tell its stories: a liquidation, a hedge over two chains, a late one',
  )
  .option('--once', 'exit after the story, with 0 only if every step and sum was right', false)
  .addOption(new Option('--story <name>', 'tell only this one').choices(['liquidation', 'hedge', 'late']))
  .addOption(new Option('--verbose', 'print what every role does, on standard error').default(false))
  .action(async ({ story, ...options }: { once: boolean; verbose: boolean; story?: StoryName }) => {
    const [{ start }, { STORIES }] = await Promise.all([import('./start.ts'), import('./story/story.ts')])
    const stories = story ? [story] : (Object.keys(STORIES) as StoryName[])
    process.exitCode = await start({ ...options, stories }, untilStopped())
  })

program
  .command('run')
  .description('run one role until it is stopped')
  .argument('<role>', 'attestor, relayer, publisher, keeper, sentinel, steward or watcher')
  .requiredOption('--config <file>', 'the role’s configuration, JSON')
  .action(async (role: string, { config }: { config: string }) => {
    const { run } = await import('./run.ts')
    await run(role, config, untilStopped())
  })

program
  .command('reconcile')
  .description('add up both sides of a running deployment: vaults against the clearing, the clearing against itself')
  .requiredOption('--deployment <file>', 'where everything is, JSON; `start` prints where it wrote its own')
  .option(
    '--block <chain=number>',
    'read that chain at that block; at its finalized one unless told',
    (text: string, others: string[]) => [...others, text],
    [],
  )
  .action(async (options: { deployment: string; block: string[] }) => {
    const { reconcile } = await import('./reconcile.ts')
    process.exitCode = await awaited('Reading every chain', reconcile(options))
  })

const changes: Typed[] = []
const typed = (option: Typed['option']) => (text: string) => {
  changes.push({ option, text })
  return text
}
program
  .command('whatif')
  .description('margin of one live account before and after changes, made in the order given')
  .requiredOption('--deployment <file>', 'where everything is, JSON')
  .requiredOption('--account <id>', 'the account, 0x and 64 hexadecimal digits')
  .option(
    `--trade <${FORMS.trade}>`,
    'buy, or sell if the size is below zero, at the index unless told',
    typed('trade'),
  )
  .option(`--deposit <${FORMS.deposit}>`, 'lock collateral', typed('deposit'))
  .option(`--withdraw <${FORMS.withdraw}>`, 'release collateral', typed('withdraw'))
  .option(`--shock <${FORMS.shock}>`, 'a price that moves, as ETH/USD:-10%', typed('shock'))
  .option(`--lose <${FORMS.lose}>`, 'a chain that is never heard of again', typed('lose'))
  .option('--block <block>', 'finalized, latest, or a number on the clearing’s chain', 'finalized')
  .option('--json', 'print JSON, amounts as decimal strings', false)
  .action(async (options: Omit<WhatIfOptions, 'changes'>) => {
    const { whatif } = await import('./whatif.ts')
    process.exitCode = await awaited('Reading the clearing’s chain', whatif({ ...options, changes }))
  })

program
  .command('deposit')
  .description('lock an asset on its chain for an account, and wait until it counts; each call is a deposit of its own')
  .requiredOption('--deployment <file>', 'where everything is, JSON')
  .option(
    '--key-file <file>',
    'the private key of the wallet that pays, readable by nobody else; without it --dry-run looks at the owner’s wallet',
  )
  .requiredOption('--account <id>', 'the account, 0x and 64 hexadecimal digits')
  .requiredOption('--asset <symbol>', 'what to deposit; of a chain’s own coin the symbol of its wrapped token')
  .requiredOption('--amount <amount>', 'how much of it')
  .requiredOption('--chain <name>', 'the chain to lock it on')
  .option('--dry-run', 'print the plan and do nothing', false)
  .action(async (options: TransferOptions) => {
    const { deposit } = await import('./deposit.ts')
    process.exitCode = await deposit(options, untilStopped)
  })

program
  .command('withdraw')
  .description(
    'withdraw an asset on a chain: released, or bought for cash of those who owe it; all of it, or nothing and why',
  )
  .requiredOption('--deployment <file>', 'where everything is, JSON')
  .option('--key-file <file>', 'the private key of the account’s owner, readable by nobody else; --dry-run needs none')
  .requiredOption('--account <id>', 'the account, 0x and 64 hexadecimal digits')
  .requiredOption('--asset <symbol>', 'what to withdraw')
  .requiredOption('--amount <amount>', 'how much of it')
  .requiredOption('--chain <name>', 'the chain to withdraw it on')
  .option('--dry-run', 'print the plan and do nothing', false)
  .option('--partial', 'take what can be had now, where that is not all', false)
  .action(async (options: WithdrawOptions) => {
    const { withdraw } = await import('./withdraw.ts')
    process.exitCode = await withdraw(options, untilStopped)
  })

program
  .command('compare')
  .description('what books cost siloed, with a bridge and unified, over recorded prices')
  .option('--book <path...>', 'a book or a folder of books, JSON (default: those shipped)')
  .option('--prices <folder>', 'OHLCV files, named after their symbols (default: the made-up ones that are shipped)')
  .option('--from <time>', 'first bar, as 2024-01-01 or seconds since 1970')
  .option('--to <time>', 'end of the last bar')
  .option('--parameters <file>', 'rates, charges and the level of safety, JSON (default: those shipped)')
  .addOption(new Option('--format <format>', 'how to print').choices(['table', 'csv', 'json']).default('table'))
  .action(async (options: Partial<CompareOptions> & Pick<CompareOptions, 'format'>) => {
    const { compare, SHIPPED } = await import('./compare.ts')
    const { books, prices, parameters } = SHIPPED
    process.stdout.write(compare({ book: [books], prices, parameters, ...options }))
  })

program
  .command('backtest')
  .description('whether haircuts covered the hour that came after, by estimator, over recorded prices')
  .option(
    '--prices <folder>',
    'OHLCV files of hours or less, as docs/backtest.md tells under Price files (default: three made-up years)',
  )
  .option('--asset <symbol...>', 'only these')
  .option(
    '--peg <symbol=floor...>',
    'more that is to be worth one dollar, with the least of its haircut, as PYUSD=0.01',
  )
  .option('--from <time>', 'first hour that is judged; what is before it is history (default: after a year)')
  .option('--to <time>', 'end of the last one')
  .addOption(new Option('--format <format>', 'how to print').choices(['table', 'csv', 'json']).default('table'))
  .action(async (options: BacktestOptions) => {
    const { backtest } = await import('./backtest.ts')
    process.stdout.write(backtest(options))
  })

program
  .command('fit')
  .description('parameters for compare: rates and credits out of recorded prices, the rest out of other parameters')
  .requiredOption('--prices <folder>', 'OHLCV files, named after their symbols')
  .requiredOption('--from <time>', 'first bar, as 2020-01-01 or seconds since 1970')
  .requiredOption('--to <time>', 'end of the last bar')
  .option('--parameters <file>', 'what is kept as it is (default: those shipped)')
  .action(async (options: Omit<FitOptions, 'parameters'> & Partial<FitOptions>) => {
    const [{ fitParameters }, { SHIPPED }] = await Promise.all([import('./fit.ts'), import('./compare.ts')])
    process.stdout.write(fitParameters({ parameters: SHIPPED.parameters, ...options }))
  })

addRisk(program)
hintAtHelp(program, program.name())

try {
  await program.parseAsync()
} catch (failure) {
  const isExpected = failure instanceof Error && 'retry' in failure
  complain(`${isExpected ? failure.message : failure instanceof Error ? failure.stack : failure}`)
  process.exitCode = 1
}
// A keep-alive socket must not hold the process.
setTimeout(() => process.exit(), 500).unref()
