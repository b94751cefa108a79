/** The chapters that end in a liquidation, and in the trader’s collateral in its liquidator’s wallet. */
import { Vault } from '@omnimargin/chains/abi'
import type { Margin } from '@omnimargin/core/margin'
import { keyHash } from '@omnimargin/core/record'
import type { DeployedToken } from '@omnimargin/service/deployment'
import type { Devnet } from '@omnimargin/service/devnet/devnet'
import { FEEDS } from '@omnimargin/service/devnet/parameters'
import { LIMIT_MS, until } from '@omnimargin/service/devnet/until'
import { grantKey } from '@omnimargin/service/line'
import { parseEventLogs, type TransactionReceipt } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { amount, percent, stopwatch, whole } from '../terminal/amounts.ts'
import { type Actor, cross, makeActor } from './actor.ts'
import { isOver, type Journey, observe, reach, rowOf, STAGES } from './journey.ts'
import type { Teller } from './story.ts'
import { clearingOf, indexPrice, marginOf, readLedger, see, tradingChain } from './witness.ts'

type Cast = { trader: Actor; counterparty: Actor; keeper: Actor }
type Props = { weth: DeployedToken; remoteUsdc: DeployedToken; localUsdc: DeployedToken }

const MARKET = 0
const LONG = whole(60n)
const STEPS = [2_000n, 1_920n, 1_840n, 1_760n, 1_680n] as const
const HERMES_SCALE = 10n ** 8n

/** From two deposits on two chains to a liquidation on a third, and the collateral going home. */
export async function tellLiquidation(teller: Teller, key?: PrivateKeyAccount): Promise<void> {
  const props = propsOf(teller.devnet)
  const cast = await introduce(teller, props, key)
  await lock(teller, cast, props)
  await trade(teller, cast)
  const liquidation = await fall(teller, cast)
  await takeHome(teller, cast, props, liquidation)
}

function propsOf({ deployment, chains }: Devnet): Props {
  const find = (chain: string, symbol: string) => {
    const chainId = chains.find(({ plan }) => plan.name === chain)?.plan.chainId
    const token = deployment.tokens.find((candidate) => candidate.chainId === chainId && candidate.symbol === symbol)
    if (!token) throw new Error(`The devnet has no ${symbol} on ${chain}.`)
    return token
  }
  return { weth: find('slow', 'WETH'), remoteUsdc: find('fast', 'USDC'), localUsdc: find('trading', 'USDC') }
}

/** The counterparty and the keeper have collateral on the trading chain itself: there a vault pushes its record. */
async function introduce({ devnet, screen }: Teller, { localUsdc }: Props, key?: PrivateKeyAccount): Promise<Cast> {
  const { chains, deployment } = devnet
  const [trader, counterparty, keeper] = await Promise.all([
    makeActor('trader', chains, deployment, key),
    makeActor('counterparty', chains, deployment),
    makeActor('keeper', chains, deployment, devnet.keeper),
  ])
  screen.chapter('Those who wait on the trading chain')
  await Promise.all(
    [counterparty, keeper].map(async (actor) => {
      await actor.openLine(localUsdc)
      await actor.deposit(localUsdc, whole(50_000n, localUsdc.decimals))
    }),
  )
  screen.say(
    'The counterparty and the keeper lock 50,000 USDC each on the trading chain: counted in the same transaction.',
  )
  return { trader, counterparty, keeper }
}

async function lock(teller: Teller, { trader }: Cast, { weth, remoteUsdc }: Props): Promise<void> {
  const { devnet, screen } = teller
  screen.chapter('A trader locks WETH on the slow chain and USDC on the fast one')
  screen.say('Counted once their chains are final there: ten seconds or so.')
  await trader.openLine(weth)
  await trader.openLine(remoteUsdc)
  const journeys: Journey[] = []
  teller.onLog((event) => {
    for (const journey of journeys) observe(journey, event)
  })
  const send = async (token: DeployedToken, units: bigint) => {
    const journey = journeyOf(devnet, trader, token, units)
    journeys.push(journey)
    const receipt = await trader.deposit(token, units)
    journey.blockNumber = receipt.blockNumber
    reach(journey, 'included', performance.now())
  }
  const sent = Promise.all([send(weth, whole(10n)), send(remoteUsdc, whole(8_000n, remoteUsdc.decimals))])
  const isCounted = async () => {
    await Promise.all(journeys.map((journey, line) => seeCounted(devnet, trader, journey, line)))
    return journeys.length === 2 && journeys.every(isOver)
  }
  // Both at once: what fails while the other is awaited must fail this, and nobody else.
  await Promise.all([sent, screen.live(['deposit', ...STAGES], () => journeys.map(rowOf), isCounted, LIMIT_MS)])
  screen.say(
    'Seconds after the trader signed. Finality is the chain’s own; what the software adds is between the columns.',
  )
}

