/** `status`: every pool on one line, or one pool with its decision. */
import type { PoolDetail, PoolList } from '../api/contract.ts'
import type { Client } from './client.ts'
import { formatDuration } from './duration.ts'
import { exitCodes, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool, poolLines, poolTable } from './pools.ts'
import { harmless, type Paint } from './text.ts'

/** Exit 1 when a pool is offline or unhealthy, so that scripts need no parsing. */
export async function status(client: Client, io: Io, poolName: string | undefined): Promise<ExitCode> {
  if (poolName !== undefined) return statusOfPool(client, io, poolName)
  const list = await client.get<PoolList>('/pools')
  answer(io, list, () => poolTable(list.pools, io.paint))
  return list.pools.every((pool) => isWell(pool.state)) ? exitCodes.ok : exitCodes.no
}

async function statusOfPool(client: Client, io: Io, poolName: string): Promise<ExitCode> {
  const { poolId } = await findPool(client, poolName)
  const detail = await client.get<PoolDetail>(`/pools/${poolId}`)
  answer(io, detail, () => [poolLines([detail.pool], io.paint), ...detailLines(detail, io.paint)].join('\n'))
  return isWell(detail.pool.state) ? exitCodes.ok : exitCodes.no
}

/** No sentence twice: a step of the last decision that is under way is told there, with its state. */
function detailLines({ pool, decision, openActions, ...detail }: PoolDetail, paint: Paint): readonly string[] {
  const underWay = new Map(openActions.map((action) => [action.sentence, action]))
  const decided = [...(decision?.steps ?? []), ...(decision?.reasons ?? [])].map((each) => each.sentence)
  const said = [...new Set(decided.length === 0 ? [pool.next, ...pool.problems] : [...decided, ...pool.problems])]
    .filter((sentence) => !underWay.has(sentence))
    .map((sentence) => (pool.problems.includes(sentence) ? paint(`  ${harmless(sentence)}`, 'yellow') : `  ${harmless(sentence)}`))
  const open = [...underWay.values()].map(
    (action) => `  ${harmless(action.sentence)} (${action.state} for ${formatDuration(action.forMs)})`,
  )
  const waits =
    detail.waits === undefined
      ? []
      : [
          '',
          `Waits of ${detail.waits.jobs} jobs: half within ${formatDuration(detail.waits.p50Ms)}, 95 % within ${formatDuration(detail.waits.p95Ms)}.`,
        ]
  const lost =
    detail.lostToOnceRace > 0
      ? ['', `Assignments lost because an agent ended after its one job: ${detail.lostToOnceRace}. Azure DevOps gave these jobs out again.`]
      : []
  return [
    ...(said.length === 0 ? [] : ['', 'Last decision', ...said]),
    ...(open.length === 0 ? [] : ['', 'Under way', ...open]),
    ...waits,
    ...lost,
  ]
}

function isWell(state: PoolDetail['pool']['state']): boolean {
  return state === 'new' || state === 'online'
}
