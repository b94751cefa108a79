// Measures how long a deposit takes to count as margin, by stage, and the software's own share of it, on the devnet with a
// claims tree of 10,000 records. Writes docs/latency.md. `--deposits N` per chain, `--records N`.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Batch, Clearing, Token, Vault } from '@omnimargin/chains/abi'
import { accountOf } from '@omnimargin/core/account'
import type { Hex } from '@omnimargin/core/bytes'
import { keyHash } from '@omnimargin/core/record'
import type { DeployedToken } from '@omnimargin/service/deployment'
import { depositCall } from '@omnimargin/service/deposit/calls'
import type { LocalChain } from '@omnimargin/service/devnet/chains'
import { type Devnet, startDevnet } from '@omnimargin/service/devnet/devnet'
import { grantKey, openLineCall } from '@omnimargin/service/line'
import type { LogEvent } from '@omnimargin/service/role'
import { type Sender, senderOf } from '@omnimargin/service/sender'
import { type Address, encodeFunctionData, padHex } from 'viem'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'

type Site = { chain: LocalChain; token: DeployedToken; sender: Sender; batch: Address }
type Deposit = { hash: Hex; account: Hex; sentMs: number; includedMs: number; blockNumber: bigint; site: Site }
type Stages = { finalized: number; attested: number; learned: number }

const { values } = parseArgs({ options: { deposits: { type: 'string' }, records: { type: 'string' } } })
const DEPOSITS = Number(values.deposits ?? 50)
const RECORDS = Number(values.records ?? 10_000)
/** A chain that nobody carries to: its records fill the tree and go nowhere. */
const NOWHERE = 999_999n
const GRANTS_A_BATCH = 200
const LIMIT_MS = 300_000
const OWN_SHARE_GOAL_MS = 50

const events: LogEvent[] = []
const devnet = await startDevnet({ log: (event) => events.push(event), roles: ['attestor', 'relayer', 'publisher'] })
try {
  const trader = privateKeyToAccount(generatePrivateKey())
  const sites = await Promise.all(['slow', 'fast'].map((name) => siteOf(devnet, name, trader)))
  await Promise.all(sites.map(fillTree))
  const deposits = (await Promise.all(sites.map((site, i) => depositAll(site, trader, BigInt(i * DEPOSITS))))).flat()
  const hashes = new Set(deposits.map(({ hash }) => hash))
  await until(
    'every deposit is learned',
    () => learnedHashes().filter((hash) => hashes.has(hash)).length >= hashes.size,
  )
  await requireCounted(devnet, deposits)
  const page = pageOf(sites, deposits)
  console.log(page)
  writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'latency.md'), page)
} finally {
  await devnet.stop()
}
process.exit()

async function siteOf({ chains, deployment }: Devnet, name: string, trader: PrivateKeyAccount): Promise<Site> {
  const chain = chains.find(({ plan }) => plan.name === name)
  const token = deployment.tokens.find(({ chainId }) => chainId === chain?.plan.chainId)
  const batch = deployment.chains.find(({ chainId }) => chainId === chain?.plan.chainId)?.batch
  if (!chain || !token || !batch) throw new Error(`The devnet has no chain ${name} with a token and a batch contract.`)
  await chain.fund(trader.address)
  const sender = senderOf(chain.reader, chain.walletOf(trader))
  const amount = 10n ** 30n
  const mint = encodeFunctionData({ abi: Token.abi, functionName: 'mint', args: [trader.address, amount] })
  const approve = encodeFunctionData({ abi: Token.abi, functionName: 'approve', args: [token.vault, amount] })
  for (const data of [mint, approve]) await sender.send({ to: token.address, data, gas: 200_000n })
  return { chain, token, sender, batch }
}

