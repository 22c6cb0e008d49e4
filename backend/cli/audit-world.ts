/** What an audit reads of a sandbox: the changes that it was asked for and what happened in its world, in order. */
import { existsSync, readFileSync } from 'node:fs'
import type { WorldEvent } from '../simulator/facts.ts'

/** One call that asked for a change. `realMs`: milliseconds since 1970 by the computer's clock, when it came in. */
export type AuditCall = {
  readonly realMs: number
  readonly method: string
  readonly path: string
  /** 0: no answer arrived. */
  readonly status: number
  readonly capacity?: number
  readonly ifMatch?: string
  readonly instanceIds?: readonly string[]
  readonly enabled?: boolean
}
export type WorldHistory = {
  readonly calls: readonly AuditCall[]
  readonly events: readonly WorldEvent[]
  /** The file had reached its largest size: what came later is not in it. */
  readonly isCut: boolean
}

type Line = { readonly call: AuditCall } | { readonly event: WorldEvent } | { readonly full: true }

/** Undefined when no sandbox kept a history there. A last line that a crash cut short is left out. */
export function readWorld(file: string): WorldHistory | undefined {
  if (!existsSync(file)) return undefined
  const calls: AuditCall[] = []
  const events: WorldEvent[] = []
  let isCut = false
  for (const text of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const line = JSON.parse(text) as Line
    if ('call' in line) calls.push(line.call)
    else if ('event' in line) events.push(line.event)
    else isCut = true
  }
  return { calls, events, isCut }
}
