// Lines of which more may count, each named after what it stresses: vectors/counting.json.
import { admit } from '@omnimargin/core/counting'
import { EMPTY_LEDGER, type Ledger } from '@omnimargin/core/ledger'
import { type ListingTerms, type Parameters, packParameters } from '@omnimargin/core/parameters'
import { vaultPeer } from '@omnimargin/core/peer'
import { PARAMETERS } from '@omnimargin/service/devnet/parameters'

/** The devnet's, with listing 1 and 2 (USDC, both of feed 2) at the remote vault 1 and at the local vault 2. */
const NOW = 1_700_000_000n
const [FAR, HOME] = [1, 2]
const dollars = (n: number) => BigInt(Math.round(n * 1e6))
const MOST = 2n ** 112n - 1n
/** Nothing in the way of a listing but what a case puts there. */
const FREE = { cap: MOST, accountCap: MOST, assetCap: MOST, burst: MOST, refillTime: 1, capPrice: 0n }

type Asked = {
  readonly listing: number
  readonly terms: Partial<ListingTerms>
  /** What all listings get besides. */
  readonly all: Partial<ListingTerms>
  readonly vaultCap: bigint
  /** Counted by others, by listing; then of the account itself, and wanted beside that. */
  readonly counted: readonly bigint[]
  readonly own: bigint
  readonly wanted: bigint
  readonly used: bigint
  readonly usedAt: bigint
  readonly heard: bigint
  readonly isTripped: boolean
}

function asked(change: Partial<Asked>): Asked {
  return {
    listing: FAR,
    terms: {},
    all: {},
    vaultCap: 0n,
    counted: [0n, 0n, 0n],
    own: 0n,
    wanted: dollars(1_000),
    used: 0n,
    usedAt: NOW,
    heard: NOW,
    isTripped: false,
    ...change,
  }
}

const trip = BigInt(PARAMETERS.vaults[1]?.tripAge ?? 0)
const ADMISSIONS: Record<string, Asked> = {
  nothing_in_the_way: asked({}),
  nothing_wanted: asked({ wanted: 0n }),
  listing_cap_leaves_a_part: asked({ terms: { cap: dollars(500) }, counted: [0n, dollars(100), 0n] }),
  listing_cap_counts_the_line_itself: asked({ terms: { cap: dollars(500) }, own: dollars(150) }),
  listing_cap_was_lowered: asked({ terms: { cap: dollars(500) }, counted: [0n, dollars(900), 0n] }),
  account_cap: asked({ terms: { accountCap: dollars(300) }, own: dollars(100), counted: [0n, dollars(900), 0n] }),
  vault_cap_at_two_dollars_a_coin: asked({ all: { capPrice: 2n * 10n ** 18n }, vaultCap: 1_000n }),
  vault_cap_rounds_down: asked({ all: { capPrice: 3n * 10n ** 18n }, vaultCap: 10n, own: 1n }),
  vault_cap_shared_by_listings: asked({
    all: { vault: FAR, capPrice: 10n ** 18n },
    vaultCap: 4_500n,
    counted: [10n ** 18n, 0n, dollars(4_000)],
  }),
  asset_cap_over_two_vaults: asked({ terms: { assetCap: dollars(1_200) }, counted: [0n, 0n, dollars(700)] }),
  asset_cap_of_other_decimals: asked({
    terms: { assetCap: dollars(2) },
    all: { feed: 0 },
    counted: [10n ** 18n + 1n, 0n, 0n],
  }),
  burst_is_used_up: asked({ terms: { burst: dollars(500), refillTime: 600 }, used: dollars(500) }),
  burst_refills_evenly: asked({
    terms: { burst: dollars(500), refillTime: 600 },
    used: dollars(500),
    usedAt: NOW - 60n,
  }),
  burst_refills_rounded_down: asked({ terms: { burst: 10n, refillTime: 7 }, used: 10n, usedAt: NOW - 3n }),
  no_more_than_a_burst_is_saved_up: asked({
    terms: { burst: dollars(500), refillTime: 600 },
    used: dollars(400),
    usedAt: NOW - 10_000n,
  }),
  vault_on_this_chain_has_no_inflow: asked({ listing: HOME, terms: { burst: 1n, refillTime: 600 }, used: 1n }),
  vault_on_this_chain_is_never_late: asked({ listing: HOME, heard: 0n }),
  remote_vault_a_second_before_its_trip_age: asked({ heard: NOW - trip + 1n }),
  remote_vault_at_its_trip_age: asked({ heard: NOW - trip }),
  breaker_is_tripped: asked({ isTripped: true }),
  breaker_is_tripped_on_this_chain: asked({ listing: HOME, isTripped: true }),
}

function parametersOf({ listing, terms, all, vaultCap }: Asked): Parameters {
  const listings = PARAMETERS.listings.map((each, i) => ({ ...each, ...FREE, ...all, ...(i === listing ? terms : {}) }))
  const vaults = PARAMETERS.vaults.map((each) => ({ ...each, cap: vaultCap === 0n ? each.cap : vaultCap }))
  return { ...PARAMETERS, listings, vaults }
}

function ledgerOf(one: Asked): Ledger {
  const parameters = parametersOf(one)
  const peer = vaultPeer(parameters.listings[one.listing]?.vault ?? 0)
  const lines = [...one.counted, one.own].map((counted, i) => ({
    listing: i < one.counted.length ? i : one.listing,
    holder: '0x' as const,
    units: counted,
    counted,
  }))
  const account = { cash: 0n, debtSince: 0n, isPutUp: false, lines, positions: new Map() }
  return {
    ...EMPTY_LEDGER,
    parameters,
    accounts: new Map([['0x', account]]),
    heard: new Map([[peer, one.heard]]),
    tripped: new Set(one.isTripped ? [peer] : []),
    inflow: new Map([[one.listing, { used: one.used, at: one.usedAt }]]),
  }
}

/** Input: listing, what counts of the account, what is wanted, now, used, since when, heard, tripped. Output: admitted, used, since when. */
export const ADMISSION_CASES = Object.entries(ADMISSIONS).map(([name, one]) => {
  const { admitted, ledger } = admit(ledgerOf(one), one.listing, one.wanted, one.own, NOW)
  const { used, at } = ledger.inflow.get(one.listing) ?? { used: 0n, at: 0n }
  const { listing, own, wanted, usedAt, heard, isTripped } = one
  return {
    name,
    blob: packParameters(parametersOf(one)),
    counted: one.counted.map(String),
    input: [listing, own, wanted, NOW, one.used, usedAt, heard, isTripped ? 1 : 0].map(String),
    output: [admitted, used, at].map(String),
  }
})
