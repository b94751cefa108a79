/** The least integer whose square is not below, by Newton's steps from above. */
export function rootUp(value: bigint): bigint {
  if (value < 2n) return value
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + value / root) >> 1n
    if (next >= root) return root * root < value ? root + 1n : root
    root = next
  }
}