function journeyOf({ deployment, chains }: Devnet, trader: Actor, token: DeployedToken, units: bigint): Journey {
  const recordHash = keyHash(grantKey(deployment, { account: trader.account, holder: trader.address, token }))
  const where = chains.find(({ plan }) => plan.chainId === token.chainId)?.plan.name
  return {
    what: `${amount(units, token.decimals)} ${token.symbol} on ${where}`,
    chainId: token.chainId,
    emitter: token.vault,
    recordHash,
    startedMs: performance.now(),
    blockNumber: undefined,
    reached: new Map(),
  }
}

async function seeCounted(devnet: Devnet, trader: Actor, journey: Journey, line: number): Promise<void> {
  if (!journey.reached.has('learned') || journey.reached.has('counted')) return
  const [{ counted }] = await tradingChain(devnet).reader.readContract({
    ...clearingOf(devnet),
    functionName: 'lineOf',
    args: [trader.account, BigInt(line)],
  })
  if (counted > 0n) reach(journey, 'counted', performance.now())
}

async function trade({ devnet, screen }: Teller, { trader, counterparty }: Cast): Promise<void> {
  screen.chapter('It backs a long of 60 ETH on the third chain')
  await Promise.all([trader.raiseLimits(MARKET, LONG, 0n), counterparty.raiseLimits(MARKET, 0n, LONG)])
  const terms = { market: MARKET, size: LONG, price: whole(STEPS[0]), nonce: 1n }
  await cross(tradingChain(devnet).reader, { seller: counterparty, buyer: trader }, terms)
  const { margin, portfolio } = await until('the trade to be a block old', async () => {
    const seen = await see(devnet, trader)
    return seen.portfolio.positions.some(({ size }) => size === LONG) && seen
  })
  screen.table(
    ['trader', 'USD'],
    [
      ['equity', amount(margin.equity)],
      ['initial margin balance / required', `${amount(margin.initialMarginBalance)} / ${amount(margin.initialMargin)}`],
      [
        'maintenance margin balance / required',
        `${amount(margin.maintenanceMarginBalance)} / ${amount(margin.maintenanceMargin)}`,
      ],
    ],
  )
  const [weth, usdc] = portfolio.lines.map(
    ({ initialHaircut, maintenanceHaircut }) => `${percent(initialHaircut)} and ${percent(maintenanceHaircut)}`,
  )
  screen.say(`Haircuts for new risk and for maintenance: of the WETH ${weth}, of the USDC ${usdc}.`)
  screen.say('The contract’s figures. Rebuilt from its events by core, they are the same to the last unit.')
}

type Liquidation = { share: bigint; payment: bigint; before: Margin }

async function fall({ devnet, screen }: Teller, { trader, keeper }: Cast): Promise<Liquidation> {
  screen.chapter('ETH falls, step by step')
  screen.say('A few seconds for the publisher to tell each price, and for the keeper to see the last of them.')
  const rows: string[][] = []
  for (const price of STEPS) {
    devnet.oracle.set(FEEDS[0].feedId, price * HERMES_SCALE)
    await until(`the clearing to hear of ${price} USD`, async () => (await indexPrice(devnet)) === whole(price))
    const liquidation = await liquidationOf(devnet, trader)
    const margin = liquidation?.before ?? (await marginOf(devnet, trader))
    rows.push([`${amount(whole(price), 18, 0)}`, ...marginCells(margin)])
    if (liquidation) break
  }
  screen.table(['ETH/USD', 'margin balance', 'maintenance margin', 'buffer'], rows)
  const liquidation = await until('the keeper to liquidate', () => liquidationOf(devnet, trader))
  screen.chapter('The keeper liquidates, on one ledger')
  const after = await marginOf(devnet, trader)
  screen.table(
    ['', 'trader before', 'trader after'],
    [
      ['margin balance', amount(liquidation.before.maintenanceMarginBalance), amount(after.maintenanceMarginBalance)],
      ['maintenance margin', amount(liquidation.before.maintenanceMargin), amount(after.maintenanceMargin)],
    ],
  )
  screen.say(
    `Moved: ${percent(liquidation.share)} of everything. Paid for it: ${amount(liquidation.payment)} USD of ledger cash.`,
  )
  screen.table(['keeper now holds', ''], await holdings(devnet, keeper))
  screen.say('No token has moved on any chain.')
  return liquidation
}

