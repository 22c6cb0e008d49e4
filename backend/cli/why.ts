/** `why <job|machine>`: why a job waits, or why a machine stays or leaves. */
import type { PoolList, PoolSummary, WhyView } from '../api/contract.ts'
import type { Client } from './client.ts'
import { formatDuration } from './duration.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool } from './pools.ts'
import { harmless } from './text.ts'

/** `subject` is a request id, a machine's name or its instance id. A number is looked up as a job first. */
export async function why(client: Client, io: Io, subject: string, poolName: string | undefined): Promise<ExitCode> {
  const pools = poolName === undefined ? (await client.get<PoolList>('/pools')).pools : [await findPool(client, poolName)]
  const found = await firstAnswer(client, pools, subject)
  if (found === undefined) {
    const where = poolName === undefined ? 'any pool of this service' : `pool '${poolName}'`
    throw new Failure(
      exitCodes.no,
      `There is no job or machine '${subject}' in ${where}, now or in its history. See them with scale-set-agents status --json.`,
    )
  }
  answer(io, found, () => inWords(found))
  return exitCodes.ok
}

/** What is there now goes before what is remembered. */
async function firstAnswer(client: Client, pools: readonly PoolSummary[], subject: string): Promise<WhyView | undefined> {
  let remembered: WhyView | undefined
  for (const pool of pools) {
    for (const kind of /^\d+$/.test(subject) ? ['jobs', 'machines'] : ['machines']) {
      const view = await client.find<WhyView>(`/pools/${pool.poolId}/${kind}/${encodeURIComponent(subject)}/why`)
      if (view?.from === 'latest') return view
      remembered ??= view
    }
  }
  return remembered
}

function inWords(view: WhyView): string {
  const start = view.estimatedStartMs === undefined ? [] : [`Expected to start in ${formatDuration(view.estimatedStartMs)}.`]
  const head = view.from === 'history' ? `${view.subject} is gone. What was recorded:` : view.subject
  return [harmless(head), ...[...view.sentences, ...start].map((sentence) => `  ${harmless(sentence)}`)].join('\n')
}
