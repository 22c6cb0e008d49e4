/** Reason → one plain sentence. The only place that words reasons. */
import { translate } from './azure-errors.ts'
import { bootText } from './boot.ts'
import type { ActionKind, Reason, StayCause } from './decision.ts'
import { leftCode } from './refused.ts'
import type { Instant, LeaveCause, NextLife } from './snapshot.ts'

/** Words a reason at `now` on the service's line; durations count from or to it. */
export function explain(reason: Reason, now: Instant): string {
  return demandSentence(reason, now) ?? limitSentence(reason, now) ?? machineSentence(reason, now)
}

function demandSentence(reason: Reason, now: Instant): string | undefined {
  switch (reason.code) {
    case 'need':
      return `${count(reason.need, 'more machine')} needed: ${count(reason.waiting, 'job')} waiting and ${reason.standby} on standby, with ${reason.idle} idle and ${reason.coming} coming${unsuited(reason)}.`
    case 'enough':
      return `Enough machines: ${count(reason.waiting, 'job')} waiting and ${reason.standby} on standby, with ${reason.idle} idle and ${reason.coming} coming${unsuited(reason)}.`
    case 'learn-capabilities':
      return 'One machine is started to learn what the agents of this pool can do.'
    case 'no-agent-could-take':
      return `Job "${reason.job}" (request ${reason.requestId}) demands "${reason.demand}", which no agent of this pool has; declare the capability in the settings or use another pool.`
    case 'passed-over':
      return `Job "${reason.job}" (request ${reason.requestId}) was left untaken by suitable idle agents for ${duration(now - reason.since)}; it waits for something else than a machine, such as an approval, a check or parallel jobs.`
    case 'parallel-jobs':
      return `${count(reason.waiting, 'job')} waiting, but the organization's parallel jobs let only ${reason.free} start; buy more or wait for one to end.`
    default:
      return undefined
  }
}

function unsuited({ unsuited: agents = 0 }: { readonly unsuited?: number }): string {
  return agents === 0 ? '' : `; ${count(agents, 'idle agent')} can take none of these jobs`
}

function limitSentence(reason: Reason, now: Instant): string | undefined {
  switch (reason.code) {
    case 'maximum':
      return `${count(reason.needed, 'machine')} needed, ${reason.granted} allowed: there are ${reason.total} and the maximum is ${reason.machinesMax}.`
    case 'room':
      return `${count(reason.needed, 'machine')} needed, ${reason.granted} fit: ${closed(reason.detail)}`
    case 'update-rate':
      return `${count(reason.sent, 'update')} of the scale set were sent within a minute; the next goes in ${duration(reason.freeAt - now)}.`
    case 'backing-off':
      return backingOff(reason, now)
    case 'boot-trouble':
      return bootTrouble(reason, now)
    case 'owed':
      return reason.until === undefined
        ? `Azure owes ${count(reason.machines, 'machine')} of the capacity and no operation runs; they are asked for again.`
        : `Azure may still make ${count(reason.machines, 'machine')} of the capacity: the pool ends once they are gone too, or in ${duration(reason.until - now)}.`
    case 'paused':
      return 'The pool is paused: nothing but its mark on the scale set is changed until a person resumes it.'
    case 'unknown':
      return `${partName(reason.part)} could not be read (${reason.why}), so ${stopped(reason.stops)}.`
    case 'too-old':
      return `${partName(reason.part)} ${reason.part === 'scale-set' ? 'was' : 'were'} last read ${duration(now - reason.at)} ago, so ${stopped(reason.stops)} until the next answer.`
    case 'not-ours':
      return notOurs(reason)
    case 'scale-set-blocked':
      return `The pool does not grow: ${closed(reason.finding)}`
    case 'unhealthy-budget':
      return `${count(reason.unhealthy, 'unhealthy machine')}; at most ${reason.allowed} of them are removed in one pass.`
    case 'mass-failure':
      return `${reason.unhealthy} of ${reason.total} machines went away at once; none of them is removed until this has lasted half an hour, because the fault is likelier in the network.`
    case 'azure-busy':
      return `Azure is busy with another operation of the scale set; ${count(reason.waiting, 'machine')} to remove when it is asked again in ${duration(reason.freeAt - now)}.`
    case 'refused':
      return refusedText(reason, now)
    case 'delete-in-flight':
      return `${count(reason.waiting, 'machine')} to delete after the delete that Azure is working on.`
    default:
      return undefined
  }
}

