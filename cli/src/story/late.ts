/** The chapters of a chain that is late: what is locked there counts ever less, nobody is liquidated for it, and it recovers. */
import { Clearing } from '@omnimargin/chains/abi'
import { refusalOf } from '@omnimargin/chains/rehearse'
import { ageOf, haircutsOf } from '@omnimargin/core/ledger'
import { isLiquidatable } from '@omnimargin/core/margin'
import { vaultPeer } from '@omnimargin/core/peer'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import { encodeFunctionData } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { amount, percent, whole } from '../terminal/amounts.ts'
import { type Actor, cross, makeActor } from './actor.ts'
import type { Teller } from './story.ts'
import { clearingOf, indexPrice, type Sighting, see, tradingChain } from './witness.ts'

type Scene = {
  readonly saver: Actor
  readonly maker: Actor
  readonly chain: Devnet['chains'][number]
  /** The clearing's number of what is locked on the late chain. */
  readonly listing: number
  readonly market: number
}

type State = 'NORMAL' | 'NO_NEW_RISK'

const LOCKED = 10n
const SIZE = whole(2n)
const SILENCE_MS = 120_000
const HEAD = ['round trip', 'haircut', 'counts for new risk', 'counts for maintenance', 'state']

export async function tellLate(teller: Teller, key?: PrivateKeyAccount): Promise<void> {
  const scene = await introduce(teller, key)
  await growLate(teller, scene)
  await recover(teller, scene)
}

async function introduce({ devnet, screen }: Teller, key?: PrivateKeyAccount): Promise<Scene> {
  const { deployment, chains } = devnet
  const { tokens, clearing } = deployment
  const far = tokens.find(({ symbol }) => symbol === 'WETH')
  const near = tokens.find(({ chainId }) => chainId === clearing.chainId)
  const chain = chains.find(({ plan }) => plan.chainId === far?.chainId)
  const market = clearing.markets.findIndex(
    ({ symbol, chainId }) => symbol === 'ETH-USD' && chainId === clearing.chainId,
  )
  if (!far || !near || !chain || market < 0) throw new Error('A saver needs WETH elsewhere and an ETH market here.')
  screen.chapter(`A saver: ${LOCKED} ETH locked on ${chain.plan.name}, a position on ${tradingChain(devnet).plan.name}`)
  screen.say('The deposit counts once its chain is final there: ten seconds or so.')
  const saver = await makeActor('saver', chains, deployment, key)
  const maker = await makeActor('market maker', chains, deployment)
  await Promise.all([saver.openLine(far), maker.openLine(near)])
  await Promise.all([
    saver.deposit(far, whole(LOCKED, far.decimals)),
    maker.deposit(near, whole(20_000n, near.decimals)),
  ])
  await until('the deposit to be counted', async () => {
    const { margin } = await see(devnet, saver)
    return margin.initialMarginBalance > 0n
  })
  await Promise.all([saver.raiseLimits(market, SIZE, 0n), maker.raiseLimits(market, 0n, SIZE)])
  const terms = { market, size: SIZE, price: await indexPrice(devnet), nonce: 1n }
  await cross(tradingChain(devnet).reader, { seller: maker, buyer: saver }, terms)
  const listing = await listingOf(devnet, saver)
  // Until it is booked, the whole limit is charged as well.
  const {
    margin,
    ledger,
    timestamp: now,
  } = await until('the fill to be booked', async () => {
    const seen = await see(devnet, saver)
    return seen.portfolio.positions.some(({ size }) => size === SIZE) && seen
  })
  const haircuts = ledger.parameters && haircutsOf(ledger, ledger.parameters, listing, now)
  screen.say(
    `It counts ${amount(margin.initialMarginBalance)} USD, after a haircut of ${percent(haircuts?.initialHaircut ?? 0n)}; ` +
      `2 ETH bought ask for ${amount(margin.initialMargin)} USD.`,
  )
  return { saver, maker, chain, listing, market }
}

async function listingOf(devnet: Devnet, saver: Actor): Promise<number> {
  const { ledger } = await see(devnet, saver)
  const listing = ledger.accounts.get(saver.account)?.lines[0]?.listing
  if (listing === undefined) throw new Error('The saver has no line.')
  return listing
}

