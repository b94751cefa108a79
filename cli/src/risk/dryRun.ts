/** `omnimargin risk dry-run`: new parameters against every account of a running deployment, before anybody sets them. */
import { Clearing, Misfits } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import { type DryRun, dryRun, type Refusal, type Verdict } from '@omnimargin/core/dryrun'
import { type Parameters, packParameters } from '@omnimargin/core/parameters'
import type { Ratio } from '@omnimargin/core/wad'
import { readerOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { chainOf } from '@omnimargin/service/deployment'
import { encodeFunctionData } from 'viem'
import { decimalJson } from '../json.ts'
import { blockAsked, decimalOf } from '../names.ts'
import { amount, moment, percent } from '../terminal/amounts.ts'
import { type Screen, screenOn } from '../terminal/screen.ts'
import { type Live, readLive } from './live.ts'
import { parametersSchema, parametersToJson } from './parameters.ts'

export type DryRunOptions = {
  readonly parameters: string
  readonly deployment: string
  readonly maxShare: string
  readonly block: string
  readonly json: boolean
}

/** The parameters should not be set. */
const NO = 2

/**
 * Returns the exit code: 0 if they may be set, else 2. Throws ConfigError with the place of what cannot be used, and
 * ChainError where a chain cannot be read.
 */
export async function dryRunParameters({ parameters: file, deployment, maxShare, block, json }: DryRunOptions) {
  const most = shareOf(maxShare)
  const parameters = readConfig(file, parametersSchema)
  const live = await readLive(deployment, blockAsked(block))
  const verdict = dryRun(live.ledger, parameters, live.block.time, most)
  const refused = verdict.code ?? (await refusedByClearing(live, parameters))
  const why = reasonOf(verdict, refused, most)
  if (json) process.stdout.write(jsonOf(verdict, live, refused, why))
  else show(screenOn(process.stdout), live, verdict, why)
  return refused === undefined ? 0 : NO
}

export async function printParameters({ deployment, block }: { deployment: string; block: string }): Promise<void> {
  const { ledger } = await readLive(deployment, blockAsked(block))
  if (!ledger.parameters) throw new ConfigError(`${deployment}: its clearing has no parameters yet: set them first.`)
  process.stdout.write(parametersToJson(ledger.parameters))
}

/** The name of the error with which the clearing would refuse them from its owner, at its newest block. */
async function refusedByClearing({ deployment }: Live, parameters: Parameters): Promise<string | undefined> {
  const { address, chainId } = deployment.clearing
  const reader = readerOf(chainOf(deployment, chainId))
  const from = await reader.readContract({ address, abi: Clearing.abi, functionName: 'owner' })
  const args = [packParameters(parameters)] as const
  const data = encodeFunctionData({ abi: Clearing.abi, functionName: 'setParameters', args })
  return refusalOf(reader, { from, to: address, data }, [...Clearing.abi, ...Misfits.abi])
}

function shareOf(text: string): Ratio {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  if (digits === undefined) throw new ConfigError(`--max-share ${text}: give it as a percentage, as 1% or 0.5%.`)
  return decimalOf(`--max-share ${text}`, digits, 16)
}

function reasonOf(verdict: Verdict, refused: Refusal | string | undefined, most: Ratio): string {
  if (refused === undefined) return 'They may be set.'
  if ('what' in verdict) return `They may not be set: ${verdict.what} (${refused}).`
  if (verdict.code === undefined) return `They may not be set: the clearing itself refuses them (${refused}).`
  return `They may not be set: ${percent(verdict.figures.share)} of the margin would become liquidatable, ${percent(most)} is allowed (${refused}).`
}

function show(screen: Screen, { block, ledger }: Live, verdict: Verdict, why: string): void {
  screen.say(`Read at block ${block.number} of ${block.name}, ${moment(block.time)}.`)
  if ('figures' in verdict) {
    const { accounts, untellable, liquidatableNow, becomeLiquidatable, loseInitial } = verdict.figures
    const { margin, marginAtStake, share } = verdict.figures
    screen.table(
      ['accounts', ''],
      [
        ['that there are', ledger.accounts.size],
        ['that need margin', accounts],
        ['  whose margin nobody can tell now', untellable.length],
        ['liquidatable as it is', liquidatableNow.length],
        ['would become liquidatable', becomeLiquidatable.length],
        ['  their margin, of that of all, USD', `${amount(marginAtStake)} / ${amount(margin)}`],
        ['  as a share', percent(share)],
        ['would lose initial margin', loseInitial.length],
      ],
    )
    for (const id of untellable.slice(0, NAMED)) screen.say(`Judged by the last price, the newest is too old: ${id}`)
    for (const id of becomeLiquidatable.slice(0, NAMED)) screen.say(`Would become liquidatable: ${id}`)
  }
  screen.say(why)
}

const NAMED = 10

function jsonOf(verdict: Verdict, { block }: Live, refused: string | undefined, why: string): string {
  const figures: DryRun | undefined = 'figures' in verdict ? verdict.figures : undefined
  const { number, time } = block
  const plain = { block: Number(number), time: Number(time), ...figures, refused: refused ?? null, verdict: why }
  return decimalJson(plain)
}
