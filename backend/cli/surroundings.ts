import type { Environment } from '../environment.ts'
import type { Fetch } from './client.ts'

/** What the program is given of the process around it. */
export type Surroundings = {
  readonly env: Environment
  readonly fetch: Fetch
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard output is a terminal of this size; undefined when it is a file or a pipe. */
  readonly terminal: (() => { readonly columns: number; readonly rows: number }) | undefined
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stop: AbortSignal
  /** Folder of the package: `dist/` and `examples/` are in it. */
  readonly packageFolder: string
  readonly version: string
}
