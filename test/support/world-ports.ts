/** The service's two ports over the world model, without HTTP: what the adapters do with Azure's answers, in world terms. */
import type { AzureMachine, AzureScaleSet, CallOutcome, Clock, Pipelines, PipelinesAgent, ScaleSet } from '../../backend/loop/ports.ts'
import type { Reading } from '../../backend/core/snapshot.ts'
import type { AgentFacts, Answer, Json, MachineFacts, RequestFacts, ScaleSetFacts, World } from '../../backend/simulator/facts.ts'
import type { Random } from '../../backend/simulator/random.ts'
import { uninterrupted } from './virtual-time.ts'

export type WorldCall = {
  readonly api: 'azure' | 'azure-devops'
  readonly name: string
  readonly change: boolean
  readonly at: number
  /** What a change names: the capacity, the machines, the agent. */
  readonly target: CallTarget
}
export type CallTarget = {
  readonly capacity?: number
  readonly machines?: readonly string[]
  readonly agentId?: number
  readonly enabled?: boolean
}

export type WorldPortsParts = {
  readonly world: World
  readonly clock: Clock
  readonly random: Random
  /** World time now; the world is brought up to it before each call. */
  readonly worldNow: () => number
  /** Called before each call; what it throws is thrown by the port as a dying process would. */
  readonly onCall?: (call: WorldCall) => void
  /** The call was made and has not left yet. */
  readonly onBegin?: (call: WorldCall) => void
  /** The other side has carried it out or refused it; the answer is on its way. */
  readonly onAnswer?: (call: WorldCall, answer: Answer<unknown>) => void
  readonly signal?: AbortSignal
}

type Not<T> = Extract<Answer<T>, { ok: false }>

/** How long an answer takes, in ms. */
const answerMs = { p50: 120, p95: 600 } as const

export function worldPipelines(parts: WorldPortsParts): Pipelines {
  const call = caller(parts, 'azure-devops')
  const { devops } = parts.world
  const read = <T, R>(name: string, ask: () => Answer<T>, map: (value: T) => R): Promise<Reading<R>> => call.read(name, ask, map)
  return {
    jobs: (poolId) =>
      read(
        'jobs',
        () => devops.requests(poolId),
        (requests) => requests.filter((each) => each.result === undefined).map(jobOf),
      ),
    agents: (poolId) =>
      read(
        'agents',
        () => devops.agents(poolId),
        (agents) => agents.map(agentOf),
      ),
    async agent(poolId, agentId) {
      const answer = await call.ask('agent', false, () => devops.agent(poolId, agentId))
      if (answer.ok)
        return { known: true, at: parts.clock.now(), value: { ...agentOf(answer.value), capabilities: answer.value.systemCapabilities } }
      return isMissing(answer) ? { known: true, at: parts.clock.now(), value: undefined } : { known: false, why: whyNot(answer) }
    },
    setEnabled: (poolId, agentId, enabled) =>
      call.change('set-enabled', () => devops.updateAgent(poolId, agentId, { enabled }), { agentId, enabled }),
    async removeAgent(poolId, agentId) {
      const answer = await call.ask('remove-agent', true, () => devops.deleteAgent(poolId, agentId), { agentId })
      return !answer.ok && isMissing(answer) ? { kind: 'done' } : outcomeOf(answer)
    },
    addPlaceholder: (poolId, name, version, capabilities) =>
      call.change(
        'add-placeholder',
        () => devops.addAgent(poolId, { name, version, osDescription: 'placeholder', systemCapabilities: capabilities }),
        {},
        (agent) => ({ detail: String(agent.id) }),
      ),
    updatePlaceholder: (poolId, agentId, version, capabilities) =>
      call.change('update-placeholder', () => devops.updateAgent(poolId, agentId, { version, systemCapabilities: capabilities }), {
        agentId,
      }),
    async deletePool(poolId) {
      const answer = await call.ask('delete-pool', true, () => devops.deletePool(poolId))
      return !answer.ok && isMissing(answer) ? { kind: 'done' } : outcomeOf(answer)
    },
    parallelJobsFree: () =>
      read(
        'parallel-jobs',
        () => devops.parallelJobs(),
        ({ total, used }) => Math.max(0, total - used),
      ),
    slowDownMs: () => 0,
  }
}

function jobOf(request: RequestFacts) {
  return {
    requestId: request.id,
    name: request.jobName,
    pipeline: request.definition.name,
    demands: request.demands,
    queuedAt: String(request.queuedAt),
    ...(request.agentId === undefined ? {} : { agentId: request.agentId }),
    matchedAgentIds: request.matchedAgentIds,
  }
}

