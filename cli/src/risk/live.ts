/** A running deployment's accounts at one block of the clearing's chain, held against the clearing itself. */
import { AnswersDisagree } from '@omnimargin/chains/errors'
import type { Ledger } from '@omnimargin/core/ledger'
import { readerOf } from '@omnimargin/service/clients'
import { readConfig } from '@omnimargin/service/config'
import { chainOf, type Deployment, deploymentSchema } from '@omnimargin/service/deployment'
import { readLedger } from '@omnimargin/service/reconcile/account'
import { readDiffering } from '@omnimargin/service/reconcile/home'
import type { At } from '@omnimargin/service/reconcile/place'
import type { SeenBlock } from '@omnimargin/service/reconcile/sides'

export type Live = { readonly deployment: Deployment; readonly ledger: Ledger; readonly block: SeenBlock }

/** Throws ConfigError, ChainSilent, WrongChain, BlockUnusable, or AnswersDisagree where the clearing says otherwise than its events. */
export async function readLive(file: string, at: At): Promise<Live> {
  const deployment = readConfig(file, deploymentSchema)
  const home = chainOf(deployment, deployment.clearing.chainId)
  const { place, ledger, block } = await readLedger(deployment, readerOf(home), at)
  const [differing] = await readDiffering(deployment, place, ledger)
  if (differing === undefined) return { deployment, ledger, block }
  throw new AnswersDisagree(`Account ${differing} at block ${block.number} is not at the clearing what its events say.`)
}
