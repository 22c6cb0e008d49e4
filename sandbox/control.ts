/** The sandbox's own API under /_sandbox: switches, jobs, people and the truth. Not Azure's, and on loopback only. */
import type { FastifyInstance } from 'fastify'
import type { Answer, World, WorldEvent } from '../backend/simulator/facts.ts'
import type { FaultSetting } from '../backend/simulator/facts-life.ts'
import type { SandboxClock } from './clock.ts'
import { acceptEmptyBodies } from './empty-bodies.ts'
import { faultNames, isFaultName } from './fault-names.ts'
import { createRing } from './journal.ts'
import type { CallLog } from './journal.ts'
import { fillTemplate } from './scale-set-template.ts'
import type { ScaleSetTemplate } from './scale-set-template.ts'
import { summarize } from './summary.ts'

export type ControlParts = {
  readonly world: World
  readonly clock: SandboxClock
  readonly calls: CallLog
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly location: string
  /** Makes a resource group unless it exists. */
  addGroup(name: string): void
}

type NewFault = FaultSetting & { readonly name: string }
type NewJob = Parameters<World['queueJob']>[0]
type Person = { readonly poolId: number; readonly agentId: number }

const eventsKept = 10_000
const text = { type: 'string', minLength: 1 } as const
const count = { type: 'integer', minimum: 0 } as const
const bodies = {
  fault: {
    type: 'object',
    required: ['name', 'rate'],
    additionalProperties: false,
    properties: { name: text, rate: { type: 'number', minimum: 0, maximum: 1 }, untilMs: count, sizeMs: count },
  },
  job: {
    type: 'object',
    required: ['poolId', 'durationMs'],
    additionalProperties: false,
    properties: { poolId: count, durationMs: count, jobName: text, definition: text, demands: { type: 'array', items: text } },
  },
  person: { type: 'object', required: ['poolId', 'agentId'], additionalProperties: false, properties: { poolId: count, agentId: count } },
  scaleSet: {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: { name: text, capacity: count, sku: text, os: { enum: ['linux', 'windows'] }, resourceGroup: text },
  },
} as const

/** Adds the routes to `app`, which is a scope of its own. Bad input is answered 400 with a message. */
export function registerControl(app: FastifyInstance, parts: ControlParts): void {
  const { world, clock } = parts
  const events = createRing<WorldEvent>(eventsKept)
  const known = { scaleSets: new Set<string>(), pools: new Set<number>() }
  const unwatch = world.watch((event) => {
    events.add(event)
    if ('scaleSetId' in event) known.scaleSets.add(event.scaleSetId)
    if ('poolId' in event) known.pools.add(event.poolId)
  })
  app.addHook('onClose', async () => unwatch())
  acceptEmptyBodies(app)
  app.addHook('onRequest', async () => void clock.nowMs())

  app.get('/_sandbox/state', () => summarize(world, clock, known))
  app.get<{ Querystring: { after?: string } }>('/_sandbox/events', (request) => events.after(Number(request.query.after ?? 0) || 0))
  app.get<{ Querystring: { after?: string } }>('/_sandbox/requests', (request) => ({
    ...parts.calls.after(Number(request.query.after ?? 0) || 0),
    counts: parts.calls.counts(),
  }))
  app.post<{ Body: ScaleSetTemplate }>('/_sandbox/scalesets', { schema: { body: bodies.scaleSet } }, (request, reply) => {
    const answer = addScaleSet(request.body, parts)
    if (answer.ok) known.scaleSets.add(answer.value.scaleSet.id)
    if (answer.ok) return reply.code(201).send({ id: answer.value.scaleSet.id })
    return reply
      .code('lost' in answer ? 503 : answer.status)
      .send({ message: 'lost' in answer ? 'A fault lost the answer; ask again.' : answer.message })
  })
  registerSwitches(app, world)
}

function registerSwitches(app: FastifyInstance, world: World): void {
  app.post<{ Body: NewFault }>('/_sandbox/faults', { schema: { body: bodies.fault } }, (request, reply) => {
    const { name, ...setting } = request.body
    if (!isFaultName(name))
      return reply.code(400).send({ message: `There is no fault '${name}'. The faults are ${faultNames.join(', ')}.` })
    world.setFault(name, setting)
    return reply.code(204).send()
  })
  app.delete<{ Params: { name: string } }>('/_sandbox/faults/:name', (request, reply) => {
    const { name } = request.params
    if (!isFaultName(name)) return reply.code(404).send({ message: `There is no fault '${name}'.` })
    world.setFault(name, undefined)
    return reply.code(204).send()
  })
  app.post<{ Body: NewJob }>('/_sandbox/jobs', { schema: { body: bodies.job } }, (request, reply) =>
    reply.code(201).send({ requestId: world.queueJob(request.body) }),
  )
  for (const [action, enabled] of [
    ['disable', false],
    ['enable', true],
  ] as const) {
    app.post<{ Body: Person }>(`/_sandbox/people/${action}`, { schema: { body: bodies.person } }, (request, reply) => {
      world.personSetsEnabled(request.body.poolId, request.body.agentId, enabled)
      return reply.code(204).send()
    })
  }
  // The world's set-up functions throw a sentence that names what does not exist.
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 400).send({ message: error.message }),
  )
}

function addScaleSet(template: ScaleSetTemplate, parts: ControlParts): Answer<{ readonly scaleSet: { readonly id: string } }> {
  const group = template.resourceGroup ?? parts.resourceGroup
  parts.addGroup(group)
  const base = `/subscriptions/${parts.subscriptionId}/resourceGroups/${group}/providers`
  const subnetId = `${base}/Microsoft.Network/virtualNetworks/network/subnets/machines`
  return parts.world.azure.putScaleSet(
    `${base}/Microsoft.Compute/virtualMachineScaleSets/${template.name}`,
    fillTemplate(template, parts.location, subnetId),
  )
}
