/** What happened, in a file that outlives the sandbox: for `scale-set-agents audit`. Bounded, and without any secret. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { WorldEvent } from '../backend/simulator/facts.ts'

/** A call that asks for a change, as it came in. */
export type ChangeCall = {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly realMs: number
  readonly body: unknown
  readonly ifMatch: string | undefined
}
export type HistoryFile = { event(event: WorldEvent): void; call(call: ChangeCall): void; close(): void }

const bytesMax = 256 * 2 ** 20

/** Each line is one JSON object. Written at once, so that a sandbox that is killed loses nothing. */
export function createHistoryFile(file: string): HistoryFile {
  const handle = openSync(file, 'a', 0o600)
  let bytes = 0
  let isOpen = true
  const add = (line: object): void => {
    if (!isOpen || bytes > bytesMax) return
    bytes += writeSync(handle, `${JSON.stringify(line)}\n`)
    if (bytes > bytesMax) writeSync(handle, `${JSON.stringify({ full: true })}\n`)
  }
  return {
    event: (event) => add({ event }),
    call: ({ body, ifMatch, ...call }) => add({ call: { ...call, ...named(body), ...(ifMatch !== undefined && { ifMatch }) } }),
    // Connections that are cut when the sandbox ends still tell their status.
    close() {
      isOpen = false
      closeSync(handle)
    },
  }
}

/** Of a body only what names the change: settings of an extension hold tokens. */
function named(body: unknown): object {
  if (typeof body !== 'object' || body === null) return {}
  const { sku, instanceIds, enabled } = body as {
    readonly sku?: { readonly capacity?: unknown }
    readonly instanceIds?: unknown
    readonly enabled?: unknown
  }
  return {
    ...(typeof sku?.capacity === 'number' && { capacity: sku.capacity }),
    ...(Array.isArray(instanceIds) && { instanceIds: instanceIds.map(String) }),
    ...(typeof enabled === 'boolean' && { enabled }),
  }
}
