/** Whom a watcher warns, and when again: spec/warnings.md. */
import type { Hex } from '@omnimargin/core/bytes'

export type WatcherState = {
  /** When each was warned last (seconds), until its chance has fallen to half of the threshold. */
  readonly warned: ReadonlyMap<Hex, bigint>
  readonly threshold: number
  /** One that stays above is warned again after so many seconds. */
  readonly repeat: bigint
}

/** Every account that needs margin whose chance could be told; `now` is the newest block's time in seconds. */
export type WatcherEvent = {
  readonly type: 'judged'
  readonly chances: ReadonlyMap<Hex, number>
  readonly now: bigint
}
export type WatcherEffect = { readonly type: 'warn'; readonly account: Hex; readonly chance: number }

/** One that could not be told is neither warned nor forgotten; one that needs no margin any more is not among them, and is. */
export function step(
  state: WatcherState,
  { chances, now }: WatcherEvent,
  isKnown: (account: Hex) => boolean = () => true,
): { state: WatcherState; effects: WatcherEffect[] } {
  const warned = new Map([...state.warned].filter(([account]) => isKnown(account)))
  const effects: WatcherEffect[] = []
  for (const [account, chance] of chances) {
    const last = warned.get(account)
    if (chance < state.threshold / 2) warned.delete(account)
    else if (chance >= state.threshold && (last === undefined || now >= last + state.repeat)) {
      warned.set(account, now)
      effects.push({ type: 'warn', account, chance })
    }
  }
  return { state: { ...state, warned }, effects }
}
