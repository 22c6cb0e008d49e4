/** The check of a scale set, before and while a pool uses it: one list, each line with cause, effect and the command that fixes it. */
import { builtInTags, parseClaim } from './claim.ts'
import { fixes, type Fixes } from './fixes.ts'
import { missingActions, neededActions, usefulActions, type Permission } from './permissions.ts'
import { sameScaleSet } from './scale-set-id.ts'
import type { ImageFacts, PoolSettings } from './settings.ts'
import type { Reading, Room } from './snapshot.ts'

export type Finding = {
  readonly id: CheckId
  readonly severity: 'error' | 'warning' | 'ok' | 'unknown'
  readonly cause: string
  /** What it does to the pool; empty when all is well. */
  readonly effect: string
  /** A command to copy; empty when there is nothing to do. */
  readonly fix: string
}

export type CheckId =
  | 'scale-set'
  | 'claim'
  | 'upgrade-policy'
  | 'overprovisioning'
  | 'orchestration'
  | 'placement-group'
  | 'image'
  | 'admin-user'
  | 'vm-identity'
  | 'spot'
  | 'token-in-model'
  | 'protection'
  | 'autoscale'
  | 'permissions'
  | 'quota'
  | 'subnet'

/** What the checks read of the scale set's model. */
export type CheckedScaleSet = {
  readonly tags: Readonly<Record<string, string>>
  readonly os: 'linux' | 'windows'
  readonly imagePublisher?: string
  readonly orchestration: 'uniform' | 'flexible'
  readonly upgradePolicy: string
  readonly overprovision: boolean
  readonly singlePlacementGroup: boolean
  readonly adminUsername?: string
  readonly hasIdentity: boolean
  /** Set for Spot machines. */
  readonly evictionPolicy?: string
}

export type CheckFacts = {
  readonly scaleSetId: string
  /** This service, and its pool when there is one already: whose claim is ours. */
  readonly owner: string
  readonly poolId?: number
  readonly settings: Pick<PoolSettings, 'machinesMax' | 'tearDownAfterUse' | 'interactive'> & Partial<Pick<PoolSettings, 'tokenInModel'>>
  /** `undefined` when Azure says that it does not exist. */
  readonly scaleSet: Reading<CheckedScaleSet | undefined>
  readonly machines: Reading<readonly { readonly id: string; readonly name: string; readonly protected: boolean }[]>
  /** Autoscale settings of the resource group. */
  readonly autoscale: Reading<readonly { readonly name: string; readonly enabled: boolean; readonly targetResourceId: string }[]>
  /** What the service's identity may do at the scale set. */
  readonly permissions: Reading<readonly Permission[]>
  readonly rooms: Reading<readonly Room[]>
}

/** Every check, in the order of the list. A part that could not be read is `unknown` and says why, never `ok`. */
export function checkScaleSet(facts: CheckFacts): readonly Finding[] {
  const fix = fixes(facts.scaleSetId)
  const { scaleSet } = facts
  if (!scaleSet.known) return [unreadable('scale-set', 'The scale set', scaleSet.why), ...besideTheModel(facts, fix)]
  const set = scaleSet.value
  if (set === undefined) return [gone(facts, fix)]
  return [
    { id: 'scale-set', ...ok('The scale set exists and can be read.') },
    { id: 'claim', ...claim(facts, set, fix) },
    ...ofTheModel(facts, set, fix),
    ...besideTheModel(facts, fix),
  ]
}

/** What makes it wrong to add machines to a scale set while a pool lives: the errors in its model, in words. */
export function growthBlockers(pool: Judged, set: CheckedScaleSet): readonly string[] {
  return ofTheModel(pool, set, fixes(pool.scaleSetId)).flatMap((finding) => (finding.severity === 'error' ? [finding.cause] : []))
}

/** What the image says about the machines' system; a custom Windows image does not say whether it is a client. */
export function imageFacts(set: Pick<CheckedScaleSet, 'os' | 'imagePublisher'>): ImageFacts {
  if (set.os === 'linux') return { os: 'linux' }
  const publisher = set.imagePublisher?.toLowerCase()
  if (publisher === 'microsoftwindowsdesktop') return { os: 'windows', client: true }
  if (publisher === 'microsoftwindowsserver') return { os: 'windows', client: false }
  return { os: 'windows' }
}

