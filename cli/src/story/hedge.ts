/** The chapters of a hedger: long on one chain, short on another, one requirement; and what a chain’s silence costs. */
import { Venue } from '@omnimargin/chains/abi'
import { ageOf } from '@omnimargin/core/ledger'
import { computeMargin, type Portfolio } from '@omnimargin/core/margin'
import { venuePeer } from '@omnimargin/core/peer'
import { abs, mulUp } from '@omnimargin/core/wad'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import type { PrivateKeyAccount } from 'viem/accounts'
import { amount, percent, stopwatch, whole } from '../terminal/amounts.ts'
import { type Actor, cross, makeActor } from './actor.ts'
import type { Teller } from './story.ts'
import { indexPrice, type Sighting, see, tradingChain } from './witness.ts'

/** An ETH market: the clearing's number of it, and its chain. */
type Leg = { readonly market: number; readonly chain: Devnet['chains'][number] }
type Scene = { readonly hedger: Actor; readonly maker: Actor; readonly long: Leg; readonly short: Leg }

const SIZE = whole(50n)
const COLLATERAL = 60_000n
/** The silence is watched for so long beyond the calm age, in seconds. */
const WATCHED = 15n
const SILENCE_MS = 90_000

export async function tellHedge(teller: Teller, key?: PrivateKeyAccount): Promise<void> {
  const scene = await introduce(teller, key)
  await trade(teller, scene)
  await compare(teller, scene)
  await fallSilent(teller, scene)
}

async function introduce({ devnet, screen }: Teller, key?: PrivateKeyAccount): Promise<Scene> {
  const { deployment, chains } = devnet
  const home = tradingChain(devnet)
  const legs = deployment.clearing.markets.flatMap(({ symbol, chainId }, market): Leg[] => {
    const chain = chains.find(({ plan }) => plan.chainId === chainId)
    return symbol === 'ETH-USD' && chain ? [{ market, chain }] : []
  })
  const long = legs.find(({ chain }) => chain === home)
  const short = legs.find(({ chain }) => chain !== home)
  const token = deployment.tokens.find(({ chainId }) => chainId === home.plan.chainId)
  if (!long || !short || !token) throw new Error('A hedge needs ETH markets on two chains and a token on the first.')
  screen.chapter(`A hedger: long ETH on ${long.chain.plan.name}, short ETH on ${short.chain.plan.name}`)
  const hedger = await makeActor('hedger', chains, deployment, key)
  const maker = await makeActor('market maker', chains, deployment)
  await Promise.all(
    [hedger, maker].map(async (actor) => {
      await actor.openLine(token)
      await actor.deposit(token, whole(COLLATERAL, token.decimals))
    }),
  )
  screen.say(`Hedger and market maker lock ${amount(whole(COLLATERAL), 18, 0)} USDC each on ${home.plan.name}.`)
  screen.say('Limits travel to the far venue, and its fills travel home: ten seconds or so.')
  return { hedger, maker, long, short }
}

/** The near leg fills at once. For the far one, limits travel there and fills travel home. */
async function trade({ devnet, screen }: Teller, { hedger, maker, long, short }: Scene): Promise<void> {
  const since = stopwatch()
  const { clearing } = devnet.deployment
  await hedger.raiseLimits(long.market, SIZE, 0n)
  await maker.raiseLimits(long.market, 0n, SIZE)
  await fill(devnet, long, maker, hedger)
  const steps = [[`bought 50 ETH on ${long.chain.plan.name}`, since()]]
  await hedger.raiseLimits(short.market, 0n, SIZE)
  await maker.raiseLimits(short.market, SIZE, 0n)
  const far = clearing.markets[short.market]
  if (!far) throw new Error('The far market is gone.')
  const leftOf = ({ account }: Actor) =>
    short.chain.reader.readContract({
      address: far.venue,
      abi: Venue.abi,
      functionName: 'leftOf',
      args: [account, BigInt(far.item)],
    })
  await until('the limits to arrive', async () => {
    const [[, sell], [buy]] = await Promise.all([leftOf(hedger), leftOf(maker)])
    return sell === SIZE && buy === SIZE
  })
  steps.push([`limits learned by the venue on ${short.chain.plan.name}`, since()])
  await fill(devnet, short, hedger, maker)
  steps.push([`sold 50 ETH on ${short.chain.plan.name}`, since()])
  await until('the fills to come home', async () => {
    const { portfolio } = await see(devnet, hedger)
    return portfolio.positions.some(({ size }) => size === -SIZE)
  })
  steps.push(['fills learned by the clearing', since()])
  screen.table(['step', 'after'], steps)
}

/** At the index, the maker's order first. */
async function fill(devnet: Devnet, { market, chain }: Leg, seller: Actor, buyer: Actor): Promise<void> {
  const price = await indexPrice(devnet)
  await cross(chain.reader, { seller, buyer }, { market, size: SIZE, price, nonce: 1n })
}

