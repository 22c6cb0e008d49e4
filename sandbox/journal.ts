/** What the sandbox remembers of calls and happenings: bounded, numbered, readable from a number on. */

export type Ring<T> = {
  add(entry: T): void
  /** Entries after a number, oldest first; `missed` counts those that the bound has already dropped. */
  after(number: number): { readonly next: number; readonly missed: number; readonly entries: readonly T[] }
}

/** Keeps the last `size` entries. The first entry has number 1. */
export function createRing<T>(size: number): Ring<T> {
  const entries: T[] = []
  let last = 0
  return {
    add(entry) {
      entries[last % size] = entry
      last += 1
    },
    after(number) {
      const oldest = Math.max(0, last - size)
      const from = Math.min(last, Math.max(oldest, number))
      const kept = Array.from({ length: last - from }, (_, index) => entries[(from + index) % size] as T)
      return { next: last, missed: Math.max(0, from - number), entries: kept }
    },
  }
}

export type ApiName = 'azure-devops' | 'resource-manager' | 'entra'
/** One call; status 0 means that no answer arrived. */
export type LoggedCall = {
  readonly at: number
  readonly api: ApiName
  readonly method: string
  readonly path: string
  readonly status: number
}
export type CallCount = { readonly api: ApiName; readonly operation: string; readonly status: number; readonly count: number }

export type CallLog = {
  add(call: LoggedCall, operation: string): void
  after(number: number): ReturnType<Ring<LoggedCall>['after']>
  counts(): readonly CallCount[]
}

export function createCallLog(size: number): CallLog {
  const ring = createRing<LoggedCall>(size)
  const counts = new Map<string, CallCount>()
  return {
    add(call, operation) {
      ring.add(call)
      const key = `${call.api} ${operation} ${call.status}`
      counts.set(key, { api: call.api, operation, status: call.status, count: (counts.get(key)?.count ?? 0) + 1 })
    },
    after: (number) => ring.after(number),
    counts: () => [...counts.values()],
  }
}
