/** S3, S10, S11, S12, S15: whose machines were touched, what one life of them saw, and what people had put to rest. */
import type { WorldEvent } from '../simulator/facts.ts'
import type { PoolHistory } from './audit-journal.ts'
import { decided, hadEffect, intentName, machineIn, passName, pruned, type Finding, type Judge } from './audit-verdict.ts'

const onMachines = ['drain', 'restore', 'unregister', 'delete', 'reimage', 'save']
const onScaleSet = [...onMachines, 'grow', 'ask-again', 'refresh-claim', 'put-extension', 'release']

export const onlyOurs: Judge = (pool) => {
  const { decisions, without } = decided(pool, onScaleSet)
  const findings = decisions.flatMap(({ intent, pass }): readonly Finding[] => {
    const records = [intentName(intent), passName(pass)]
    const { scaleSet } = pass.snapshot
    const claim = scaleSet.known ? scaleSet.value.claim : 'unknown'
    const strange = intent.machines.filter((ref) => machineIn(pass, ref)?.stage === 'foreign')
    return [
      ...(claim === 'ours' ? [] : [{ detail: `${intent.kind} while the scale set's tag was ${claim}`, records }]),
      ...strange.map(({ name }) => ({ detail: `${intent.kind} of ${name}, which is not ours`, records })),
    ]
  })
  return { invariant: 'S3', judged: decisions.length, findings, ...pruned(without) }
}

export const oneJobEach: Judge = (pool, world) => {
  const { decisions, without } = decided(pool, ['restore'])
  const findings = decisions.flatMap(({ intent, pass }): readonly Finding[] => {
    if (pool.settingsAt(pass.settingsVersion)?.tearDownAfterUse !== true) return []
    const used = intent.machines.filter((ref) => machineIn(pass, ref)?.warm === true)
    return used.map(({ name }) => ({
      detail: `${name} was enabled again after its one job`,
      records: [intentName(intent), passName(pass)],
    }))
  })
  const isOneJob = pool.allSettings.every(({ tearDownAfterUse }) => tearDownAfterUse)
  const inTruth = isOneJob && world !== undefined ? repeated(world.events, pool, 'job-started', 'ran a second job') : []
  return {
    ...{ invariant: 'S10', judged: decisions.length + (isOneJob ? 1 : 0), findings: [...findings, ...inTruth] },
    ...(isOneJob && world === undefined ? { notChecked: 'which jobs a life ran; a sandbox tells' } : pruned(without)),
  }
}

/** A thing that happens once in a life of a machine. An agent that ignores its order to stop is the world's doing, not ours. */
function repeated(
  events: readonly WorldEvent[],
  { poolId, scaleSetId }: PoolHistory,
  kind: WorldEvent['kind'],
  what: string,
): readonly Finding[] {
  const lives = new Map<string, number>()
  if (events.some((event) => event.kind === 'fault' && event.fault === 'once-ignored')) return []
  return events.flatMap((event): readonly Finding[] => {
    const ended = machineThatEnds(event, scaleSetId)
    if (ended !== undefined) lives.delete(ended)
    if (event.kind !== kind || !('poolId' in event) || event.poolId !== poolId) return []
    const machine = 'machine' in event ? event.machine : undefined
    if (machine === undefined) return []
    const times = (lives.get(machine) ?? 0) + 1
    lives.set(machine, times)
    return times === 1 ? [] : [{ detail: `machine ${machine} ${what} in one life`, records: [`${event.kind} at ${event.at}`] }]
  })
}

/** The machine whose life ends, or begins, with this event. */
function machineThatEnds(event: WorldEvent, scaleSetId: string): string | undefined {
  if (!('scaleSetId' in event) || !('machine' in event) || event.scaleSetId.toLowerCase() !== scaleSetId.toLowerCase()) return undefined
  return /listed|reimaged|deleted|vanished/.test(event.kind) ? event.machine : undefined
}

export const oneCredential: Judge = (pool) => {
  const { claims } = pool
  const lifeOf = ({ machineId, createdAt, generation }: (typeof claims)[number]): string => `${machineId}/${createdAt}/${generation}`
  const twice = claims.filter((claim, index) => claims.findIndex((each) => lifeOf(each) === lifeOf(claim)) !== index)
  const reimaged = new Set(
    pool.intents.flatMap((intent) =>
      intent.kind === 'reimage' && hadEffect(intent) ? intent.machines.map(({ id, generation }) => `${id}/${generation}`) : [],
    ),
  )
  const early = claims.filter(({ machineId, generation }) => generation > 1 && !reimaged.has(`${machineId}/${generation - 1}`))
  const isWhole = pool.intents.length < 5_000
  return {
    invariant: 'S11',
    judged: claims.length,
    findings: [
      ...twice.map((claim) => ({
        detail: `two credentials for life ${claim.generation} of machine ${claim.machineId}`,
        records: [`claim ${lifeOf(claim)}`],
      })),
      ...(isWhole ? early : []).map((claim) => ({
        detail: `a credential for life ${claim.generation} of machine ${claim.machineId}, which we never began`,
        records: [`claim ${lifeOf(claim)}`],
      })),
    ],
    ...(claims.length === 0 && { notChecked: 'no machine of this history asked for a credential' }),
  }
}

export const restIsKept: Judge = (pool) => {
  const { decisions, without } = decided(pool, onScaleSet)
  const findings = decisions.flatMap(({ intent, pass }): readonly Finding[] => {
    const records = [intentName(intent), passName(pass)]
    const settings = pool.settingsAt(pass.settingsVersion)
    const touched = intent.machines.flatMap((ref) => {
      const machine = machineIn(pass, ref)
      const isSaved = machine?.stage === 'saved' && intent.kind !== 'save' && machine.asked === undefined && settings?.deleting !== true
      const isPersons = machine?.stage === 'disabled' && intent.kind === 'restore'
      return isSaved || isPersons ? [{ detail: `${intent.kind} of ${ref.name}, which was ${machine.stage}`, records }] : []
    })
    return [...(settings?.paused === true ? [{ detail: `${intent.kind} while the pool was paused`, records }] : []), ...touched]
  })
  return { invariant: 'S12', judged: decisions.length, findings, ...pruned(without) }
}

const dayMs = 24 * 3_600_000
const restless = new Set(['grow', 'drain', 'reimage', 'delete'])

/** S15: any day of constant jobs in a reusable pool. */
export const calmDay: Judge = ({ passes, intents, settingsAt }) => {
  const days = constantSpans(passes).filter(
    ({ from, to, version }) => to - from >= dayMs && settingsAt(version)?.tearDownAfterUse === false,
  )
  const findings = days.flatMap(({ from, to }) =>
    intents
      // An hour to warm up: boot, learn, delay.
      .filter(({ kind, writtenAt }) => restless.has(kind) && writtenAt > from + 3_600_000 && writtenAt <= to)
      .map((intent) => ({ detail: `${intent.kind} on a day of constant jobs`, records: [intentName(intent)] })),
  )
  return {
    ...{ invariant: 'S15', judged: days.length, findings },
    ...(days.length === 0 && { notChecked: 'there is no day of constant jobs in the passes that are kept' }),
  }
}

function constantSpans(passes: PoolHistory['passes']) {
  const spans: { from: number; to: number; version: number; jobs: number }[] = []
  for (const { at, lastAt, settingsVersion: version, counts } of passes) {
    const jobs = counts.waiting + counts.running
    const last = spans.at(-1)
    if (last?.jobs === jobs && last.version === version) last.to = lastAt
    else spans.push({ from: at, to: lastAt, version, jobs })
  }
  return spans
}
