/** The commands under `omnimargin risk`: questions about accounts, assets and parameters. None of them changes anything. */
import type { Command } from 'commander'
import type { ContagionOptions } from './risk/contagion.ts'
import type { DryRunOptions } from './risk/dryRun.ts'
import type { ExplainOptions } from './risk/explain.ts'
import { awaited } from './terminal/progress.ts'

export function addRisk(program: Command): void {
  const risk = program.command('risk').description('questions about accounts, assets and parameters; nothing is sent')
  addContagion(risk)
  addDryRun(risk)
  addListing(risk)
  addExplain(risk)
}

function addContagion(risk: Command): void {
  risk
    .command('contagion')
    .description('what each chain, route, price, issuer and account would cost if it failed, alone and two at once')
    .option('--deployment <file>', 'a running deployment, JSON; or:')
    .option('--system <file>', 'a clearing with its accounts, JSON')
    .option('--terms <file>', 'what markets bear and who issues what, JSON (default: those shipped)')
    .option(
      '--config <file>',
      'what the steward is told of each asset on each chain, JSON (default: that of the devnet)',
    )
    .option('--insurance <usd>', 'what is there to pay bad debt with', '0')
    .option('--block <block>', 'finalized, latest, or a number on the clearing’s chain (default: finalized)')
    .option('--top <rows>', 'how many failures to tell', '20')
    .option('--json', 'print JSON, amounts as decimal strings', false)
    .action(async (options: Omit<ContagionOptions, 'terms' | 'config'> & Partial<ContagionOptions>) => {
      const { contagion, SHIPPED_TERMS } = await import('./risk/contagion.ts')
      const { SHIPPED_MEASURES } = await import('./risk/measures.ts')
      await awaited(
        'Reading the clearing’s chain, then trying every failure',
        contagion({ terms: SHIPPED_TERMS, config: SHIPPED_MEASURES, ...options }),
      )
    })
}

function addDryRun(risk: Command): void {
  risk
    .command('parameters')
    .description('the parameters that a running deployment has, as the JSON that dry-run takes')
    .requiredOption('--deployment <file>', 'where everything is, JSON')
    .option('--block <block>', 'finalized, latest, or a number on the clearing’s chain', 'finalized')
    .action(async (options: { deployment: string; block: string }) => {
      const { printParameters } = await import('./risk/dryRun.ts')
      await awaited('Reading the clearing’s chain', printParameters(options))
    })
  risk
    .command('dry-run')
    .description('new parameters against every live account: who would be liquidatable, who would lose initial margin')
    .argument('<parameters>', 'the new parameters, JSON')
    .requiredOption('--deployment <file>', 'where everything is, JSON')
    .option('--max-share <percent%>', 'refuse if more of the margin than this would become liquidatable', '1%')
    .option('--block <block>', 'finalized, latest, or a number on the clearing’s chain', 'finalized')
    .option('--json', 'print JSON, amounts as decimal strings', false)
    .action(async (parameters: string, options: Omit<DryRunOptions, 'parameters'>) => {
      const { dryRunParameters } = await import('./risk/dryRun.ts')
      process.exitCode = await awaited('Reading the clearing’s chain', dryRunParameters({ ...options, parameters }))
    })
}

function addListing(risk: Command): void {
  risk
    .command('list-asset')
    .description('the class, cap and haircuts that an asset may be listed with, or why it may not')
    .argument('<file>', 'depth, feeds, verifiers and history of the asset, JSON')
    .option('--as-of <time>', 'judge it as of then, 2024-01-01 (default: what the file says, or now)')
    .option('--json', 'print JSON: amounts as decimal strings, terms of the haircut and seconds as numbers', false)
    .action(async (file: string, options: { json: boolean; asOf?: string }) => {
      const { listAsset } = await import('./risk/listing.ts')
      process.exitCode = listAsset(file, options)
    })
}

function addExplain(risk: Command): void {
  risk
    .command('explain')
    .description('what a haircut is made of, term by term, and what the clearing makes of it now')
    .argument('<asset>', 'an asset’s symbol, or that of its price, as WETH, ETH or ETH/USD')
    .requiredOption('--chain <chain>', 'where it is locked, by name or id')
    .requiredOption('--deployment <file>', 'where everything is, JSON')
    .option('--config <file>', 'what the steward is told, JSON (default: that of the devnet)')
    .option('--block <block>', 'finalized, latest, or a number on the clearing’s chain', 'latest')
    .option('--json', 'print JSON: shares and seconds as numbers, what is on chain as decimal strings', false)
    .action(async (asset: string, options: Omit<ExplainOptions, 'asset' | 'config'> & { config?: string }) => {
      const { explain } = await import('./risk/explain.ts')
      const { SHIPPED_MEASURES } = await import('./risk/measures.ts')
      await awaited('Measuring', explain({ config: SHIPPED_MEASURES, ...options, asset }))
    })
}