type Verdict = Omit<Finding, 'id'>
type Judged = Pick<CheckFacts, 'scaleSetId' | 'settings'>

function ofTheModel(pool: Judged, set: CheckedScaleSet, fix: Fixes): readonly Finding[] {
  return [
    { id: 'upgrade-policy', ...upgradePolicy(set, fix) },
    { id: 'overprovisioning', ...overprovisioning(set, fix) },
    { id: 'orchestration', ...orchestration(set, fix) },
    { id: 'placement-group', ...placementGroup(pool, set, fix) },
    { id: 'image', ...image(pool, set, fix) },
    { id: 'admin-user', ...adminUser(set, fix) },
    { id: 'vm-identity', ...vmIdentity(set, fix) },
    ...(set.evictionPolicy === undefined ? [] : [{ id: 'spot' as const, ...spot(set.evictionPolicy, fix) }]),
    ...(pool.settings.tokenInModel === true ? [{ id: 'token-in-model' as const, ...tokenInModel }] : []),
  ]
}

/** What it costs: docs/extension.md. */
const tokenInModel: Verdict = {
  severity: 'warning',
  cause: 'The pool keeps a personal access token in the model of the scale set (tokenInModel).',
  effect: 'Whoever is root on a machine may find it, and machines report nothing of their boots.',
  fix: `echo '{"tokenInModel": false}' > settings.json && scale-set-agents pool set POOL --settings settings.json`,
}

function besideTheModel(facts: CheckFacts, fix: Fixes): readonly Finding[] {
  return [
    { id: 'protection', ...protection(facts, fix) },
    { id: 'autoscale', ...autoscale(facts, fix) },
    { id: 'permissions', ...permissions(facts, fix) },
    { id: 'quota', ...room(facts, 'quota', 'core quota', fix) },
    { id: 'subnet', ...room(facts, 'subnet', 'subnet', fix) },
  ]
}

function gone(facts: CheckFacts, fix: Fixes): Finding {
  return {
    id: 'scale-set',
    severity: 'error',
    cause: `The scale set ${facts.scaleSetId} does not exist.`,
    effect: 'The pool has no machines and cannot grow.',
    fix: fix.create(fix.name),
  }
}

function claim(facts: CheckFacts, set: CheckedScaleSet, fix: Fixes): Verdict {
  const { claim: whose, by, tag } = parseClaim(set.tags, facts.owner, facts.poolId)
  if (whose === 'free') return ok('No other pool uses the scale set.')
  if (whose === 'ours') return ok('The scale set is claimed by this pool.')
  const names = whose === 'built-in' ? builtInTags.flatMap((name) => [name, `${name}TimeStamp`]) : []
  const theirs = Object.entries(set.tags).filter(
    ([name]) => name === tag.name || names.some((other) => other.toLowerCase() === name.toLowerCase()),
  )
  return {
    severity: 'error',
    cause: `This virtual machine scale set is already in use by pool ${by}.`,
    effect: 'Two services that size one scale set work against each other, so this one leaves it alone.',
    fix: fix.untag(theirs),
  }
}

function upgradePolicy(set: CheckedScaleSet, fix: Fixes): Verdict {
  if (set.upgradePolicy.toLowerCase() === 'manual') return ok('The upgrade policy is Manual.')
  return {
    severity: 'error',
    cause: `The upgrade policy is ${set.upgradePolicy}, not Manual.`,
    effect: 'Azure may reimage or restart machines while they run jobs.',
    fix: fix.update('--set upgradePolicy.mode=Manual'),
  }
}

function overprovisioning(set: CheckedScaleSet, fix: Fixes): Verdict {
  if (!set.overprovision) return ok('Overprovisioning is off.')
  return {
    severity: 'error',
    cause: 'Overprovisioning is on.',
    effect: 'Azure creates more machines than asked for and deletes some again, possibly with an agent that has a job.',
    fix: fix.update('--set overprovision=false'),
  }
}

