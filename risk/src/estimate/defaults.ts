/**
 * Every number that the estimators and the haircut are not told by data, in one place, with where it is from. [M] measured on hourly
 * bars of BTC, ETH and SOL and on public tables of bridge delays, [S] a published source, [J] judgement. None was changed for the
 * three assets of docs/backtest.md; what the regressions look at was chosen on others (docs/decisions/2026-11-25-haircut.md).
 */

const HOUR = 3600

export const DEFAULTS = {
  /** Share of hours in which the loss may exceed the haircut. */
  alpha: 0.01,

  estimator: {
    /** Bars until a forecast; then each finer estimator waits for as many scores. [J] two weeks */
    least: 336,
    /** What is expected lapses once for so long no hour came right after one that was seen, and is told only with so many of late. [J] */
    silence: { most: 3 * HOUR, least: 24, within: 36 * HOUR },
    /** Of historical simulation: a year. */
    historical: 8760,
    /** [S] 0.97 is RiskMetrics' monthly decay; 2.326 the normal 99 % quantile. */
    decay: 0.97,
    normal: 2.326,
    /** Scores of which the quantile is taken, five years. [S] Barone-Adesi, filtered historical simulation; [J] years */
    scores: 43_800,
    /** HAR: mean variance over so many hours explains the next three. [S] Corsi 2009; [J] spans */
    spans: [1, 3, 12, 24, 168, 720],
    ahead: 3,
    /** What is usual of a variance: a year's mean. [J] */
    usual: 8760,
    /** Each hour of New York's week has a mean of its own, half believed after so many weeks. [S] Andersen and Bollerslev 1997; [J] weeks */
    seasonWeeks: 15,
    refit: 168,
    /** Standard deviation of an hour below which a price that does not move is not believed: a tick of a stablecoin. [J] */
    quietest: 0.00002,
    /** Quantile regression: refit monthly, on at most five years, once there are 90 days. [J] */
    regression: { refit: 720, least: 2160, most: 43_800, ridge: 30, smoothing: 0.2, clip: 5, lowest: -2, highest: 3 },
    /** [S] Gibbs and Candes 2021; [M] 0.005, the usual step, asks for a tenth more at equal coverage. */
    adaptive: { step: 0.0003, least: 0.002, most: 0.03 },
  },

  /** Seconds from the moment an account is liquidatable until its collateral is sold, besides the message. [J] */
  horizon: { detect: 5, auction: 45, executeLeast: 12, executeMost: HOUR, participation: 0.1 },

  latency: {
    quantile: 0.99,
    ring: 1000,
    /** A message counts half as much once so many came after it; the prior counts as many. [J] */
    halfLife: 200,
    priorWeight: 200,
    heartbeat: 60,
    /** Deviation of the logarithm of a healthy interval. [J] */
    healthySigma: 0.3,
    /** [S] outages: Arbitrum 45 min and 7 h, Polygon zkEVM 10 h; two a year for a young chain [J] */
    stallsPerYear: 2,
    stallMedian: 5400,
    stallSigma: 1.2,
  },

  /** What a price may jump in no time: about half of the worst two seconds of 2025-10-10. [M] */
  gap: { BTC: 0.015, ETH: 0.02, SOL: 0.03, large: 0.04, small: 0.07, peg: 0 },

  /** [S] square-root law, Donier and Bonart 2015, factor about one. Depth left under stress: 0.23 on 2025-10-10 [M]. */
  impact: { factor: 1, depthLeft: 0.2, depthLeftPeg: 0.02, concentration: 0.05 },

  /** [S] a push oracle's usual deviation trigger; 2.33 confidences are 99 % */
  oracle: { deviation: 0.005, confidences: 2.33 },

  /** [M] untuned on UST 2022 and USDC 2023 */
  peg: {
    dead: 0.002,
    perDeviation: 4,
    perVelocity: 8,
    velocityHalfLife: HOUR,
    downHalfLife: 6 * HOUR,
    cap: 0.6,
    floor: { USDC: 0.005, USDT: 0.005, BUSD: 0.005, DAI: 0.01, USDS: 0.01, TUSD: 0.02, UST: 0.02, USDE: 0.05 },
    floorByKind: { bridged: 0.02, LST: 0.03, LRT: 0.1, wrappedBTC: 0.02 },
  },

  /** Failures a year. [J], after $3.2 B lost on bridges since 2021 [S] */
  security: {
    holdingYears: 30 / 365,
    failuresPerYear: { ethereum: 0.001, rollup: 0.005, otherChain: 0.01, route: 0.01, wrapped: 0.01 },
  },

  /** What is never counted. [J] */
  least: { stable: 0.005, BTC: 0.05, ETH: 0.05, other: 0.1 },

  /** [S] EMIR technical standards, Article 28: 25 % of stress, or a floor; speeds [J] */
  speeds: { stressWeight: 0.25, floor: 0.7, upPerHour: 1.25, downHalfLife: 24 * HOUR },

  /** Hours that are replayed for a warning: eight months. [J] */
  replay: 6000,

  /** An hour after a fall of so much is one in which liquidations happen. [J] */
  triggerFall: 0.02,
} as const

type Widened<Value> = Value extends number
  ? number
  : Value extends readonly number[]
    ? readonly number[]
    : { readonly [Key in keyof Value]: Widened<Value[Key]> }

export type Defaults = Widened<typeof DEFAULTS>
