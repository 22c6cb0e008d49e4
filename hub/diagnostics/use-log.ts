/** The Diagnostics entries of a pool, newest first, as they come. */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import type { Answer } from '../answer.ts'
import { browserClock, sleep } from '../clock.ts'
import { useHub } from '../context.ts'
import { readNewest, readOlder, type Kept, type ReadPage } from '../newest-first.ts'
import type { Service } from '../service.ts'
import { useAction, type Action } from '../use-action.ts'
import { useResource, type Watched } from '../use-resource.ts'

/** What the service filters by. */
export type LogQuery = { readonly level: string; readonly machine: string }
export type Log = Watched<Kept<LogView>> & { readonly live: boolean; readonly older: () => void; readonly olderAction: Action }

const top = 200
const everyMs = 15_000
const pagesMax = 5
const comeBackMs = 5_000
/** A pool that does a lot at once is read once for all of it. */
const gatherMs = 700

export function useLog(poolId: number, query: LogQuery): Log {
  const { service } = useHub()
  const key = `log ${poolId} ${query.level} ${query.machine}`
  const kept = useRef<{ readonly key: string; readonly value: Kept<LogView> }>({ key, value: { rows: [] } })
  if (kept.current.key !== key) kept.current = { key, value: { rows: [] } }
  const olderAction = useAction()
  const keep = (answer: Answer<Kept<LogView>>): Answer<Kept<LogView>> => {
    if (answer.ok && kept.current.key === key) kept.current = { key, value: answer.value }
    return answer
  }
  const watched = useResource<Kept<LogView>>({
    key,
    everyMs,
    isEmpty: ({ rows }) => rows.length === 0,
    read: async (signal) =>
      keep(await readNewest(pageOf(service, poolId, query, signal), kept.current.value, { pagesMax, isEnough: () => true })),
  })
  const { again } = watched
  return {
    ...watched,
    live: useLive(poolId, again),
    older: () => olderAction.run(async () => keep(await readOlder(pageOf(service, poolId, query), kept.current.value)), again),
    olderAction,
  }
}

export function pageOf(service: Service, poolId: number, { level, machine }: LogQuery, signal?: AbortSignal): ReadPage<LogView> {
  const filter = { top, ...(level === '' ? {} : { level }), ...(machine === '' ? {} : { machine }) }
  return async (before) => {
    const answer = await service.log(poolId, { ...filter, ...(before === undefined ? {} : { before }) }, signal)
    if (!answer.ok) return answer
    const { entries, next } = answer.value
    return { ok: true, value: { rows: entries, ...(next === undefined ? {} : { next }) } }
  }
}

/** Whether the service tells of new entries at once. Without that, they come with the next look. */
function useLive(poolId: number, again: () => void): boolean {
  const { service } = useHub()
  const [live, setLive] = useState(false)
  const nudge = useGathered(again)
  useEffect(() => {
    const left = new AbortController()
    void follow(service, poolId, { signal: left.signal, onEvent: nudge, onLive: setLive })
    return () => left.abort()
  }, [service, poolId, nudge])
  return live
}

type Follow = { readonly signal: AbortSignal; readonly onEvent: () => void; readonly onLive: (live: boolean) => void }

async function follow(service: Service, poolId: number, { signal, onEvent, onLive }: Follow): Promise<void> {
  while (!signal.aborted) {
    await service.events(
      { poolId },
      ({ event }) => {
        if (signal.aborted) return
        onLive(true)
        if (event === 'log') onEvent()
      },
      signal,
    )
    if (signal.aborted) return
    onLive(false)
    await sleep(browserClock, comeBackMs, signal)
  }
}

function useGathered(call: () => void): () => void {
  const due = useRef<(() => void) | undefined>()
  useEffect(() => () => due.current?.(), [])
  return useCallback(() => {
    due.current ??= browserClock.after(gatherMs, () => {
      due.current = undefined
      call()
    })
  }, [call])
}
