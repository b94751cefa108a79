/** `omnimargin reconcile`: both sides of a running deployment at one glance. */
import { readerOf } from '@omnimargin/service/clients'
import { ConfigError, readConfig } from '@omnimargin/service/config'
import { type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import type { BlockOf } from '@omnimargin/service/reconcile/place'
import { readSides } from '@omnimargin/service/reconcile/read'
import type { SeenBlock } from '@omnimargin/service/reconcile/sides'
import { addUp, holds, type Sum } from '@omnimargin/service/reconcile/sums'
import { amount, moment } from './terminal/amounts.ts'
import { type Screen, screenOn } from './terminal/screen.ts'

export type ReconcileOptions = { readonly deployment: string; readonly block: readonly string[] }

/** Returns the exit code: 0 only if every equation holds. Throws ConfigError, and ChainError where a chain cannot be read. */
export async function reconcile({ deployment: file, block }: ReconcileOptions): Promise<number> {
  const screen = screenOn(process.stdout)
  const deployment = readConfig(file, deploymentSchema)
  const readers = new Map(deployment.chains.map((chain) => [chain.chainId, readerOf(chain)]))
  const sides = await readSides(deployment, readers, blocksOf(deployment, block))
  const sums = addUp(sides)
  showBlocks(screen, sides.blocks)
  showSums(screen, sums)
  const verdict = verdictOf(sums)
  screen.say(verdict.text)
  return verdict.isRight ? 0 : 1
}

export function showSums(screen: Screen, sums: readonly Sum[]): void {
  screen.table(['equation', 'left', 'right', 'of that\nunder way', ''], sums.map(rowOf))
}

/** The last line: that all is right, or the first equation that is not, to the last digit. */
export function verdictOf(sums: readonly Sum[]): { isRight: boolean; text: string } {
  const first = sums.find((sum) => !holds(sum))
  if (!first) return { isRight: true, text: 'Both sides add up.' }
  const { what, left, right, decimals, culprit } = first
  const exact = (value: bigint) => amount(value, decimals, decimals)
  const where = culprit === undefined ? '' : ` First of all: ${culprit}.`
  const difference = `"${what}" does not hold: ${exact(left)} against ${exact(right)}, ${exact(left - right)} apart.`
  return { isRight: false, text: `${difference}${where}` }
}

function rowOf(sum: Sum): string[] {
  const show = (value: bigint) => amount(value, sum.decimals, digitsOf(sum.decimals))
  const underWay = sum.underWay.map(({ what, amount }) => `${show(amount)} ${what}`).join('; ')
  return [sum.what, show(sum.left), show(sum.right), underWay, holds(sum) ? '✓' : '✗']
}

function digitsOf(decimals: number): number {
  return Math.min(4, decimals)
}

function showBlocks(screen: Screen, blocks: readonly SeenBlock[]): void {
  screen.table(
    ['chain', 'id', 'read at block', 'of'],
    blocks.map(({ name, chainId, number, time }) => [name, chainId, `${number}`, moment(time)]),
  )
}

/** Every chain at its finalized block, but those named. Throws ConfigError for a chain that is not there. */
function blocksOf({ chains }: Deployment, named: readonly string[]): BlockOf {
  const blocks = new Map(
    named.map((text) =>
      blockIn(
        chains.map(({ name }) => name),
        text,
      ),
    ),
  )
  return ({ name }) => blocks.get(name) ?? 'finalized'
}

function blockIn(names: readonly string[], text: string): [string, bigint] {
  const [, name = '', number = ''] = /^(.+)=(\d{1,18})$/.exec(text) ?? []
  if (!names.includes(name)) {
    throw new ConfigError(`--block ${text}: give it as chain=number, the chain one of ${names.join(', ')}.`)
  }
  return [name, BigInt(number)]
}