function orchestration(set: CheckedScaleSet, fix: Fixes): Verdict {
  if (set.orchestration === 'uniform') return ok('The orchestration mode is Uniform.')
  return {
    severity: 'error',
    cause: 'The orchestration mode is Flexible, not Uniform.',
    effect: 'Machines cannot be reimaged through the scale set. The mode of a scale set cannot be changed, so make a new one.',
    fix: fix.create(`${fix.name}-uniform`),
  }
}

function placementGroup(pool: Judged, set: CheckedScaleSet, fix: Fixes): Verdict {
  if (!set.singlePlacementGroup) return ok('The scale set may span placement groups.')
  const { machinesMax } = pool.settings
  return {
    severity: machinesMax > 100 ? 'error' : 'warning',
    cause: `The scale set is held to a single placement group, and the maximum is ${machinesMax} machines.`,
    effect: 'It cannot have more than 100 machines, and is refused earlier when one cluster is full.',
    fix: fix.update('--set singlePlacementGroup=false'),
  }
}

function image(pool: Judged, set: CheckedScaleSet, fix: Fixes): Verdict {
  const { os, client } = imageFacts(set)
  const { tearDownAfterUse, interactive } = pool.settings
  const server = (): string => fix.create(`${fix.name}-server`, { image: 'Win2022Datacenter' })
  if (os === 'linux') {
    if (!interactive) return ok('The image is Linux.')
    return {
      severity: 'error',
      cause: 'The image is Linux, and interactive tests are asked for.',
      effect: 'Only Windows Server has a desktop for interactive tests.',
      fix: server(),
    }
  }
  if (client === false || (client === undefined && !tearDownAfterUse && !interactive))
    return ok(client === false ? 'The image is Windows Server.' : 'The image is Windows.')
  if (client === undefined)
    return {
      severity: 'unknown',
      cause: 'The image is a Windows image of its own making, which does not say whether it is Windows Server.',
      effect: 'Tear-down after use and interactive tests need Windows Server.',
      fix: '',
    }
  if (tearDownAfterUse)
    return {
      severity: 'error',
      cause: 'The image is a Windows client, and tear-down after every use is on.',
      effect: 'A Windows client cannot run an agent for one job only.',
      fix: server(),
    }
  if (interactive)
    return {
      severity: 'error',
      cause: 'The image is a Windows client, and interactive tests are asked for.',
      effect: 'Interactive tests need Windows Server.',
      fix: server(),
    }
  return ok('The image is a Windows client.')
}

function adminUser(set: CheckedScaleSet, fix: Fixes): Verdict {
  if (set.adminUsername?.toLowerCase() !== 'azdevops') return ok('The administrator account is not named AzDevOps.')
  return {
    severity: 'error',
    cause: `The machines' administrator account is named ${set.adminUsername}.`,
    effect:
      'The agent runs as an account of that name, which the start script has to make itself. It cannot be renamed, so make a new scale set.',
    fix: fix.create(`${fix.name}-agents`, { adminUsername: 'azureuser' }),
  }
}

function vmIdentity(set: CheckedScaleSet, fix: Fixes): Verdict {
  if (!set.hasIdentity) return ok('The machines have no managed identity.')
  return {
    severity: 'warning',
    cause: 'The machines have a managed identity.',
    effect: 'Every job on them can use it. Remove it, or give it only what every job may do.',
    fix: fix.removeIdentity(),
  }
}

function spot(evictionPolicy: string, fix: Fixes): Verdict {
  if (evictionPolicy.toLowerCase() === 'delete') return ok('Evicted Spot machines are deleted.')
  return {
    severity: 'error',
    cause: `The Spot eviction policy is ${evictionPolicy}, not Delete.`,
    effect: 'Evicted machines stay stopped and count against the maximum. The policy cannot be changed, so make a new scale set.',
    fix: fix.create(`${fix.name}-spot`, { evictionPolicy: 'Delete' }),
  }
}