/** The same two legs, each on an account of its own, and together. */
async function compare({ devnet, screen }: Teller, { hedger, short }: Scene): Promise<void> {
  screen.chapter('One account asks for the difference, not for the sum')
  const sighting = await until('the far venue to be heard of', async () => {
    const seen = await see(devnet, hedger)
    const { silence, calmAge } = legOf(seen, short)
    return silence <= calmAge && seen
  })
  const { margin, portfolio } = sighting
  const alone = portfolio.positions.map((position) => computeMargin({ ...portfolio, positions: [position] }))
  const siloed = alone.reduce((total, { initialMargin }) => total + initialMargin, 0n)
  screen.table(
    ['initial margin required', 'USD'],
    [
      ...alone.map(({ initialMargin }, i): [string, string] => [
        `${(portfolio.positions[i]?.size ?? 0n) > 0n ? 'the long' : 'the short'} on its own`,
        amount(initialMargin),
      ]),
      ['two accounts, one a chain', amount(siloed)],
      ['one account over both', amount(margin.initialMargin)],
      ...termsOf(sighting).map(([name, term]): [string, string] => [`  ${name}`, amount(term)]),
    ],
  )
  if (margin.initialMargin >= siloed) throw new Error('Netting saved nothing.')
  const saved = whole(1n) - (margin.initialMargin * whole(1n)) / siloed
  screen.say(`${percent(saved)} less.`)
}

/** What a flat pair is asked for: each term is what it would be asked for less without. Throws unless they are all of it. */
function termsOf({ margin, portfolio }: Sighting): [string, bigint][] {
  const { underlyings, venues } = portfolio
  const without = (changed: Partial<Portfolio>) =>
    margin.initialMargin - computeMargin({ ...portfolio, ...changed }).initialMargin
  const terms: [string, bigint][] = [
    ['basis: each leg may move alone', without({ underlyings: underlyings.map((one) => ({ ...one, basisRate: 0n })) })],
    [
      'latency: the far leg may be closed late',
      without({ venues: venues.map((one) => ({ ...one, initialLegShare: 0n })) }),
    ],
    ['a quarter of what is left if a venue is lost', without({ venueLossShare: 0n })],
  ]
  const sum = terms.reduce((total, [, term]) => total + term, 0n)
  if (sum !== margin.initialMargin)
    throw new Error(`Basis, latency and a lost venue are ${sum}, not all of the margin.`)
  return terms
}

/** Stops the far chain, and holds the requirement against the formula at every block that is looked at. */
async function fallSilent({ devnet, screen }: Teller, { hedger, short }: Scene): Promise<void> {
  screen.chapter(`The ${short.chain.plan.name} chain falls silent`)
  const calm = await see(devnet, hedger)
  const { share: base, calmAge } = legOf(calm, short)
  screen.say(`Silence costs nothing for ${calmAge} s; it is watched until ${calmAge + WATCHED} s.`)
  const rows: string[][] = []
  short.chain.halt(true)
  let seen = calm
  await screen.live(
    ['silence', 'share of the leg’s risk', 'initial margin', 'more than when calm'],
    () => rows.slice(-8),
    async () => {
      const next = await see(devnet, hedger)
      if (next.timestamp === seen.timestamp) return false
      seen = next
      const { silence, share, risk } = legOf(seen, short)
      const rise = seen.margin.initialMargin - calm.margin.initialMargin
      const asked = mulUp(risk, share) - mulUp(risk, base)
      if (rise !== asked) throw new Error(`The requirement rose by ${rise}, the formula asks for ${asked}.`)
      if (share > base) rows.push([`${silence} s`, percent(share), amount(seen.margin.initialMargin), amount(rise)])
      return silence >= calmAge + WATCHED
    },
    SILENCE_MS,
  )
  if (rows.length === 0) throw new Error('Silence added nothing.')
  if (seen.margin.maintenanceMargin !== calm.margin.maintenanceMargin) throw new Error('Silence moved maintenance.')
  screen.say(
    'By the contract alone, to the last unit what the formula says. Maintenance has not moved: nobody is liquidated for it.',
  )
  screen.say('The chain makes blocks again; some seconds until the clearing has heard of it …')
  short.chain.halt(false)
  await until('the far venue to be heard of again', async () => {
    seen = await see(devnet, hedger)
    return seen.margin.initialMargin === calm.margin.initialMargin
  })
  screen.say(`The chain is back and heard of: ${amount(seen.margin.initialMargin)} USD again.`)
}

/** What a leg is charged for its latency: a share of its risk, at the silence of its venue in seconds. */
function legOf({ portfolio, ledger, timestamp }: Sighting, { market }: Leg) {
  const venue = ledger.parameters?.markets[market]?.venue ?? -1
  const position = portfolio.positions.find((candidate) => candidate.venue === venue)
  const underlying = portfolio.underlyings[position?.underlying ?? 0]
  const share = portfolio.venues[venue]?.initialLegShare
  const calmAge = ledger.parameters?.venues[venue]?.calmAge
  if (!position || !underlying || share === undefined || calmAge === undefined) throw new Error('The leg is gone.')
  const risk = mulUp(mulUp(abs(position.size), underlying.price), underlying.initialRate)
  return { share, risk, calmAge: BigInt(calmAge), silence: ageOf(ledger, venuePeer(venue), timestamp) }
}
