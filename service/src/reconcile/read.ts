/** Reading both sides of a deployment off its chains, each at one block. */
import type { Hex } from '@omnimargin/core/bytes'
import { type Fields, KIND } from '@omnimargin/core/record'
import type { PublicClient } from 'viem'
import type { Deployment } from '../deployment.ts'
import { comesFrom, goesTo, type Home, readDiffering, readHome } from './home.ts'
import { type BlockOf, type Memory, type Places, placeOf, placesOf, writesOf } from './place.ts'
import type { Fills, MarketSides, SeenBlock, Sides } from './sides.ts'
import { readTokens } from './vaults.ts'

/**
 * Going on from what is remembered, by chain, where that is kept. Throws ChainSilent, WrongChain, or AnswersDisagree where the
 * logs do not add up to the emitter's digest.
 */
export async function readSides(
  deployment: Deployment,
  readers: ReadonlyMap<number, PublicClient>,
  blockOf: BlockOf,
  memory?: ReadonlyMap<number, Memory>,
): Promise<Sides> {
  const places = await placesOf(deployment, readers, blockOf, memory)
  const home = await readHome(deployment, places)
  const tokens = await readTokens(deployment, places, home)
  const markets = await readMarkets(deployment, places, home)
  const differing = await readDiffering(deployment, placeOf(places, deployment.clearing.chainId), home.ledger)
  const blocks = deployment.chains.map(({ name, chainId }): SeenBlock => {
    const { number, timestamp } = placeOf(places, chainId).block
    return { name, chainId, number: number ?? 0n, time: timestamp }
  })
  return { blocks, tokens, markets, ledger: home.ledger, differing }
}

async function readMarkets(deployment: Deployment, places: Places, home: Home): Promise<MarketSides[]> {
  const { clearing } = deployment
  return Promise.all(
    clearing.markets.map(async ({ symbol, chainId, venue, item }): Promise<MarketSides> => {
      const place = placeOf(places, chainId)
      const isOurs = (record: { kind: number; item: Hex }) => record.kind === KIND.FILLS && Number(record.item) === item
      const written = (await writesOf(place, venue)).filter(
        ({ key }) => isOurs(key) && goesTo(key, clearing.chainId, clearing.address),
      )
      const learned = home.learned.filter((one) => isOurs(one) && comesFrom(one, chainId, venue))
      return {
        name: `${symbol} on ${place.chain.name}`,
        venue: { chainId, address: venue },
        written: new Map(written.map(({ key, fields }) => [key.account, fillsOf(fields)])),
        learned: new Map(learned.map(({ account, fields }) => [account, fillsOf(fields)])),
      }
    }),
  )
}

function fillsOf([bought, sold, paid, received]: Fields): Fills {
  return { bought, sold, paid, received }
}