/** Grants of one unit each to accounts of a clearing that is nowhere, many a transaction, from the batch contract. */
async function fillTree({ chain, token, sender, batch }: Site): Promise<void> {
  const call = (target: Address, callData: Hex) => ({ target, allowFailure: false, callData })
  const send = (calls: ReturnType<typeof call>[]) => {
    const data = encodeFunctionData({ abi: Batch.abi, functionName: 'aggregate3', args: [calls] })
    return sender.send({ to: batch, data, gas: 29_000_000n })
  }
  const total = BigInt(RECORDS)
  await send([
    call(token.address, encodeFunctionData({ abi: Token.abi, functionName: 'mint', args: [batch, total] })),
    call(token.address, encodeFunctionData({ abi: Token.abi, functionName: 'approve', args: [token.vault, total] })),
    call(token.vault, encodeFunctionData({ abi: Vault.abi, functionName: 'deposit', args: [token.address, total] })),
  ])
  for (let first = 0; first < RECORDS; first += GRANTS_A_BATCH) {
    const count = Math.min(GRANTS_A_BATCH, RECORDS - first)
    const grants = Array.from({ length: count }, (_, i) => {
      const args = [
        token.address,
        1n,
        NOWHERE,
        batch,
        padHex(`0x${(first + i + 1).toString(16)}`, { size: 32 }),
      ] as const
      return call(token.vault, encodeFunctionData({ abi: Vault.abi, functionName: 'grant', args }))
    })
    const { status } = await send(grants)
    if (status !== 'success') throw new Error('The tree could not be filled: a batch of grants reverted.')
    console.error(`${chain.plan.name}: ${first + count} of ${RECORDS} records`)
  }
}

/** One deposit a block or so, each to an account of its own whose line is open. */
async function depositAll(
  { chain, token, sender, batch }: Site,
  trader: PrivateKeyAccount,
  from: bigint,
): Promise<Deposit[]> {
  const { clearing } = devnet.deployment
  const trading = devnet.chains.find(({ plan }) => plan.chainId === clearing.chainId)
  if (!trading) throw new Error('The devnet has no trading chain.')
  const owner = privateKeyToAccount(generatePrivateKey())
  await trading.fund(owner.address)
  const opener = senderOf(trading.reader, trading.walletOf(owner))
  const deposits: Deposit[] = []
  for (let i = 0n; i < BigInt(DEPOSITS); i++) {
    const account = accountOf(owner.address, from + i)
    const line = { account, holder: trader.address, token }
    await opener.send({ ...openLineCall(devnet.deployment, line), gas: 1_000_000n })
    const sentMs = performance.now()
    const { blockNumber } = await sender.send({ ...depositCall(devnet.deployment, line, 1_000n, false), gas: 400_000n })
    const hash = keyHash(grantKey(devnet.deployment, line))
    deposits.push({
      hash,
      account,
      sentMs,
      includedMs: performance.now(),
      blockNumber,
      site: { chain, token, sender, batch },
    })
  }
  return deposits
}

function learnedHashes(): Hex[] {
  return events.filter(({ event }) => event === 'records_learned').flatMap(({ hashes }) => hashes as Hex[])
}

async function requireCounted({ chains, deployment }: Devnet, deposits: readonly Deposit[]): Promise<void> {
  const { address, chainId } = deployment.clearing
  const reader = chains.find(({ plan }) => plan.chainId === chainId)?.reader
  const lines = await Promise.all(
    deposits.map(({ account }) =>
      reader?.readContract({ address, abi: Clearing.abi, functionName: 'lineOf', args: [account, 0n] }),
    ),
  )
  const uncounted = lines.filter((line) => line?.[0].counted !== 1_000n).length
  if (uncounted > 0) throw new Error(`${uncounted} of ${deposits.length} deposits do not count.`)
}

function stagesOf({ hash, blockNumber, site }: Deposit): Stages {
  const ofEmitter = events.filter(
    ({ chainId, emitter }) => chainId === site.token.chainId && emitter === site.token.vault,
  )
  const first = (event: string, isIt: (e: LogEvent) => boolean) => {
    const found = ofEmitter.find((e) => e.event === event && isIt(e))
    if (!found) throw new Error(`No ${event} for the deposit in block ${blockNumber}.`)
    return found.ms
  }
  const isPast = (e: LogEvent) => typeof e.blockNumber === 'bigint' && e.blockNumber >= blockNumber
  return {
    finalized: first('checkpoint_seen', isPast),
    attested: first('quorum', isPast),
    learned: first('records_learned', (e) => (e.hashes as Hex[]).includes(hash)),
  }
}

