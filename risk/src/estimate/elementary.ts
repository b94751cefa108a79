/**
 * Logarithm, exponential and the normal tail out of + - * / and sqrt alone: an engine's own may differ in the last bit from
 * one machine to the next, these may not. Relative error below 1e-14.
 */

/** ln 2 in two parts, the first with its last bits zero, so that a multiple of it is exact. */
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const SQRT_2 = Math.sqrt(2)
const SQRT_PI = 1.772453850905516
const LEAST_NORMAL = 2.2250738585072014e-308
const TWO_54 = 18014398509481984

/** 1/1, 1/2, ... 1/32. */
const INVERSE = Array.from({ length: 33 }, (_, n) => (n === 0 ? 1 : 1 / n))
const word = new DataView(new ArrayBuffer(8))

/** Of a number above zero. */
export function ln(x: number): number {
  if (!(x > 0)) throw new RangeError(`The logarithm of ${x}: give a number above zero.`)
  if (x > Number.MAX_VALUE) return x
  if (x < LEAST_NORMAL) return ln(x * TWO_54) - 54 * (LN2_HIGH + LN2_LOW)
  word.setFloat64(0, x)
  const high = word.getUint32(0)
  word.setUint32(0, (high & 0xfffff) | 0x3ff00000)
  let exponent = (high >>> 20) - 1023
  let mantissa = word.getFloat64(0)
  if (mantissa > SQRT_2) {
    mantissa /= 2
    exponent += 1
  }
  // ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...)
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let n = 25; n >= 1; n -= 2) sum = sum * square + INVERSE[n]!
  return exponent * LN2_HIGH + (2 * s * sum + exponent * LN2_LOW)
}

/** e^x; infinite above 709.78, zero below -745. */
export function exp(x: number): number {
  if (x > 709.78) return Number.POSITIVE_INFINITY
  if (x < -745) return 0
  const power = (x / (LN2_HIGH + LN2_LOW) + (x < 0 ? -0.5 : 0.5)) | 0
  const rest = x - power * LN2_HIGH - power * LN2_LOW
  let sum = 1
  for (let n = 14; n >= 1; n--) sum = 1 + sum * rest * INVERSE[n]!
  const half = power >> 1
  return sum * powerOfTwo(half) * powerOfTwo(power - half)
}

function powerOfTwo(exponent: number): number {
  word.setUint32(0, (exponent + 1023) << 20)
  word.setUint32(4, 0)
  return word.getFloat64(0)
}

/** The complementary error function. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  const density = exp(-x * x) / SQRT_PI
  if (x >= 2) {
    // 1 / (x + (1/2) / (x + (2/2) / (x + (3/2) / ...)))
    let fraction = x
    for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction
    return density / fraction
  }
  // erf x = 2 / sqrt(pi) e^-x² (x + 2 x^3 / 3 + 4 x^5 / 15 + ...), in which every term is above zero.
  let [term, sum] = [x, x]
  for (let n = 1; n <= 40; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return 1 - 2 * density * sum
}

/** How likely a normal draw is above `z` deviations. */
export function normalTail(z: number): number {
  return erfc(z / SQRT_2) / 2
}

/** How likely a lognormal draw, given by its median and the deviation of its logarithm, is above `x`. */
export function lognormalTail(x: number, median: number, sigma: number): number {
  return x > 0 ? normalTail(ln(x / median) / sigma) : 1
}

/** The deviations above which a normal draw is with chance `p`, above zero and below one. */
export function normalQuantileOfTail(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`A chance of ${p}: give one above zero and below one.`)
  if (p > 0.5) return -normalQuantileOfTail(1 - p)
  // Newton's steps on the logarithm of the tail, which is concave: they do not overshoot twice.
  let z = Math.sqrt(Math.max(0, -2 * ln(2 * p)))
  for (let step = 0; step < 8; step++) {
    const tail = normalTail(z)
    z += (ln(tail / p) * tail * Math.sqrt(2) * SQRT_PI) / exp((-z * z) / 2)
  }
  return z
}
