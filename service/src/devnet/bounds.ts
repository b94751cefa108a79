/** Within what the devnet's steward may move parameters. */
import { fieldAt } from '@omnimargin/core/parameters'
import { GOVERNANCE_DELAY_SECONDS, PARAMETERS } from './parameters.ts'

const permille = (value: bigint) => value * 10n ** 15n

/** Short, so that a story can see it: on a real chain an hour and days. */
export const POLICY_TIMES = {
  delay: GOVERNANCE_DELAY_SECONDS,
  interval: 20,
  freezeFor: 60,
  coolDown: 60,
  liftDelay: 10,
  quorum: 2,
}

/** What an asset loses at once and in an hour at the 99 % level, in seldom calm times, and how long its liquidation takes there. */
const FLOORS = [
  { gap: permille(20n), hourly: permille(15n), horizon: 300 },
  { gap: permille(1n), hourly: permille(1n), horizon: 120 },
  { gap: permille(1n), hourly: permille(1n), horizon: 60 },
] as const

/** Haircuts for new risk may rise fast; those that can make accounts liquidatable, and all that loosens, go slowly. */
export const BOUNDS = [
  ...PARAMETERS.listings.flatMap((_, i) => {
    const { gap = 0n, hourly = 0n, horizon = 0 } = FLOORS[i] ?? {}
    const floor = { gap, hourly, horizon, ceiling: permille(600n) }
    return [
      { ...fieldAt(PARAMETERS, 'listings', i, 'initialHaircut'), ...floor, rise: permille(50n), fall: permille(5n) },
      {
        ...fieldAt(PARAMETERS, 'listings', i, 'maintenanceHaircut'),
        ...floor,
        rise: permille(10n),
        fall: permille(5n),
      },
    ]
  }),
  ...PARAMETERS.underlyings.flatMap((_, i) => {
    const floor = { gap: permille(20n), hourly: permille(5n), horizon: 4 * 3_600, ceiling: permille(500n) }
    return [
      { ...fieldAt(PARAMETERS, 'underlyings', i, 'initialRate'), ...floor, rise: permille(20n), fall: permille(2n) },
      { ...fieldAt(PARAMETERS, 'underlyings', i, 'maintenanceRate'), ...floor, rise: permille(5n), fall: permille(2n) },
    ]
  }),
]