function agentOf(agent: AgentFacts): PipelinesAgent {
  return {
    id: agent.id,
    name: agent.name,
    online: agent.online,
    enabled: agent.enabled,
    version: agent.version,
    ...(agent.assignedRequestId === undefined ? {} : { requestId: agent.assignedRequestId }),
    ...(agent.lastCompletedRequestId === undefined ? {} : { lastRequestId: agent.lastCompletedRequestId }),
  }
}

export function worldScaleSet(parts: WorldPortsParts, id: string): ScaleSet {
  const call = caller(parts, 'azure')
  const { azure } = parts.world
  const operation = (value: { readonly operationId?: string }) => (value.operationId === undefined ? {} : { operation: value.operationId })
  return {
    async read() {
      const answer = await call.ask('read-scale-set', false, () => azure.scaleSet(id))
      if (answer.ok) return { known: true, at: parts.clock.now(), value: scaleSetOf(answer.value) }
      return isMissing(answer) ? { known: true, at: parts.clock.now(), value: undefined } : { known: false, why: whyNot(answer) }
    },
    machines: () =>
      call.read(
        'list-machines',
        () => azure.machines(id),
        (machines) => machines.map(machineOf),
      ),
    async operation(address) {
      const answer = await call.ask('operation', false, () => azure.operation(address))
      if (!answer.ok)
        return isMissing(answer) ? { known: true, at: parts.clock.now(), value: { state: 'gone' } } : { known: false, why: whyNot(answer) }
      const { state, error } = answer.value
      const value =
        state === 'InProgress'
          ? { state: 'running' as const }
          : state === 'Succeeded'
            ? { state: 'succeeded' as const }
            : { state: 'failed' as const, code: error?.code ?? state, message: error?.message ?? '' }
      return { known: true, at: parts.clock.now(), value }
    },
    rooms: () =>
      call.read(
        'usages',
        () => azure.usages(id.split('/')[2] ?? '', 'westeurope'),
        (usages) => {
          const cores = usages.find((each) => each.name === 'cores')
          return cores === undefined
            ? []
            : [
                {
                  kind: 'quota' as const,
                  machines: Math.floor((cores.limit - cores.current) / 2),
                  detail: `${cores.limit - cores.current} of ${cores.limit} cores are free.`,
                },
              ]
        },
      ),
    setCapacity: (seen, capacity) =>
      call.change('set-capacity', () => azure.patchScaleSet(id, { capacity }, seen.etag), { capacity }, operation),
    deleteMachines: (ids) => call.change('delete-instances', () => azure.deleteInstances(id, ids), { machines: ids }, operation),
    reimageMachines: (ids) => call.change('reimage', () => azure.reimage(id, ids), { machines: ids }, operation),
    claimTag: (seen, name, value) =>
      call.change('claim', () => azure.patchScaleSet(id, { tags: { ...seen.tags, [name]: value } }, seen.etag)),
    mergeTag: (name, value) => call.change('merge-tag', () => azure.mergeTags(id, 'Merge', { [name]: value })),
    removeTag: (name, value) => call.change('remove-tag', () => azure.mergeTags(id, 'Delete', { [name]: value })),
    putExtension: (seen, entry) =>
      call.change('put-extension', () =>
        azure.patchScaleSet(id, {
          properties: withExtensions(parts.world, id, [
            ...others(seen, entry.name),
            {
              name: entry.name,
              properties: {
                publisher: entry.publisher,
                type: entry.type,
                typeHandlerVersion: entry.version,
                settings: entry.settings as Json,
                protectedSettings: (entry.protectedSettings ?? {}) as Json,
                provisionAfterExtensions: entry.after,
              },
            },
          ]),
        }),
      ),
    removeExtension: (seen, name) =>
      call.change('remove-extension', () => azure.patchScaleSet(id, { properties: withExtensions(parts.world, id, others(seen, name)) })),
  }
}

function others(seen: AzureScaleSet, name: string): Json[] {
  return seen.extensions
    .filter((each) => each.name !== name)
    .map((each) => ({ name: each.name, properties: { publisher: each.publisher, type: each.type, settings: each.settings as Json } }))
}

function withExtensions(world: World, id: string, extensions: readonly Json[]): { readonly [key: string]: Json } {
  const profile = (world.truth.scaleSet(id)?.properties['virtualMachineProfile'] ?? {}) as { readonly [key: string]: Json }
  return { virtualMachineProfile: { ...profile, extensionProfile: { extensions } } }
}

