/** Finding the pool a person means, and the tables of pools. */
import type { PoolList, PoolSummary } from '../api/contract.ts'
import type { Stage } from '../core/snapshot.ts'
import type { Client } from './client.ts'
import { formatDuration } from './duration.ts'
import { exitCodes, Failure } from './exit.ts'
import { describeStages } from './stages.ts'
import { harmless, table, type Paint } from './text.ts'

/** The pool of that name or id; without one, the only pool there is. */
export async function findPool(client: Client, nameOrId: string | undefined): Promise<PoolSummary> {
  const { pools } = await client.get<PoolList>('/pools')
  const known = pools.map((pool) => harmless(pool.name)).join(', ')
  if (nameOrId === undefined) {
    const [only] = pools
    if (only !== undefined && pools.length === 1) return only
    if (only === undefined) throw new Failure(exitCodes.no, 'The service runs no pool yet. Make one with scale-set-agents pool create.')
    throw new Failure(exitCodes.usage, `The service runs ${pools.length} pools. Name one with --pool: ${known}.`)
  }
  const found = pools.find((pool) => pool.name === nameOrId) ?? pools.find((pool) => String(pool.poolId) === nameOrId)
  if (found !== undefined) return found
  throw new Failure(
    exitCodes.no,
    `There is no pool '${nameOrId}' in this service. ${pools.length === 0 ? 'Make one with scale-set-agents pool create.' : `It runs ${known}.`}`,
  )
}

/** One line for each pool, and below what each does next and suffers from. */
export function poolTable(pools: readonly PoolSummary[], paint: Paint): string {
  if (pools.length === 0) return 'No pool yet. Make one with scale-set-agents pool create.'
  const notes = pools.flatMap((pool) =>
    [...new Set([pool.next, ...pool.problems])].map((sentence) => {
      const note = `${harmless(pool.name)}: ${harmless(sentence)}`
      return pool.problems.includes(sentence) ? paint(note, 'yellow') : note
    }),
  )
  return [poolLines(pools, paint), '', ...notes].join('\n')
}

/** The table alone. */
export function poolLines(pools: readonly PoolSummary[], paint: Paint): string {
  return table(
    pools,
    [
      { title: 'POOL', value: (pool) => harmless(pool.name) },
      { title: 'ID', value: (pool) => pool.poolId },
      { title: 'STATE', value: stateOf },
      { title: 'WAITING', value: (pool) => pool.waiting },
      { title: 'RUNNING', value: (pool) => pool.running },
      { title: 'WANTED', value: (pool) => pool.wanted },
      { title: 'MAX', value: (pool) => pool.machinesMax },
      { title: 'STANDBY', value: (pool) => pool.standby },
      { title: 'LONGEST WAIT', value: (pool) => (pool.longestWaitMs === undefined ? undefined : formatDuration(pool.longestWaitMs)) },
      { title: 'MACHINES', value: (pool) => (pool.stages === undefined ? 'unknown' : describeStages(stagesOf(pool))) },
    ],
    paint,
  )
}

/** The stage of every machine of the pool, in no order. */
export function stagesOf(pool: PoolSummary): readonly Stage[] {
  return Object.entries(pool.stages ?? {}).flatMap(([stage, count]) => Array<Stage>(count).fill(stage as Stage))
}

function stateOf(pool: PoolSummary): string {
  return pool.deleting ? 'deleting' : pool.paused ? `${pool.state}, paused` : pool.state
}
