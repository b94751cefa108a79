/** For each start `s` that has `width` bars after it, the greatest of values[s..s+width]. In one pass. */
export function slidingMax(values: readonly bigint[], width: number): bigint[] {
  const greatest: bigint[] = []
  // Indexes whose values fall from front to back: the front is the greatest of the window.
  const falling: number[] = []
  let front = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0n
    while (falling.length > front && (values[falling.at(-1) ?? 0] ?? 0n) <= value) falling.pop()
    falling.push(i)
    if ((falling[front] ?? 0) < i - width) front += 1
    if (i >= width) greatest.push(values[falling[front] ?? 0] ?? 0n)
  }
  return greatest
}
