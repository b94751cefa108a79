/** Reading a long range of logs from endpoints that answer a short one only. */
import { BaseError, HttpRequestError, RpcRequestError } from 'viem'

export type Range = { readonly fromBlock: bigint; readonly toBlock: bigint }

/**
 * The logs of a range, in order, asked for in as many parts as the endpoint wants. Each has its own limit of blocks or of logs, and its
 * own words for it, so that any refusal halves the part, and any answer lets the next be a quarter longer: one crowded place does not
 * have all that follows read in crumbs. What is refused of a single block is thrown.
 */
export async function inParts<Log>(
  { fromBlock, toBlock }: Range,
  ask: (part: Range) => Promise<readonly Log[]>,
): Promise<Log[]> {
  const parts: (readonly Log[])[] = []
  let [from, span] = [fromBlock, toBlock - fromBlock + 1n]
  while (from <= toBlock) {
    const last = from + span > toBlock ? toBlock : from + span - 1n
    try {
      parts.push(await ask({ fromBlock: from, toBlock: last }))
      from = last + 1n
      span += (span + 3n) / 4n
    } catch (cause) {
      if (!isRefusal(cause) || last === from) throw cause
      span = (last - from + 1n) / 2n
    }
  }
  return parts.flat()
}

/** The endpoint heard the question, and did not want to answer it. */
function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof BaseError)) return false
  const found = cause.walk((error) => error instanceof RpcRequestError || error instanceof HttpRequestError)
  return found instanceof RpcRequestError || (found instanceof HttpRequestError && TOO_MUCH.includes(found.status ?? 0))
}

const TOO_MUCH: readonly number[] = [400, 413]