type MachineReason = Exclude<
  Reason,
  {
    code:
      | 'need'
      | 'enough'
      | 'learn-capabilities'
      | 'no-agent-could-take'
      | 'passed-over'
      | 'parallel-jobs'
      | 'maximum'
      | 'room'
      | 'update-rate'
      | 'backing-off'
      | 'boot-trouble'
      | 'owed'
      | 'paused'
      | 'unknown'
      | 'too-old'
      | 'not-ours'
      | 'scale-set-blocked'
      | 'unhealthy-budget'
      | 'mass-failure'
      | 'delete-in-flight'
      | 'azure-busy'
      | 'refused'
  }
>

function machineSentence(reason: Reason, now: Instant): string {
  const each = reason as MachineReason
  switch (each.code) {
    case 'leaves':
      return `${each.machine} ${leaveStep(each.step, each.next)}: ${causeText(each.cause, each.detail)}.`
    case 'leave-together':
      return `${byCause(each.machines)} are ${each.next === 'delete' ? 'deleted' : 'reimaged'} in one call.`
    case 'saved':
      return `${each.machine} is saved for investigation (${each.saved} of ${each.savedMax}): ${causeText(each.cause)}.`
    case 'restored':
      return `${each.machine} is taken back into service: ${count(each.waiting, 'job')} waiting.`
    case 'orphan':
      return `Agent ${each.agent} is removed from the pool: its machine has been gone for ${duration(now - each.since)}.`
    case 'stays':
      return `${each.machine} stays: ${stayText(each.why, each.detail, each.untilMs === undefined ? undefined : each.untilMs - now)}.`
    case 'upkeep':
      return upkeepText[each.what]
    case 'placeholder':
      return placeholderText[each.what]
    case 'invariant':
      return `An action (${each.action}) was not sent because it would break ${each.invariant}: ${each.detail}. Please report this.`
  }
}

/** `a, b (idle …), c (it ran its job …)`: machines with the same cause stand together. */
function byCause(machines: readonly { readonly machine: string; readonly cause: LeaveCause }[]): string {
  const causes = [...new Set(machines.map((each) => each.cause))]
  return causes
    .map(
      (cause) =>
        `${machines
          .filter((each) => each.cause === cause)
          .map((each) => each.machine)
          .join(', ')} (${causeText(cause)})`,
    )
    .join('; ')
}

function leaveStep(step: 'drain' | 'unregister' | 'remove', next: NextLife): string {
  if (step === 'drain') return `takes no more jobs and is then ${next === 'delete' ? 'deleted' : 'reimaged'}`
  if (step === 'unregister') return `is taken out of the pool and then ${next === 'delete' ? 'deleted' : 'reimaged'}`
  return next === 'delete' ? 'is deleted' : 'is reimaged'
}

/** Why a machine leaves, as a part of a sentence. */
export function causeText(cause: LeaveCause, detail?: string): string {
  switch (cause) {
    case 'surplus':
      return 'idle beyond the standby for the whole delay'
    case 'used':
      return 'it ran its job and machines are torn down after every use'
    case 'disabled-by-person':
      return 'a person disabled its agent'
    case 'asked-by-person':
      return `${detail ?? 'a person'} asked for it`
    case 'failed-to-start':
      return `it failed to start${detail === undefined ? '' : `, ${detail}`}`
    case 'failed-to-restart':
      return `it failed to start again after a reimage${detail === undefined ? '' : `, ${detail}`}`
    case 'creation-failed':
      return `deleting unhealthy machine, Azure could not create it${detail === undefined ? '' : ` (${detail})`}`
    case 'extension-failed':
      return `it failed to start, the agent extension reported failure${detail === undefined ? '' : ` (${detail})`}`
    case 'went-offline':
      return 'its agent went offline unexpectedly and did not come back'
    case 'stopped':
      return 'it was stopped and its agent is gone'
    case 'pool-deleted':
      return 'the pool is being deleted'
  }
}

function stayText(why: StayCause, detail: string | undefined, leftMs: number | undefined): string {
  const left = leftMs === undefined || leftMs <= 0 ? '' : ` (${duration(leftMs)} left)`
  switch (why) {
    case 'busy':
      return `it runs job request ${detail}`
    case 'standby':
      return 'it is one of the agents kept on standby'
    case 'delay':
      return 'the pool has not had a surplus for the whole delay yet'
    case 'demand':
      return 'jobs are waiting or other machines leave first'
    case 'starting':
      return `its agent is expected to come online${left}`
    case 'grace':
      return `its agent went offline and may come back${left}`
    case 'job-counted':
      return `Azure DevOps still counts job request ${detail} on it`
    case 'saved':
      return 'it is saved for investigation until a person deletes it'
    case 'protected':
      return 'a person set instance protection on it, so Azure refuses to change it; take that off in Azure'
    case 'foreign':
      return 'it was not created by this pool; adopt it or delete it in Azure'
    case 'unclear':
      return `what is known of it contradicts itself (${detail})`
    case 'being-deleted':
      return 'Azure is deleting it'
    case 'being-reimaged':
      return 'Azure is reimaging it'
    case 'waits-for-job':
      return `it leaves once job request ${detail} has ended`
    case 'removal-elsewhere':
      return 'its removal goes on in one of the next passes'
  }
}

