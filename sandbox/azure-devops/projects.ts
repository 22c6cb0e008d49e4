/** Projects, their queues, and which pipelines may use a queue. Source: azure-facts.md 2 and the public REST reference. */
import type { QueueFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { projectState, projectVisibility } from './enums.ts'
import { Failure, valueOf } from './failures.ts'
import { poolReference } from './pools.ts'
import { asBoolean, asRecord, asString, integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { dateOf, enumOf, listOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

export type Project = { readonly id: string; readonly name: string }
type ProjectParts = { readonly world: World; readonly clock: SandboxClock; readonly projects: readonly Project[] }

const queues = '/:project/_apis/distributedtask/queues'
const permissions = '/:project/_apis/pipelines/:resource(^[Pp]ipeline[Pp]ermissions$)/queue/:queueId'

export function addProjectRoutes(add: AddRoute, { world, clock, projects }: ProjectParts): void {
  /** What was said since a queue's creation about its use by all pipelines. */
  const openToAll = new Map<number, boolean>()
  const projectOf = (call: Call, part: string): Project => findProject(projects, call.path(part))
  const queuesOf = (call: Call): readonly QueueFacts[] => valueOf(world.devops.queues(projectOf(call, 'project').id))
  const queueOf = (call: Call): QueueFacts => findQueue(queuesOf(call), call.id('queueId'))

  add('GET', '/_apis/projects', 'admin', () => listOf(projects.map((project) => projectOnWire(project, clock))))
  add('GET', '/_apis/projects/:projectId', 'admin', (call) => projectOnWire(projectOf(call, 'projectId'), clock))
  add('GET', queues, 'admin', (call) => listOf(queuesOf(call).filter(queueFilter(call)).map(queueOnWire(world))))
  add('GET', `${queues}/:queueId`, 'admin', (call) => queueOnWire(world)(queueOf(call)))
  add('POST', queues, 'admin', (call) => queueOnWire(world)(addQueue(call)))
  add('GET', permissions, 'admin', (call) => permissionsOnWire(queueOf(call)))
  add('PATCH', permissions, 'admin', (call) => {
    const queue = queueOf(call)
    const open = asBoolean(asRecord(call.body['allPipelines'])['authorized'])
    if (open !== undefined) openToAll.set(queue.id, open)
    return permissionsOnWire(queue)
  })

  function addQueue(call: Call): QueueFacts {
    const project = projectOf(call, 'project')
    const pool = valueOf(world.devops.pool(integer(String(asRecord(call.body['pool'])['id'] ?? ''), 'pool.id')))
    const name = asString(call.body['name']) ?? pool.name
    return valueOf(world.devops.addQueue(project.id, pool.id, name, call.isOn('authorizePipelines')))
  }

  function permissionsOnWire(queue: QueueFacts): Wire {
    const open = openToAll.get(queue.id) ?? queue.authorizedForAll
    return { resource: { type: 'queue', id: String(queue.id) }, allPipelines: open ? { authorized: true } : undefined, pipelines: [] }
  }
}

function findProject(projects: readonly Project[], idOrName: string): Project {
  const wanted = idOrName.toLowerCase()
  const project = projects.find(({ id, name }) => id.toLowerCase() === wanted || name.toLowerCase() === wanted)
  if (project === undefined) throw new Failure(404, 'ProjectDoesNotExistWithNameException', `TF200016: There is no project ${idOrName}.`)
  return project
}

function findQueue(all: readonly QueueFacts[], id: number): QueueFacts {
  const queue = all.find((each) => each.id === id)
  if (queue === undefined) throw new Failure(404, 'TaskAgentQueueNotFoundException', `There is no agent queue ${id} in this project.`)
  return queue
}

function projectOnWire(project: Project, clock: SandboxClock): WireObject {
  return {
    id: project.id,
    name: project.name,
    state: enumOf(projectState, 'wellFormed'),
    revision: 1,
    visibility: enumOf(projectVisibility, 'private'),
    lastUpdateTime: dateOf(clock.toIso(0)),
  }
}

function queueFilter(call: Call): (queue: QueueFacts) => boolean {
  const list = (name: string): readonly string[] | undefined => call.query(name)?.toLowerCase().split(',')
  const names = list('queueNames') ?? list('queueName')
  const ids = list('queueIds')
  const pools = list('poolIds')
  return (queue) =>
    (names?.includes(queue.name.toLowerCase()) ?? true) &&
    (ids?.includes(String(queue.id)) ?? true) &&
    (pools?.includes(String(queue.poolId)) ?? true)
}

/** Queues name their pool, so the pools are read along. */
function queueOnWire(world: World): (queue: QueueFacts) => WireObject {
  const pools = new Map(valueOf(world.devops.pools()).map((pool) => [pool.id, pool]))
  return (queue) => {
    const pool = pools.get(queue.poolId)
    return { id: queue.id, name: queue.name, projectId: queue.projectId, pool: pool === undefined ? null : poolReference(pool) }
  }
}
