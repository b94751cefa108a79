/** What can go wrong with a chain, each saying whether asking again can help. */

export class ChainError extends Error {
  /** Whether the same question may get a better answer later. */
  readonly retry: boolean

  constructor(message: string, retry: boolean, cause?: unknown) {
    super(message, { cause })
    this.name = new.target.name
    this.retry = retry
  }
}

/** The endpoint did not answer, or not with what was asked for. */
export class RpcFailed extends ChainError {
  constructor(what: string, cause: unknown) {
    super(`Could not read ${what}: ${cause instanceof Error ? cause.message.split('\n')[0] : cause}`, true, cause)
  }
}

/** Two answers of one endpoint do not fit together: logs are missing, or a hash changed between two reads. */
export class AnswersDisagree extends ChainError {
  constructor(what: string) {
    super(`${what} Ask again, or another endpoint: add a second URL to the chain's "rpc" list.`, true)
  }
}

/** A block that was final is gone. Whatever was signed about it cannot be taken back, so nothing more is. */
export class FinalityBroken extends ChainError {
  constructor(chainId: number, blockNumber: bigint, before: string, now: string) {
    const what = `Chain ${chainId} had finalized block ${blockNumber} as ${before} and now says ${now}.`
    super(`${what} Stop, and find out which is true: this emitter's generation may be over.`, false)
  }
}