const upkeepText = {
  claim: 'The scale set is marked as used by this pool.',
  'refresh-claim': 'The mark on the scale set is renewed.',
  'put-extension': 'The agent extension is put into the model of the scale set.',
  release: 'The pool is being deleted: extension and mark are taken off the scale set.',
  'delete-pool': 'The pool is empty and released; it is deleted in Azure DevOps.',
} as const

const placeholderText = {
  add: 'An offline agent is registered that keeps jobs waiting while the pool is empty, instead of failing.',
  capabilities: 'The offline agent takes over the capabilities of this pool.',
  version: 'The offline agent follows the agent version of this pool.',
} as const

function backingOff(reason: Extract<Reason, { code: 'backing-off' }>, now: Instant): string {
  const { cause, fix } = translate(reason.azureCode)
  const again = reason.times > 1 ? ` for the ${ordinal(reason.times)} time in a row` : ''
  return `Azure could not create machines${again} (${reason.azureCode}). ${cause} ${fix} The next attempt is in ${duration(reason.freeAt - now)}.`
}

const refusedWhat: Readonly<Record<ActionKind, string>> = {
  grow: 'Adding machines',
  'ask-again': 'Asking for machines',
  drain: 'Disabling an agent',
  restore: 'Enabling an agent',
  unregister: 'Taking an agent out of the pool',
  'unregister-orphan': 'Taking an agent out of the pool',
  delete: 'Deleting machines',
  reimage: 'Reimaging machines',
  save: 'Disabling the agent of a saved machine',
  claim: 'Marking the scale set',
  'refresh-claim': 'Renewing the mark on the scale set',
  'put-extension': 'Putting the agent extension into the model',
  'add-placeholder': 'Registering the offline agent',
  'update-placeholder': 'Keeping the offline agent',
  release: 'Taking mark and extension off the scale set',
  'delete-pool': 'Deleting the agent pool',
}

function refusedText(reason: Extract<Reason, { code: 'refused' }>, now: Instant): string {
  const what = refusedWhat[reason.action]
  const again = `It is tried again in ${duration(reason.freeAt - now)}.`
  if (reason.azureCode === leftCode) return `${what} was left ${count(reason.times, 'time')}, because the world had moved. ${again}`
  const { cause, fix } = translate(reason.azureCode)
  return `${what} was refused ${count(reason.times, 'time')} in a row (${reason.azureCode}). ${cause} ${fix} ${again}`
}

function bootTrouble(reason: Extract<Reason, { code: 'boot-trouble' }>, now: Instant): string {
  const { times, needed, granted, coming, tryAt } = reason
  const next =
    granted > 0
      ? 'One is tried now.'
      : coming > 0
        ? 'The next is tried when it is known what becomes of those that are coming.'
        : `The next is tried in ${duration(tryAt - now)}, or at once with: scale-set-agents pool try-again POOL.`
  return `${count(needed, 'machine')} needed, but growth is paused: ${count(times, 'machine')} in a row failed to start, the last${bootText(reason)} ${next}`
}

function ordinal(number: number): string {
  const ending = ['th', 'st', 'nd', 'rd'][number % 100 > 10 && number % 100 < 14 ? 0 : number % 10] ?? 'th'
  return `${number}${ending}`
}

function notOurs(reason: Extract<Reason, { code: 'not-ours' }>): string {
  if (reason.claim === 'free') return 'The scale set is not marked as used by this pool yet; nothing else is done before it is.'
  if (reason.claim === 'built-in')
    return `This virtual machine scale set is already in use by pool ${reason.by ?? 'of Azure DevOps'}; remove it there first.`
  return `The scale set is marked as used by ${reason.by ?? 'another service'}; nothing is changed. Stop the other one, or confirm the take-over once its mark stands still.`
}

function partName(part: 'jobs' | 'agents' | 'scale-set' | 'machines'): string {
  return { jobs: 'The jobs', agents: 'The agents', 'scale-set': 'The scale set', machines: 'The machines' }[part]
}

function stopped(stops: 'all' | 'growth' | 'removal'): string {
  return { all: 'nothing is changed', growth: 'the pool does not grow', removal: 'no machine leaves' }[stops]
}

/** Words of others as the end of a sentence. */
function closed(words: string): string {
  return words.endsWith('.') ? words : `${words}.`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** `45 s`, `3 min`, `2 h 10 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const rest = minutes % 60
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`
}
