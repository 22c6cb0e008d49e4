/** Azure and Azure DevOps as functions of the time, so that a benchmark of the store measures the store: all machines are there, and jobs come and go. */
import type { Reading } from '../../backend/core/snapshot.ts'
import type { CallOutcome, Clock, Pipelines, PipelinesAgent, PipelinesJob, ScaleSet } from '../../backend/loop/ports.ts'
import { aMemory, anAzureMachine, anAzureSet, aPipelinesAgent, aPipelinesJob } from '../../test/support/loop.ts'
import { sleep } from './world.ts'

export const ownerId = 'bench'
/** What an answer of Azure or Azure DevOps takes. */
const answerMs = 200
const jobMs = 120_000

/** Every second pool is quiet; the others run a job on half of their machines. */
export function outsideOf(poolId: number, machines: number, clock: Clock): { readonly pipelines: Pipelines; readonly scaleSet: ScaleSet } {
  const numbers = Array.from({ length: machines }, (_each, index) => index + 1)
  const listed = numbers.map((number) => anAzureMachine(number))
  let claims = 1
  const answer = async <T>(value: () => T): Promise<Reading<T>> => {
    await sleep(answerMs)
    return { known: true, value: value(), at: clock.now() }
  }
  const done = async (): Promise<CallOutcome> => {
    await sleep(answerMs)
    return { kind: 'done' }
  }
  const jobs = (): readonly PipelinesJob[] => (poolId % 2 === 0 ? [] : runningJobs(machines, clock.wallTimeMs()))
  const agents = (): readonly PipelinesAgent[] => {
    const busy = new Map(jobs().map(({ agentId, requestId }) => [agentId, requestId]))
    return numbers.map((number) => {
      const agent = aPipelinesAgent(number)
      const requestId = busy.get(agent.id)
      return requestId === undefined ? agent : { ...agent, requestId }
    })
  }
  const set = () => anAzureSet({ capacity: machines, tags: { ScaleSetAgentsOwner: `${ownerId}/${poolId}/${claims}` } })
  return {
    pipelines: {
      jobs: () => answer(jobs),
      agents: () => answer(agents),
      agent: (_pool, id) => answer(() => agents().find((agent) => agent.id === id)),
      setEnabled: done,
      removeAgent: done,
      addPlaceholder: done,
      updatePlaceholder: done,
      deletePool: done,
      parallelJobsFree: async () => ({ known: false, why: 'not told' }),
      slowDownMs: () => 0,
    },
    scaleSet: {
      read: () => answer(set),
      machines: () => answer(() => listed),
      operation: () => answer(() => ({ state: 'succeeded' as const })),
      rooms: () => answer(() => []),
      setCapacity: done,
      deleteMachines: done,
      reimageMachines: done,
      claimTag: done,
      mergeTag() {
        claims += 1
        return done()
      },
      removeTag: done,
      putExtension: done,
      removeExtension: done,
    },
  }
}

/** What a pool remembers of its machines before the benchmark. */
export const rememberedMachines = (machines: number) =>
  Array.from({ length: machines }, (_each, index) => aMemory(index + 1, { agentId: 101 + index }))

/** One begins when another ends, each on the next machine. */
function runningJobs(machines: number, wallTimeMs: number): readonly PipelinesJob[] {
  const running = Math.max(1, Math.floor(machines / 2))
  const newest = Math.floor(wallTimeMs / (jobMs / running))
  return Array.from({ length: running }, (_each, index) => aPipelinesJob(newest - index, { agentId: 101 + ((newest - index) % machines) }))
}
