/** Random portfolios out of a seed, with a liking for edges: zero, one, powers of two, and the largest there is. */
import type { Credit, Line, Portfolio, Position, Underlying, Venue } from '@omnimargin/core/margin'
import { max, min, WAD } from '@omnimargin/core/wad'

/** Draws numbers; the same seed draws the same ones. */
export type Dice = (sides: bigint) => bigint

const MASK = (1n << 64n) - 1n
const UNITS_BITS = 112
const PRICE_BITS = 96
const SIZE_BITS = 100

/** splitmix64, drawn from as often as the number of sides needs. */
export function diceOf(seed: bigint): Dice {
  let state = seed & MASK
  const next = () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK
    let z = state
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK
    return z ^ (z >> 31n)
  }
  return (sides) => ((next() << 128n) | (next() << 64n) | next()) % sides
}

export function drawPortfolio(dice: Dice): Portfolio {
  const underlyings = listOf(dice, 5n, drawUnderlying)
  const venues = listOf(dice, 4n, drawVenue)
  const positions = underlyings.length * venues.length === 0 ? [] : listOf(dice, 9n, drawPosition)
  return {
    cash: drawSigned(dice, SIZE_BITS),
    cashHaircut: drawRatio(dice),
    lines: listOf(dice, 9n, drawLine),
    positions,
    underlyings,
    venues,
    credits: drawCredits(dice, underlyings.length),
    venueLossShare: drawRatio(dice),
  }

  function drawPosition(): Position {
    const hasLimits = dice(2n) === 0n
    const band = drawRatio(dice)
    return {
      size: drawSigned(dice, SIZE_BITS),
      quote: drawSigned(dice, SIZE_BITS),
      buyOut: hasLimits ? drawBits(dice, SIZE_BITS) : 0n,
      sellOut: hasLimits ? drawBits(dice, SIZE_BITS) : 0n,
      band,
      initialBand: max(band, drawRatio(dice)),
      underlying: Number(dice(BigInt(underlyings.length))),
      venue: Number(dice(BigInt(venues.length))),
    }
  }
}

function drawLine(dice: Dice): Line {
  const units = drawBits(dice, UNITS_BITS)
  const counted = dice(3n) === 0n ? units : units === 0n ? 0n : dice(units + 1n)
  const initialHaircut = drawRatio(dice)
  const maintenanceHaircut = dice(initialHaircut + 1n)
  return { units, counted, unit: 10n ** dice(37n), price: drawPrice(dice), initialHaircut, maintenanceHaircut }
}

function drawUnderlying(dice: Dice): Underlying {
  const initialRate = drawRatio(dice)
  const maintenanceRate = dice(initialRate + 1n)
  const [basisRate, concentrationRate] = [drawRatio(dice), drawRatio(dice)]
  return {
    initialRate,
    maintenanceRate,
    basisRate,
    depth: drawBits(dice, 128),
    concentrationRate,
    price: drawPrice(dice),
  }
}

function drawVenue(dice: Dice): Venue {
  const initialLegShare = drawRatio(dice)
  return { initialLegShare, maintenanceLegShare: dice(initialLegShare + 1n) }
}

/** Some of the pairs, in order; each underlying has at most all of its risk to share. */
function drawCredits(dice: Dice, underlyings: number): Credit[] {
  const left = Array.from({ length: underlyings }, () => WAD)
  const credits: Credit[] = []
  for (let first = 0; first < underlyings; first++) {
    for (let second = first + 1; second < underlyings; second++) {
      if (dice(2n) === 0n) continue
      const most = min(left[first] ?? 0n, left[second] ?? 0n)
      const ratio = dice(most + 1n)
      left[first] = (left[first] ?? 0n) - ratio
      left[second] = (left[second] ?? 0n) - ratio
      credits.push({ first, second, ratio })
    }
  }
  return credits
}

function drawRatio(dice: Dice): bigint {
  const kind = dice(8n)
  if (kind === 0n) return 0n
  return kind === 1n ? WAD : dice(WAD + 1n)
}

function drawPrice(dice: Dice): bigint {
  return drawBits(dice, PRICE_BITS) + 1n
}

function drawSigned(dice: Dice, bits: number): bigint {
  const size = drawBits(dice, bits)
  return dice(2n) === 0n ? size : -size
}

/** Below 2^bits, of any magnitude: as often small as large, and at the edges of powers of two. */
function drawBits(dice: Dice, bits: number): bigint {
  const magnitude = dice(BigInt(bits))
  const edge = dice(8n)
  if (edge === 0n) return 0n
  if (edge === 1n) return 1n << magnitude
  if (edge === 2n) return (1n << magnitude) - 1n
  return dice(1n << magnitude)
}

function listOf<Item>(dice: Dice, most: bigint, draw: (dice: Dice) => Item): Item[] {
  return Array.from({ length: Number(dice(most)) }, () => draw(dice))
}