/** From the moment the k-th attestor was told of a finalized checkpoint to the moment its transaction was sent, in ms. */
function ownShares(): number[] {
  const { threshold } = devnet.deployment.committee
  const sent = events.filter(({ event, records }) => event === 'root_submitted' && Number(records) > 0)
  return sent.flatMap((submission) => {
    const isSame = (e: LogEvent) =>
      e.chainId === submission.chainId && e.emitter === submission.emitter && e.blockNumber === submission.blockNumber
    const seen = events.filter((e) => e.event === 'checkpoint_seen' && isSame(e)).map(({ ms }) => ms)
    const quorum = seen.sort((a, b) => a - b)[threshold - 1]
    return quorum === undefined ? [] : [submission.ms - quorum]
  })
}

function pageOf(sites: readonly Site[], deposits: readonly Deposit[]): string {
  const rows = sites.flatMap(({ chain }) => {
    const own = deposits
      .filter(({ site }) => site.chain === chain)
      .map((deposit) => ({ deposit, stages: stagesOf(deposit) }))
    const row = (stage: string, times: number[]) =>
      `| ${chain.plan.name} | ${stage} | ${seconds(times, 50)} | ${seconds(times, 95)} |`
    return [
      row(
        'sent → included',
        own.map(({ deposit }) => deposit.includedMs - deposit.sentMs),
      ),
      row(
        'included → finalized (the chain’s own lag)',
        own.map(({ deposit, stages }) => stages.finalized - deposit.includedMs),
      ),
      row(
        'finalized → attested (k of n)',
        own.map(({ stages }) => stages.attested - stages.finalized),
      ),
      row(
        'attested → learned and counted (the trading chain’s block)',
        own.map(({ stages }) => stages.learned - stages.attested),
      ),
      row(
        '**sent → counted**',
        own.map(({ deposit, stages }) => stages.learned - deposit.sentMs),
      ),
    ]
  })
  const shares = ownShares()
  return `# Latency

Written by \`npm run bench\`: ${DEPOSITS} deposits on each of two chains, one after the other, on the devnet (${sites
    .map(
      ({ chain: { plan } }) => `${plan.name}: ${plan.blockMs / 1000} s blocks, final after ${2 * plan.slotsInAnEpoch}`,
    )
    .join(
      '; ',
    )}), all roles and chains on one machine with ${cpus().length} cores, whose load average was ${loadavg()[0]?.toFixed(1)} at the end. Each vault's claims tree holds ${RECORDS.toLocaleString('en-US')} records besides.

| chain | stage | p50 | p95 |
|---|---|---:|---:|
${rows.join('\n')}

The software's own share, from the third of four attestors being told by its node that the checkpoint is final to the relayer's
transaction leaving: p50 **${percentile(shares, 50).toFixed(0)} ms**, p95 ${percentile(shares, 95).toFixed(0)} ms over ${shares.length} transactions. The goal, a p50 of at most ${OWN_SHARE_GOAL_MS} ms, is ${percentile(shares, 50) <= OWN_SHARE_GOAL_MS ? 'met' : 'missed'} on this machine.

In it: the attestors' fetching of the block, its logs and the digest, their check, the tree's update, the journal on disk and the
signature; the relayer's hearing of three, their recovery, its own fetching and check of the same logs, its questions to the
destination, and one batched transaction built and signed. All four attestors, the relayer, the publisher and the chains share
the machine's cores, and a destination takes one batch at a time, so a batch that waits for the one before it waits in here too.

Not in it: the chain's own finality, the time until an attestor next asks its node (every 50 ms here; on average half of that), and
the transaction's way into a block of the destination.
`
}

function seconds(times: readonly number[], rank: number): string {
  return `${(percentile(times, rank) / 1000).toFixed(2)} s`
}

function percentile(values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * rank) / 100))] ?? Number.NaN
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT_MS
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`Waited ${LIMIT_MS / 1000} s in vain until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
