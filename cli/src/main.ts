#!/usr/bin/env node
/** `omnimargin`: what an operator types. */
import { Command, Option } from 'commander'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
// Whoever launched this, with a channel between, may be killed outright; the channel itself keeps nobody running.
process.on('disconnect', () => stopping.abort())
process.channel?.unref()

const program = new Command('omnimargin')
  .description('One margin account over every chain.')
  .showHelpAfterError('(omnimargin --help tells what there is)')

program
  .command('start')
  .description('run everything on this machine, and tell the story from deposit to liquidation')
  .option('--once', 'exit after the story, with 0 only if every step and sum was right', false)
  .addOption(new Option('--verbose', 'print what every role does, on standard error').default(false))
  .action(async (options: { once: boolean; verbose: boolean }) => {
    const { start } = await import('./start.ts')
    process.exitCode = await start(options, stopping.signal)
  })

program
  .command('run')
  .description('run one role until it is stopped')
  .argument('<role>', 'attestor, relayer, publisher or keeper')
  .requiredOption('--config <file>', 'the role’s configuration, JSON')
  .action(async (role: string, { config }: { config: string }) => {
    const { run } = await import('./run.ts')
    await run(role, config, stopping.signal)
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
    process.exitCode = await reconcile(options)
  })

try {
  await program.parseAsync()
} catch (failure) {
  const isExpected = failure instanceof Error && 'retry' in failure
  process.stderr.write(`${isExpected ? failure.message : failure instanceof Error ? failure.stack : failure}\n`)
  process.exitCode = 1
}
// A keep-alive socket must not hold the process.
setTimeout(() => process.exit(), 500).unref()