function protection(facts: CheckFacts, fix: Fixes): Verdict {
  if (!facts.machines.known) return unknownVerdict('The machines', facts.machines.why)
  const held = facts.machines.value.filter((machine) => machine.protected)
  if (held.length === 0) return ok('No machine is protected.')
  return {
    severity: 'error',
    cause: `${held.length === 1 ? 'A machine is' : `${held.length} machines are`} protected: ${named(held)}.`,
    effect: 'Azure refuses to reimage a protected machine with the others, so a whole batch can fail.',
    fix: fix.unprotect(held.map((machine) => machine.id)),
  }
}

function autoscale(facts: CheckFacts, fix: Fixes): Verdict {
  if (!facts.autoscale.known) return unknownVerdict("The resource group's autoscale settings", facts.autoscale.why)
  const aimed = facts.autoscale.value.find((setting) => setting.enabled && sameScaleSet(setting.targetResourceId, facts.scaleSetId))
  if (aimed === undefined) return ok('No enabled autoscale setting targets the scale set.')
  return {
    severity: 'error',
    cause: `The autoscale setting ${aimed.name} is enabled for the scale set.`,
    effect: 'Azure lowers the capacity by its own rules and picks the machines, also those that run jobs.',
    fix: fix.autoscaleOff(aimed.name),
  }
}

function permissions(facts: CheckFacts, fix: Fixes): Verdict {
  if (!facts.permissions.known) return unknownVerdict("The service identity's permissions", facts.permissions.why)
  const missing = missingActions(neededActions, facts.permissions.value)
  const useful = missingActions(usefulActions, facts.permissions.value)
  if (missing.length === 0 && useful.length === 0) return ok('The service identity has every permission it needs.')
  if (missing.length > 0) {
    return {
      severity: 'error',
      cause: `The service identity may not: ${missing.join(', ')}.`,
      effect: 'Azure refuses these calls, so the pool cannot be run.',
      fix: fix.grant([...missing, ...useful]),
    }
  }
  return {
    severity: 'warning',
    cause: `At the scale set, the service identity is not seen to have: ${useful.join(', ')}.`,
    effect: 'Unless granted at the network or the subscription, growth may be refused, and quota and autoscale are not known.',
    fix: fix.grant(useful),
  }
}

function room(facts: CheckFacts, kind: 'quota' | 'subnet', what: string, fix: Fixes): Verdict {
  if (!facts.rooms.known) return unknownVerdict(`The room in the ${what}`, facts.rooms.why)
  if (!facts.machines.known) return unknownVerdict('The machines', facts.machines.why)
  const [least] = facts.rooms.value.filter((each) => each.kind === kind).toSorted((left, right) => left.machines - right.machines)
  if (least === undefined) return unknownVerdict(`The room in the ${what}`, 'Azure did not tell it')
  const needed = Math.max(0, facts.settings.machinesMax - facts.machines.value.length)
  if (least.machines >= needed) return ok(`The ${what} has room for the maximum of ${facts.settings.machinesMax} machines.`)
  return {
    severity: 'warning',
    cause: `The ${what} has room for ${least.machines} more machines, and the maximum needs ${needed} (${least.detail}).`,
    effect: 'The pool stops growing there, and jobs wait.',
    fix: kind === 'quota' ? fix.quotas() : fix.subnets(),
  }
}

function unreadable(id: CheckId, what: string, why: string): Finding {
  return { id, ...unknownVerdict(what, why) }
}

function unknownVerdict(what: string, why: string): Verdict {
  return { severity: 'unknown', cause: `${what} could not be read: ${why.replace(/\.$/, '')}.`, effect: 'This was not checked.', fix: '' }
}

function ok(cause: string): Verdict {
  return { severity: 'ok', cause, effect: '', fix: '' }
}

/** At most ten names; the rest as a number. */
function named(machines: readonly { readonly name: string }[]): string {
  const names = machines.slice(0, 10).map((machine) => machine.name)
  return machines.length > 10 ? `${names.join(', ')} and ${machines.length - 10} more` : names.join(', ')
}
