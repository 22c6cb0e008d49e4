/** S1, S6, S8, S9: which machines were removed, on what picture, how many, and how often. */
import type { WorldEvent } from '../simulator/facts.ts'
import type { AuditIntent, AuditMachine, AuditPass, PoolHistory } from './audit-journal.ts'
import { decided, hadEffect, intentName, machineIn, passName, pruned, type Finding, type Judge } from './audit-verdict.ts'
import type { WorldHistory } from './audit-world.ts'

const removals = ['delete', 'reimage']
const partAgeMsMax = 75_000
const minuteMs = 60_000
const heldMs = 30 * minuteMs

export const noBusyRemoval: Judge = (pool, world) => {
  const { decisions, without } = decided(pool, [...removals, 'unregister'])
  const findings = decisions.flatMap(({ intent, pass }) =>
    intent.machines.flatMap((ref) => busyFinding(intent, pass, machineIn(pass, ref), ref.name)),
  )
  return { invariant: 'S1', judged: decisions.length, findings: [...findings, ...busyInTruth(pool, world)], ...pruned(without) }
}

function busyFinding(intent: AuditIntent, pass: AuditPass, machine: AuditMachine | undefined, name: string): readonly Finding[] {
  const records = [intentName(intent), passName(pass)]
  if (machine === undefined) return [{ detail: `${intent.kind} of ${name}, which was not seen in that life`, records }]
  const isForced = intent.machines.some(({ id, force }) => id === machine.id && force === true)
  if (isForced)
    return machine.asked?.force === true ? [] : [{ detail: `forced ${intent.kind} of ${name}, which nobody had ordered`, records }]
  if (machine.requestId !== undefined) return [{ detail: `${intent.kind} of ${name} with job request ${machine.requestId}`, records }]
  const isRegistered = intent.kind !== 'unregister' && machine.agent !== undefined
  return isRegistered ? [{ detail: `${intent.kind} of ${name} while its agent was registered`, records }] : []
}

/** The world's own record: no machine went away under a job, unless a person forced it. */
function busyInTruth(pool: PoolHistory, world: WorldHistory | undefined): readonly Finding[] {
  const forced = new Set(pool.intents.flatMap(({ machines }) => machines.flatMap(({ id, force }) => (force === true ? [id] : []))))
  const running = new Map<number, string>()
  return (world?.events ?? []).flatMap((event) => {
    followJob(running, event, pool.poolId)
    if (!isRemovalOf(event, pool.scaleSetId)) return []
    return [...running].flatMap(([request, machine]) =>
      event.machines.includes(machine) && !forced.has(machine)
        ? [{ detail: `machine ${machine} was removed with job request ${request}`, records: [`${event.kind} at ${event.at}`] }]
        : [],
    )
  })
}

type Removed = Extract<WorldEvent, { kind: 'delete-accepted' | 'reimage-accepted' }>

