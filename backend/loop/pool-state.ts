/** What the loop holds of one pool between passes. Rebuilt from the journal after a restart or a lost lease. */
import type { Instant } from '../core/snapshot.ts'
import { emptyMemory } from './pool-memory.ts'
import type { AzureOperation, Intent, MachineMemory, Pipelines, PoolMemory, Remembered, ScaleSet } from './ports.ts'
import type { BootReport } from './ports-boot.ts'
import type { Readings } from './readings.ts'

export type PoolState = {
  readonly scaleSetId: string
  readonly pipelines: Pipelines
  readonly scaleSet: ScaleSet
  readonly readings: Readings
  pool: PoolMemory
  machines: ReadonlyMap<string, MachineMemory>
  /** Open intents only. */
  intents: ReadonlyMap<string, Intent>
  /** Last known state of operations, by address. */
  operations: ReadonlyMap<string, AzureOperation>
  operationsAskedAt: Instant
  /** Parallel jobs that were free when last asked; undefined when the organization did not tell. */
  parallelJobs: { readonly free: number | undefined; readonly at: Instant } | undefined
  /** Reports of boots whose machine is not listed yet. */
  reports: readonly BootReport[]
  isActive: boolean
  /** The newest pass record, as text, to see whether this one repeats it. */
  lastRecord: string
}

/** State as the journal remembers it. Intents that were only written may have been sent: they count as unanswered. */
export function restoreState(
  parts: Pick<PoolState, 'scaleSetId' | 'pipelines' | 'scaleSet' | 'readings'>,
  remembered: Remembered,
): PoolState {
  return {
    ...parts,
    pool: remembered.pool ?? emptyMemory,
    machines: new Map(remembered.machines.map((machine) => [machine.id, machine])),
    intents: new Map(remembered.openIntents.map((intent) => [intent.id, intent])),
    operations: new Map(),
    operationsAskedAt: 0,
    parallelJobs: undefined,
    reports: [],
    isActive: true,
    lastRecord: '',
  }
}
