/** What keeps a pool workable: its claim on the scale set, the extension in the model, the placeholder agent, orphans. */
import type { Reason, Step } from './decision.ts'
import type { PoolSettings } from './settings.ts'
import type { CompleteSnapshot, Instant, PoolSnapshot, ScaleSetState } from './snapshot.ts'

const minuteMs = 60_000
/** The claim counter is merged at most this often. */
export const claimRefreshMs = 3 * minuteMs
/** An agent of ours whose machine is gone is removed after this; longer than Azure DevOps takes to notice a lost agent. */
export const orphanMsMax = 5 * minuteMs

/** Above this the claim is renewed before anything else: at ten minutes it looks given up. */
const claimOverdueMs = 5 * minuteMs

/** Upkeep that neither growth nor recycling may keep waiting. */
export function overdueSteps({ scaleSet }: PoolSnapshot, settings: PoolSettings, left: number, now: Instant): readonly Step[] {
  if (!scaleSet.known || scaleSet.value.claim !== 'ours') return []
  const { claimRefreshedAt } = scaleSet.value
  const isOverdue = claimRefreshedAt === undefined || now - claimRefreshedAt >= claimOverdueMs
  return claimSteps(scaleSet.value, settings, left, now).filter(({ action }) => action.kind === 'put-extension' || isOverdue)
}

/** Updates of the scale set that keep our claim and extension; `left` of them may still be sent. */
export function claimSteps(scaleSet: ScaleSetState, settings: PoolSettings, left: number, now: Instant): readonly Step[] {
  if (scaleSet.claim === 'free') return left > 0 ? [upkeep('claim')] : []
  const steps: Step[] = []
  if (scaleSet.extension !== 'current' && !settings.deleting) steps.push(upkeep('put-extension'))
  if (scaleSet.claimRefreshedAt === undefined || now - scaleSet.claimRefreshedAt >= claimRefreshMs) steps.push(upkeep('refresh-claim'))
  return steps.slice(0, Math.max(0, left))
}

/** Once nothing of ours is left: extension off, tag off, pool away; each in a pass of its own so that a crash between loses nothing. */
export function releaseStep(snapshot: CompleteSnapshot, now: Instant): Step | undefined {
  if (!isEmptied(snapshot) || owedUntil(snapshot, now) !== undefined) return undefined
  const { claim, extension } = snapshot.scaleSet.value
  if (claim === 'ours' && extension !== 'absent')
    return { action: { kind: 'release', part: 'extension' }, reason: { code: 'upkeep', what: 'release' } }
  if (claim === 'ours') return { action: { kind: 'release', part: 'tag' }, reason: { code: 'upkeep', what: 'release' } }
  return deletePool
}

/** Machines that Azure owes are waited for, and not for ever: without our mark nobody would manage them. */
const owedMsMax = 30 * minuteMs

/** Until when the end of an empty pool waits for machines that Azure may still make. */
export function owedUntil({ owed, owedSince }: PoolSnapshot, now: Instant): Instant | undefined {
  const until = (owedSince ?? -Infinity) + owedMsMax
  return owed > 0 && now < until ? until : undefined
}

export const deletePool: Step = { action: { kind: 'delete-pool' }, reason: { code: 'upkeep', what: 'delete-pool' } }

/** A pool that is gone from Azure DevOps cannot be read any more: a deletion whose end nobody wrote down is asked for again. */
export function deletionAgain(snapshot: PoolSnapshot): Step | undefined {
  return snapshot.deletionUnfinished === true ? deletePool : undefined
}

/** No machine of ours is left or still to come. */
export function isEmptied(snapshot: PoolSnapshot): boolean {
  return snapshot.machines.known && snapshot.asked === 0 && snapshot.machines.value.every((machine) => machine.stage === 'foreign')
}

/** Adds the placeholder, or lets it follow the capabilities and the agent version of the pool. */
export function placeholderStep(snapshot: PoolSnapshot): Step | undefined {
  if (!snapshot.agents.known || !snapshot.capabilities.known) return undefined
  const { placeholder, newestVersion } = snapshot.agents.value
  const capabilities = snapshot.capabilities.value
  if (placeholder === undefined) return { action: { kind: 'add-placeholder', capabilities }, reason: { code: 'placeholder', what: 'add' } }
  const what =
    newestVersion !== undefined && newestVersion !== placeholder.version
      ? 'version'
      : sameEntries(placeholder.capabilities, capabilities)
        ? undefined
        : 'capabilities'
  if (what === undefined) return undefined
  return { action: { kind: 'update-placeholder', agentId: placeholder.agentId, capabilities }, reason: { code: 'placeholder', what } }
}

/** Agents of ours whose machine is gone. One that is online or has a job is left alone. */
export function orphanSteps(snapshot: CompleteSnapshot, now: Instant): readonly Step[] {
  return snapshot.agents.value.orphans
    .filter((agent) => !agent.online && agent.requestId === undefined && now - agent.since >= orphanMsMax)
    .map((agent) => ({
      action: { kind: 'unregister-orphan', agentId: agent.id, name: agent.name },
      reason: { code: 'orphan', agent: agent.name, since: agent.since },
    }))
}

function upkeep(kind: 'claim' | 'refresh-claim' | 'put-extension'): Step {
  const reason: Reason = { code: 'upkeep', what: kind }
  return { action: { kind }, reason }
}

function sameEntries(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
}