/** Every block that is looked at holds the contract's figures against core's, to the last unit: `see` does. */
async function growLate({ devnet, screen }: Teller, scene: Scene): Promise<void> {
  const { saver, chain, listing } = scene
  screen.chapter(`The attestors of ${chain.plan.name} pause, and every other process goes on`)
  const calm = await see(devnet, saver)
  const rows: string[][] = []
  screen.say(
    `A round trip to there may take ${tripAgeIn(calm, listing)} s until no new risk is given: most of a minute.`,
  )
  devnet.pauseAttestors(chain.plan.chainId, true)
  let seen = calm
  await screen.live(
    HEAD,
    () => thinned(rows),
    async () => {
      const next = await see(devnet, saver)
      if (next.timestamp === seen.timestamp) return false
      const fell = next.margin.initialMarginBalance <= seen.margin.initialMarginBalance
      const isYounger = ageIn(next, listing) < ageIn(seen, listing)
      if (!fell && !isYounger) throw new Error('What counts for new risk rose while its chain grew later.')
      seen = next
      rows.push(rowOf(seen, listing))
      return stateIn(seen, listing) === 'NO_NEW_RISK'
    },
    SILENCE_MS,
  )
  await assertNoNewRisk(devnet, scene)
  if (seen.margin.maintenanceMarginBalance !== calm.margin.maintenanceMarginBalance || isLiquidatable(seen.margin)) {
    throw new Error('Lateness alone touched the maintenance of the saver.')
  }
  screen.say('New risk on it is refused. For maintenance it counts as before: nobody is liquidated for lateness.')
}

async function assertNoNewRisk(devnet: Devnet, { saver, market }: Scene): Promise<void> {
  const args = [saver.account, BigInt(market), SIZE, 0n] as const
  const data = encodeFunctionData({ abi: Clearing.abi, functionName: 'raiseLimits', args })
  const { address: to } = clearingOf(devnet)
  const refusal = await refusalOf(tradingChain(devnet).reader, { from: saver.address, to, data }, Clearing.abi)
  if (refusal !== 'BelowInitialMargin') throw new Error(`New risk met ${refusal ?? 'no refusal'}.`)
}

/** Heard of again is not enough: the breaker has tripped, and resets once the vault has stayed healthy. */
async function recover({ devnet, screen }: Teller, { saver, chain, listing }: Scene): Promise<void> {
  screen.chapter('The attestors are back')
  const { parameters } = vaultOf(await see(devnet, saver), listing)
  screen.say(`The vault must be heard of again, and then stay healthy for ${parameters.restoreAfter} s.`)
  const rows: string[][] = []
  devnet.pauseAttestors(chain.plan.chainId, false)
  let last = ''
  let seen: Sighting | undefined
  await screen.live(
    HEAD,
    () => rows,
    async () => {
      seen = await see(devnet, saver)
      const row = rowOf(seen, listing)
      const what = `${row.at(-1)} ${ageIn(seen, listing) < tripAgeIn(seen, listing)}`
      if (what !== last) rows.push(row)
      last = what
      return stateIn(seen, listing) === 'NORMAL'
    },
    SILENCE_MS,
  )
  const wasTripped = rows.some((row) => row.at(-1) === 'NO_NEW_RISK')
  if (!wasTripped) throw new Error('The breaker did not hold until the vault had stayed healthy.')
  screen.say('Heard of again, and still no new risk until it has stayed healthy; then NORMAL by itself.')
}

function vaultOf({ ledger }: Sighting, listing: number) {
  const { parameters } = ledger
  const number = parameters?.listings[listing]?.vault
  const terms = number === undefined ? undefined : parameters?.vaults[number]
  if (number === undefined || !terms || !parameters) throw new Error('The vault is gone.')
  return { peer: vaultPeer(number), terms, parameters }
}

function ageIn(seen: Sighting, listing: number): bigint {
  return ageOf(seen.ledger, vaultOf(seen, listing).peer, seen.timestamp)
}

function tripAgeIn(seen: Sighting, listing: number): bigint {
  return BigInt(vaultOf(seen, listing).terms.tripAge)
}

function stateIn(seen: Sighting, listing: number): State {
  const { peer, terms } = vaultOf(seen, listing)
  const isLate = ageIn(seen, listing) >= BigInt(terms.tripAge)
  return isLate || seen.ledger.tripped.has(peer) ? 'NO_NEW_RISK' : 'NORMAL'
}

function rowOf(seen: Sighting, listing: number): string[] {
  const { initialHaircut } = haircutsOf(seen.ledger, vaultOf(seen, listing).parameters, listing, seen.timestamp)
  const { initialMarginBalance, maintenanceMarginBalance } = seen.margin
  return [
    `${ageIn(seen, listing)} s`,
    percent(initialHaircut),
    amount(initialMarginBalance),
    amount(maintenanceMarginBalance),
    stateIn(seen, listing),
  ]
}

/** At most a dozen of the rows, evenly, with the last. */
function thinned(rows: readonly string[][]): string[][] {
  const every = Math.max(1, Math.ceil(rows.length / 12))
  return rows.filter((_, i) => i === rows.length - 1 || i % every === 0)
}
