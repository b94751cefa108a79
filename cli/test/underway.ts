import assert from 'node:assert/strict'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { readSides } from '@omnimargin/service/reconcile/read'
import { addUp, holds } from '@omnimargin/service/reconcile/sums'

/** What is under way of a market at the newest blocks; every sum holds all the same. */
export async function underWayOf({ chains, deployment }: Devnet, market: number): Promise<bigint[]> {
  const readers = new Map(chains.map(({ plan, reader }) => [plan.chainId, reader]))
  const sides = await readSides(deployment, readers, () => 'latest')
  const sums = addUp(sides)
  assert.deepEqual(
    sums.filter((sum) => !holds(sum)),
    [],
  )
  const name = sides.markets[market]?.name ?? ''
  return sums.flatMap(({ what, underWay }) => (what.startsWith(name) ? underWay.map(({ amount }) => amount) : []))
}
