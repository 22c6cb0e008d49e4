/** `why <job|machine>`: why a job waits, or why a machine stays or leaves. */
import type { BootView, PoolList, PoolSummary, WhyView } from '../api/contract.ts'
import { bootLines } from './boot-lines.ts'
import type { Client } from './client.ts'
import { formatDuration } from './duration.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool } from './pools.ts'
import { harmless } from './text.ts'

type Kind = 'job' | 'machine'
export type Subject = { readonly kinds: readonly Kind[]; readonly id: string }
type Answer = { readonly kind: Kind; readonly pool: PoolSummary; readonly view: WhyView; readonly boot?: BootView }

/** `3`, `linux000003`, `job 3` or `machine 3`. A number alone may be a job request and a machine's instance id. */
export function subjectOf(first: string, second: string | undefined): Subject {
  if (second === undefined) return { kinds: isNumber(first) ? ['job', 'machine'] : ['machine'], id: first }
  if (first === 'job' && isNumber(second)) return { kinds: ['job'], id: second }
  if (first === 'machine') return { kinds: ['machine'], id: second }
  throw new Failure(exitCodes.usage, `'${first} ${second}' names no job or machine. Write 'job 3', 'machine 3' or a machine's name.`)
}

/** Answers for everything that the subject may mean. With `--json` a list. Exit 1 when there is nothing. */
export async function why(client: Client, io: Io, subject: Subject, poolName: string | undefined): Promise<ExitCode> {
  const pools = poolName === undefined ? (await client.get<PoolList>('/pools')).pools : [await findPool(client, poolName)]
  const where = poolName === undefined ? 'any pool of this service' : `pool '${poolName}'`
  const answers = await answersFor(client, pools, subject)
  const ended = subject.kinds.includes('job') && !answers.some(({ kind }) => kind === 'job') ? [notQueued(subject.id, where)] : []
  if (answers.length === 0) throw new Failure(exitCodes.no, [...ended, ...nothingOf(subject, where)].join('\n'))
  answer(
    io,
    answers.map(({ view, boot }) => ({ ...view, ...(boot && { boot }) })),
    () => [...ended, ...answers.map((each) => inWords(each, pools.length > 1))].join('\n'),
  )
  return exitCodes.ok
}

/** What is there now; without anything, what is remembered. */
async function answersFor(client: Client, pools: readonly PoolSummary[], { kinds, id }: Subject): Promise<readonly Answer[]> {
  const found: Answer[] = []
  for (const kind of kinds) {
    for (const pool of pools) {
      const path = `/pools/${pool.poolId}/${kind}s/${encodeURIComponent(id)}`
      const view = await client.find<WhyView>(`${path}/why`)
      const boot = view && kind === 'machine' ? await client.find<BootView>(`${path}/boot`) : undefined
      if (view !== undefined) found.push({ kind, pool, view, ...(boot && { boot }) })
    }
  }
  const present = found.filter(({ view }) => view.from === 'latest')
  return present.length > 0 ? present : found
}

function notQueued(id: string, where: string): string {
  return `Job request ${id} is not waiting or running in ${where}: it has finished, was cancelled, or belongs to another pool. Look at its run in Azure DevOps.`
}

function nothingOf({ kinds, id }: Subject, where: string): readonly string[] {
  if (!kinds.includes('machine')) return []
  return [
    `There is no ${kinds.length === 1 && !isNumber(id) ? 'job or ' : ''}machine '${id}' in ${where}, now or in its history. See what there is with scale-set-agents status.`,
  ]
}

function inWords({ kind, pool, view, boot }: Answer, nameThePool: boolean): string {
  const start = view.estimatedStartMs === undefined ? [] : [`Expected to start in ${formatDuration(view.estimatedStartMs)}.`]
  const name = `${kind === 'job' ? 'Job request' : 'Machine'} ${view.subject}${nameThePool ? ` of pool ${pool.name}` : ''}`
  const head = view.from === 'history' ? `${name}: what was recorded` : name
  const lines = [...view.sentences, ...start, ...(boot === undefined ? [] : bootLines(boot))]
  return [harmless(head), ...lines.map((line) => `  ${harmless(line)}`)].join('\n')
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text)
}
