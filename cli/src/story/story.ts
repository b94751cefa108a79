/** The story of `npm start`: its chapters in order, and both sides added up at the end. */
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { readSides } from '@omnimargin/service/reconcile/read'
import { addUp, holds } from '@omnimargin/service/reconcile/sums'
import type { LogEvent } from '@omnimargin/service/role'
import { showSums } from '../reconcile.ts'
import type { Screen } from '../terminal/screen.ts'
import { tellHedge } from './hedge.ts'
import { tellLate } from './late.ts'
import { tellLiquidation } from './liquidation.ts'

export type Teller = {
  readonly devnet: Devnet
  readonly screen: Screen
  readonly onLog: (hear: (event: LogEvent) => void) => void
}

/** What can be told, in the order in which it is. */
export const STORIES = { liquidation: tellLiquidation, hedge: tellHedge, late: tellLate } as const
export type StoryName = keyof typeof STORIES
/** Whose protagonist is the devnet's trader, whose key a reader may take: the first of these that is told. */
const LEADS: readonly StoryName[] = ['hedge', 'liquidation', 'late']

/** Tells the stories named. Throws with the step that went wrong; returns whether every sum was right. */
export async function tell(teller: Teller, names: readonly StoryName[]): Promise<boolean> {
  const { devnet, screen } = teller
  showChains(teller)
  const lead = LEADS.find((name) => names.includes(name))
  for (const name of Object.keys(STORIES) as StoryName[]) {
    if (names.includes(name)) await STORIES[name](teller, name === lead ? devnet.trader : undefined)
  }
  screen.chapter('Both sides add up, on every chain')
  const readers = new Map(devnet.chains.map(({ plan, reader }) => [plan.chainId, reader]))
  const sums = addUp(await readSides(devnet.deployment, readers, () => 'latest'))
  showSums(screen, sums)
  return sums.every(holds)
}

function showChains({ devnet: { chains }, screen }: Teller): void {
  screen.chapter('Three chains, one clearing')
  screen.table(
    ['chain', 'id', 'block', 'final after', 'RPC'],
    chains.map(({ plan, url }) => {
      const lag = 2 * plan.slotsInAnEpoch
      return [
        plan.name,
        plan.chainId,
        `${plan.blockMs / 1000} s`,
        `${lag} blocks, ${(lag * plan.blockMs) / 1000} s`,
        url,
      ]
    }),
  )
}