type Loose = { readonly [key: string]: Json }
const at = (value: Json | undefined, ...keys: readonly string[]): Json | undefined =>
  keys.reduce<Json | undefined>((each, key) => (each as Loose | undefined)?.[key], value)

export function scaleSetOf(facts: ScaleSetFacts): AzureScaleSet {
  const extensions = (at(facts.properties, 'virtualMachineProfile', 'extensionProfile', 'extensions') ?? []) as readonly Loose[]
  return {
    id: facts.id,
    location: facts.location,
    capacity: facts.capacity,
    etag: facts.etag,
    skuName: facts.skuName,
    tags: facts.tags,
    os: 'linux',
    orchestration: 'uniform',
    upgradePolicy: String(at(facts.properties, 'upgradePolicy', 'mode') ?? 'Manual'),
    overprovision: facts.properties['overprovision'] === true,
    singlePlacementGroup: facts.properties['singlePlacementGroup'] === true,
    provisioning: facts.provisioningState,
    subnetIds: [],
    hasIdentity: false,
    extensions: extensions.map((each) => ({
      name: String(each['name']),
      publisher: String(at(each, 'properties', 'publisher')),
      type: String(at(each, 'properties', 'type')),
      settings: (at(each, 'properties', 'settings') ?? {}) as Readonly<Record<string, unknown>>,
      after: (at(each, 'properties', 'provisionAfterExtensions') ?? []) as readonly string[],
    })),
  }
}

export function machineOf(facts: MachineFacts): AzureMachine {
  const power = facts.powerState === 'stopping' ? 'other' : facts.powerState
  const ours = facts.failure?.extension?.startsWith('Microsoft.Azure.DevOps') === true
  return {
    id: facts.instanceId,
    vmId: facts.vmId,
    name: facts.computerName,
    createdAt: String(facts.createdAt),
    provisioning: facts.provisioningState.toLowerCase() as AzureMachine['provisioning'],
    power,
    latestModel: true,
    protected: facts.protection.fromScaleSetActions,
    ...(facts.failure === undefined ? {} : { failure: { code: facts.failure.code, message: facts.failure.message, ours } }),
  }
}

// ---------------------------------------------------------------- calling

function caller(parts: WorldPortsParts, api: WorldCall['api']) {
  const ask = async <T>(name: string, change: boolean, send: () => Answer<T>, target: CallTarget = {}): Promise<Answer<T>> => {
    const takesMs = parts.random.logNormal(answerMs)
    const call = { api, name, change, at: parts.worldNow(), target }
    parts.onBegin?.(call)
    await parts.clock.sleep(takesMs / 2, uninterrupted)
    parts.world.advance(parts.worldNow())
    parts.onCall?.(call)
    const answer = send()
    parts.onAnswer?.(call, answer)
    await parts.clock.sleep(takesMs / 2, uninterrupted)
    return answer
  }
  return {
    ask,
    async read<T, R>(name: string, send: () => Answer<T>, map: (value: T) => R): Promise<Reading<R>> {
      const askedAt = parts.clock.now()
      const answer = await ask(name, false, send)
      return answer.ok ? { known: true, at: askedAt, value: map(answer.value) } : { known: false, why: whyNot(answer) }
    },
    async change<T>(
      name: string,
      send: () => Answer<T>,
      target: CallTarget = {},
      more: (value: T) => { readonly operation?: string; readonly detail?: string } = () => ({}),
    ): Promise<CallOutcome> {
      const answer = await ask(name, true, send, target)
      return answer.ok ? { kind: 'done', ...more(answer.value) } : outcomeOf(answer)
    },
  }
}

function outcomeOf(answer: Answer<unknown>): CallOutcome {
  if (answer.ok) return { kind: 'done' }
  if ('lost' in answer) return { kind: 'unknown', why: 'no answer came' }
  if (answer.status >= 500) return { kind: 'unknown', why: `status ${answer.status}` }
  return {
    kind: 'refused',
    status: answer.status,
    code: answer.code,
    message: answer.message,
    ...(answer.retryAfterS === undefined ? {} : { retryAfterMs: answer.retryAfterS * 1000 }),
  }
}

const isMissing = (answer: Not<unknown>): boolean => !('lost' in answer) && answer.status === 404
const whyNot = (answer: Not<unknown>): string => ('lost' in answer ? 'no answer came' : `${answer.status} ${answer.code}`)