function isRemovalOf(event: WorldEvent, scaleSetId: string): event is Removed {
  return (
    (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted') && event.scaleSetId.toLowerCase() === scaleSetId.toLowerCase()
  )
}

function followJob(running: Map<number, string>, event: WorldEvent, poolId: number): void {
  if (!('requestId' in event) || event.poolId !== poolId) return
  if (event.kind === 'job-assigned' && event.machine !== undefined) running.set(event.requestId, event.machine)
  if (event.kind === 'job-finished' || event.kind === 'job-abandoned' || event.kind === 'job-cancelled') running.delete(event.requestId)
}

export const nothingOnUnknown: Judge = (pool) => {
  const { decisions, without } = decided(pool, [...removals, 'unregister'])
  const findings = decisions.flatMap(({ intent, pass }) => {
    const { jobs, agents, scaleSet, machines } = pass.snapshot
    const records = [intentName(intent), passName(pass)]
    const bad = Object.entries({ jobs, agents, machines }).filter(([, part]) => !part.known || pass.at - part.at > partAgeMsMax)
    const names = [...bad.map(([name]) => name), ...(scaleSet.known ? [] : ['scale set'])]
    return names.map((name) => ({
      detail: `${intent.kind} although the ${name} were unknown or older than ${partAgeMsMax / 1_000} s`,
      records,
    }))
  })
  return { invariant: 'S6', judged: decisions.length, findings, ...pruned(without) }
}

const unhealthy: ReadonlySet<string> = new Set([
  'failed-to-start',
  'failed-to-restart',
  'creation-failed',
  'extension-failed',
  'went-offline',
  'stopped',
])

export const unhealthySlowly: Judge = (pool) => {
  const { decisions, without } = decided(pool, ['delete'])
  const byPass = new Map<AuditPass, AuditIntent[]>()
  for (const { intent, pass } of decisions) byPass.set(pass, [...(byPass.get(pass) ?? []), intent])
  const findings = [...byPass].flatMap(([pass, intents]) => budgetFinding(pool, pass, intents))
  return { invariant: 'S8', judged: decisions.length, findings, ...pruned(without) }
}

function budgetFinding(pool: PoolHistory, pass: AuditPass, intents: readonly AuditIntent[]): readonly Finding[] {
  const { machines } = pass.snapshot
  if (!machines.known || pool.settingsAt(pass.settingsVersion)?.deleting === true) return []
  const gone = intents.flatMap((intent) => intent.machines.filter(({ cause = '', force }) => unhealthy.has(cause) && force !== true))
  const present = machines.value.filter(({ stage }) => stage !== 'deleting' && stage !== 'foreign').length
  const allowed = Math.max(1, Math.floor(present / 10))
  const records = [...intents.map(intentName), passName(pass)]
  const many =
    gone.length > allowed
      ? [{ detail: `${gone.length} unhealthy machines in one pass; ${allowed} are allowed of ${present}`, records }]
      : []
  const lost = machines.value.filter(({ stage }) => stage === 'offline')
  const isMass = lost.length >= 3 && lost.length > machines.value.length * 0.3
  const early = gone.filter(
    ({ id, cause }) => cause === 'went-offline' && pass.at - (machines.value.find((each) => each.id === id)?.since ?? 0) < heldMs,
  )
  return isMass && early.length > 0
    ? [...many, { detail: `${early.length} machines removed while ${lost.length} of ${machines.value.length} were lost at once`, records }]
    : many
}

export const oneEffect: Judge = (pool, world) => {
  const intents = pool.intents.filter((intent) => removals.includes(intent.kind) && hadEffect(intent))
  const first = new Map<string, AuditIntent>()
  const findings: Finding[] = []
  for (const intent of intents)
    for (const { id, name, generation } of intent.machines) {
      const life = `${id}/${generation}`
      const before = first.get(life)
      first.set(life, intent)
      // Azure may give an id out again once its machine is gone.
      const wasGone = pool.gone.some(
        ({ machineId, goneAt }) => machineId === id && goneAt <= intent.writtenAt && goneAt >= (before?.writtenAt ?? Infinity),
      )
      if (before !== undefined && !wasGone && before.state === 'settled' && intent.kind === before.kind)
        findings.push({
          detail: `${name} had two effects of ${intent.kind} in life ${generation}`,
          records: [intentName(before), intentName(intent)],
        })
    }
  return { invariant: 'S9', judged: intents.length, findings: [...findings, ...twiceInTruth(pool, world)] }
}

function twiceInTruth({ scaleSetId }: PoolHistory, world: WorldHistory | undefined): readonly Finding[] {
  const busy = new Map<string, Removed['kind']>()
  return (world?.events ?? []).flatMap((event) => {
    if ('machine' in event && event.machine !== undefined && /^machine-(listed|reimaged|deleted|vanished|failed)$/.test(event.kind))
      busy.delete(event.machine)
    if (!isRemovalOf(event, scaleSetId)) return []
    const twice = event.machines.filter((machine) => busy.get(machine) === event.kind)
    for (const machine of event.machines) busy.set(machine, event.kind)
    return twice.map((machine) => ({ detail: `${event.kind} twice for machine ${machine}`, records: [`${event.kind} at ${event.at}`] }))
  })
}
