import { observe } from '../../backend/loop/observe.ts'
import type { Job, PoolSnapshot } from '../../backend/core/snapshot.ts'
import type { MachineMemory, PoolMemory, PoolRecord } from '../../backend/loop/ports.ts'
import { hour, minute, now, second } from '../support/build.ts'
import { aMemory, anAzureMachine, anAzureSet, anOutside, aPipelinesAgent, aPipelinesJob, aRecord, aState } from '../support/loop.ts'
import type { Answers } from '../support/loop.ts'

type Scene = {
  readonly answers?: Partial<Answers>
  readonly machines?: readonly MachineMemory[]
  readonly pool?: Partial<PoolMemory>
  readonly record?: Partial<PoolRecord>
}

async function seen({ answers, machines = [], pool, record }: Scene): Promise<PoolSnapshot> {
  const outside = anOutside({
    machines: machines.map(({ id }) => anAzureMachine(Number(id))),
    agents: machines.map(({ id }) => aPipelinesAgent(Number(id))),
    ...answers,
  })
  const state = aState(outside, { machines, ...(pool && { pool }) })
  await state.readings.refresh(true, new AbortController().signal)
  const extension = () => ({ known: false, why: 'not asked' }) as const
  return observe({ state, record: aRecord(record), reports: [], ownerId: 'owner', extension, now, wallTimeMs: now }).snapshot
}

describe('who could take a waiting job', () => {
  const waitsFor = 10 * minute
  const idle = (n: number, forMs: number, onlineAt = now - hour): MachineMemory =>
    aMemory(n, { agentId: 100 + n, onlineAt, stageSince: now - forMs })
  const job = async (matchedAgentIds: readonly number[] | undefined, ...machines: readonly MachineMemory[]): Promise<Job | undefined> => {
    const jobs = [aPipelinesJob(1, matchedAgentIds === undefined ? {} : { matchedAgentIds })]
    const { jobs: read } = await seen({ answers: { jobs }, machines, pool: { jobs: { 1: { seenAt: now - waitsFor } } } })
    return read.known ? read.value[0] : undefined
  }

  test.each<[string, readonly number[] | undefined]>([
    ['does not say', undefined],
    ['names nobody, as for a job that all can take', []],
  ])('is every idle agent where Azure DevOps %s', async (_what, matched) => {
    const waiting = await job(matched, idle(1, minute), idle(2, 5 * minute))
    expect([waiting?.matchedAgentIds, waiting?.passedOverSince]).toEqual([undefined, now - 5 * minute])
  })

  test('are those that it names: others leave nothing untaken', async () => {
    expect(await job([9, 102], idle(1, 5 * minute), idle(2, minute))).toMatchObject({
      matchedAgentIds: [9, 102],
      passedOverSince: now - minute,
    })
    expect(await job([9], idle(1, 5 * minute))).not.toHaveProperty('passedOverSince')
  })

  test('are also those that came online after the job: it need not name them, and no machine more is grown for each', async () =>
    expect(await job([9], idle(1, 3 * minute, now - 4 * minute))).toMatchObject({
      matchedAgentIds: [9, 101],
      passedOverSince: now - 3 * minute,
    }))

  test('are also those that became idle since the jobs were read', async () =>
    expect(await job([9], idle(1, 0), idle(2, second))).toMatchObject({ matchedAgentIds: [9, 101] }))
})

describe('the scale set', () => {
  test('is told with the system of its image, and since when it is gone', async () => {
    const windows = await seen({ answers: { scaleSet: anAzureSet({ os: 'windows' }) } })
    expect(windows.scaleSet).toMatchObject({ value: { os: 'windows' } })
    expect(windows).not.toHaveProperty('scaleSetGoneSince')
    const gone = await seen({ answers: { scaleSet: undefined }, pool: { scaleSetGoneSince: now - minute } })
    expect([gone.scaleSet.known, gone.scaleSetGoneSince]).toEqual([false, now - minute])
  })

  test.each<[string, Partial<PoolRecord>, number, string]>([
    ["another's before ten minutes", { takeOverFrom: 'them/3' }, 9, 'other'],
    ['free to be claimed after them, when a person said so', { takeOverFrom: 'them/3' }, 10, 'free'],
    ["another's without a person's word", {}, 60, 'other'],
    ["another's when the word was about somebody else", { takeOverFrom: 'others/3' }, 60, 'other'],
  ])('whose mark stands still is %s', async (_what, record, minutes, claim) => {
    const value = 'them/3/17'
    const answers = { scaleSet: anAzureSet({ tags: { ScaleSetAgentsOwner: value } }) }
    const { scaleSet } = await seen({ answers, record, pool: { claim: { value, seenAt: now - minutes * minute } } })
    expect(scaleSet).toMatchObject({ value: { claim, claimedBy: 'them/3' } })
  })
})
