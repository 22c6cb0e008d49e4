/** Something that is read from the service, kept fresh while the page is looked at. */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { Answer, Failure } from './answer.ts'
import { browserClock, sleep, type HubClock } from './clock.ts'

/**
 * `stale`: it was read before and cannot be read now; what was read is still shown. `gone`: it was read before, and is not there any
 * more, or not for this person.
 */
export type Resource<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'empty' | 'ready'; readonly value: T }
  | { readonly state: 'stale' | 'gone'; readonly value: T; readonly failure: Failure }
  | { readonly state: 'failed' | 'forbidden'; readonly failure: Failure }

export type Reading<T> = {
  readonly read: (signal: AbortSignal) => Promise<Answer<T>>
  /** What is read is another thing when this changes: nothing of the old one is shown for the new one. */
  readonly key: string
  /** Milliseconds between two reads; absent: once. */
  readonly everyMs?: number
  readonly isEmpty?: (value: T) => boolean
  readonly clock?: HubClock
}
/** `again` reads at once, such as after a change. */
export type Watched<T> = { readonly resource: Resource<T>; readonly again: () => void }

export function useResource<T>({ read, key, everyMs, isEmpty, clock = browserClock }: Reading<T>): Watched<T> {
  const [kept, keep] = useState<{ readonly key: string; readonly resource: Resource<T> }>({ key, resource: { state: 'loading' } })
  const [turn, setTurn] = useState(0)
  const parts = useRef({ read, isEmpty })
  parts.current = { read, isEmpty }
  useEffect(() => {
    const left = new AbortController()
    void watch(
      async () => {
        const answer = await parts.current.read(left.signal)
        if (left.signal.aborted) return false
        keep((before) => ({ key, resource: resourceOf(answer, before.key === key ? before.resource : undefined, parts.current.isEmpty) }))
        return answer.ok
      },
      { everyMs, clock, signal: left.signal },
    )
    return () => left.abort()
  }, [key, everyMs, clock, turn])
  return {
    resource: kept.key === key ? kept.resource : { state: 'loading' },
    again: useCallback(() => setTurn((before) => before + 1), []),
  }
}

/** The value of a resource that is there. */
export function valueOf<T>(resource: Resource<T>): T | undefined {
  return 'value' in resource && resource.state !== 'gone' ? resource.value : undefined
}

function resourceOf<T>(answer: Answer<T>, before: Resource<T> | undefined, isEmpty?: (value: T) => boolean): Resource<T> {
  if (answer.ok) return { state: isEmpty?.(answer.value) === true ? 'empty' : 'ready', value: answer.value }
  const { failure } = answer
  const { kind } = failure
  if (before === undefined || !('value' in before)) return { state: kind === 'forbidden' ? 'forbidden' : 'failed', failure }
  // Whoever had a right to what was deleted has none a little later: that it was deleted is what there is to tell.
  if (before.state === 'gone' && kind === 'forbidden') return before
  return { state: kind === 'forbidden' || kind === 'notFound' ? 'gone' : 'stale', value: before.value, failure }
}

type Watch = { readonly everyMs: number | undefined; readonly clock: HubClock; readonly signal: AbortSignal }

/** What could not be read is asked for again soon, however rarely it is read. */
const againMs = 5_000

/** A page that nobody sees asks for nothing; when it is seen again, it asks at once. */
async function watch(readOnce: () => Promise<boolean>, { everyMs, clock, signal }: Watch): Promise<void> {
  let isRead = await readOnce()
  while (everyMs !== undefined && !signal.aborted) {
    await sleep(clock, isRead ? everyMs : Math.min(everyMs, againMs), signal)
    await seen(signal)
    if (!signal.aborted) isRead = await readOnce()
  }
}

function seen(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (!document.hidden || signal.aborted) return resolve()
    const look = (): void => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look)
  })
}