function marginCells(margin: Margin): string[] {
  const { maintenanceMarginBalance: balance, maintenanceMargin } = margin
  return [amount(balance), amount(maintenanceMargin), amount(balance - maintenanceMargin)]
}

async function takeHome(teller: Teller, { keeper }: Cast, { weth }: Props, { share }: Liquidation): Promise<void> {
  const { devnet, screen } = teller
  screen.chapter('The keeper takes the trader’s WETH home on the slow chain')
  const account = (await readLedger(devnet)).accounts.get(keeper.account)
  const listing = devnet.deployment.tokens.indexOf(weth)
  const line = account?.lines.findIndex((candidate) => candidate.listing === listing) ?? -1
  const units = account?.lines[line]?.units ?? 0n
  if (units === 0n) throw new Error('The keeper has no WETH to take home.')
  if (units !== (whole(10n) * share) / whole(1n))
    throw new Error('The keeper holds another share of the WETH than moved.')
  screen.say('The release travels there, and is taken out once the vault has learned of it: some seconds.')
  const since = stopwatch()
  const steps: string[][] = []
  const slow = devnet.chains.find(({ plan }) => plan.chainId === weth.chainId)
  if (!slow) throw new Error('There is no chain with the WETH.')
  await keeper.release(line, units)
  steps.push([`released ${amount(units, 18, 4)} WETH at the clearing`, since()])
  const free = () =>
    slow.reader.readContract({
      address: weth.vault,
      abi: Vault.abi,
      functionName: 'free',
      args: [keeper.address, weth.address],
    })
  const withdraw = async () => {
    await until('the vault to learn of the release', async () => (await free()) >= units)
    steps.push(['learned by the slow chain’s vault, out of the pool the trader’s deposit made', since()])
    const receipt: TransactionReceipt = await keeper.withdraw(weth, units)
    const paid = parseEventLogs({ abi: Vault.abi, logs: receipt.logs, eventName: 'Withdrawn' })[0]?.args.amount ?? 0n
    if (paid !== units) throw new Error(`The vault paid ${paid} units of WETH, not ${units}.`)
    steps.push([`withdrawn: ${amount(paid, 18, 4)} WETH in the keeper’s wallet`, since()])
  }
  // Both at once: what fails while the table waits must fail this.
  await Promise.all([
    withdraw(),
    screen.live(
      ['step', 'after'],
      () => steps,
      () => steps.length === 3,
      LIMIT_MS,
    ),
  ])
}

async function liquidationOf(devnet: Devnet, { account }: Actor): Promise<Liquidation | undefined> {
  const events = await tradingChain(devnet).reader.getContractEvents({
    ...clearingOf(devnet),
    eventName: 'Liquidated',
    args: { account },
    fromBlock: 0n,
    strict: true,
  })
  const args = events[0]?.args
  return args && { share: args.share, payment: args.payment, before: args.margin }
}

async function holdings(devnet: Devnet, { account }: Actor): Promise<string[][]> {
  const ledger = await readLedger(devnet)
  const held = ledger.accounts.get(account)
  const { tokens, clearing } = devnet.deployment
  const lines = held?.lines.map(({ listing, units }): string[] => {
    const token = tokens[listing]
    const where = devnet.chains.find(({ plan }) => plan.chainId === token?.chainId)?.plan.name
    return [`${token?.symbol} locked on ${where}`, amount(units, token?.decimals, 4)]
  })
  const positions = [...(held?.positions ?? [])].map(([market, { size }]): string[] => [
    `${clearing.markets[market]?.symbol} position`,
    amount(size, 18, 4),
  ])
  return [...(lines ?? []), ...positions, ['ledger cash, USD', amount(held?.cash ?? 0n)]]
}
