/** The agents of a pool. Source: azure-facts.md 2 and 3. */
import type { AgentFacts, NewAgent, RequestFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { agentAuthorization, agentCapabilities, agentOnWire } from './agent-shape.ts'
import type { AgentTokens } from './agent-tokens.ts'
import { badRequest, done, forbidden, valueOf } from './failures.ts'
import { jobRequestOnWire } from './job-request-shape.ts'
import { asBoolean, asRecord, asString, asStrings, integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { listOf } from './wire.ts'
import type { WireObject } from './wire.ts'

const agents = '/_apis/distributedtask/pools/:poolId/agents'

export type AgentParts = { readonly world: World; readonly clock: SandboxClock; readonly projectId: string; readonly tokens: AgentTokens }

export function addAgentRoutes(add: AddRoute, parts: AgentParts): void {
  const { world, tokens } = parts
  const { devops } = world
  const read = (call: Call): AgentFacts => valueOf(devops.agent(call.id('poolId'), call.id('agentId')))

  add('GET', agents, 'admin', (call) => {
    const name = call.query('agentName')?.toLowerCase()
    const found = valueOf(devops.agents(call.id('poolId'))).filter((agent) => name === undefined || agent.name.toLowerCase() === name)
    const requests = requestsFor(call, found, world)
    return listOf(found.map((agent) => describe(agent, call, requests, parts)))
  })
  add('GET', `${agents}/:agentId`, 'admin', (call) => {
    const agent = read(call)
    return { ...describe(agent, call, requestsFor(call, [agent], world), parts), ...agentAuthorization(agent, call.base) }
  })
  add('POST', agents, 'admin', (call) => written(valueOf(devops.addAgent(call.id('poolId'), newAgent(call))), call, parts))
  add('PUT', `${agents}/:agentId`, 'admin', (call) => {
    checkId(call)
    return written(valueOf(devops.replaceAgent(call.id('poolId'), call.id('agentId'), newAgent(call))), call, parts)
  })
  add('PATCH', `${agents}/:agentId`, 'admin', (call) => {
    checkId(call)
    return written(valueOf(devops.updateAgent(call.id('poolId'), call.id('agentId'), agentChange(call))), call, parts)
  })
  add('DELETE', `${agents}/:agentId`, 'admin', (call) => {
    done(devops.deleteAgent(call.id('poolId'), call.id('agentId')))
    tokens.forget(call.id('poolId'), call.id('agentId'))
  })
  add('PUT', `${agents}/:agentId/usercapabilities`, 'admin', (call) => {
    const userCapabilities = asStrings(call.body) ?? {}
    return written(valueOf(devops.updateAgent(call.id('poolId'), call.id('agentId'), { userCapabilities })), call, parts)
  })
  // An agent reports the progress of its self-update here; nothing in the sandbox orders one.
  add('PUT', `${agents}/:agentId/updates`, 'agent', (call) => {
    if (call.caller?.kind === 'agent' && call.caller.agentId !== call.id('agentId')) throw forbidden('report for another agent')
    return agentOnWire(read(call), call.base, parts.clock)
  })
}

function describe(agent: AgentFacts, call: Call, requests: ReadonlyMap<number, RequestFacts>, parts: AgentParts): WireObject {
  const self = new Map([[agent.id, agent]])
  const request = (id: number | undefined): WireObject | undefined => {
    const facts = id === undefined ? undefined : requests.get(id)
    return facts && { ...jobRequestOnWire(facts, self, { ...parts, base: call.base }), matchedAgents: undefined }
  }
  return {
    ...agentOnWire(agent, call.base, parts.clock),
    ...(call.isOn('includeCapabilities') ? agentCapabilities(agent) : {}),
    ...(call.isOn('includeAssignedRequest') ? { assignedRequest: request(agent.assignedRequestId) } : {}),
    ...(call.isOn('includeLastCompletedRequest') ? { lastCompletedRequest: request(agent.lastCompletedRequestId) } : {}),
  }
}

/** The requests that the call wants described with the agents. One read for most, one more for each that is long finished. */
function requestsFor(call: Call, found: readonly AgentFacts[], world: World): ReadonlyMap<number, RequestFacts> {
  const wanted = found.flatMap((agent) => [
    call.isOn('includeAssignedRequest') ? agent.assignedRequestId : undefined,
    call.isOn('includeLastCompletedRequest') ? agent.lastCompletedRequestId : undefined,
  ])
  const ids = new Set(wanted.filter((id) => id !== undefined))
  if (ids.size === 0) return new Map()
  const poolId = call.id('poolId')
  const recent = valueOf(world.devops.requests(poolId, call.isOn('includeLastCompletedRequest') ? 2 * found.length : 0))
  const requests = new Map(recent.filter(({ id }) => ids.has(id)).map((request) => [request.id, request]))
  for (const id of ids) if (!requests.has(id)) requests.set(id, valueOf(world.devops.request(poolId, id)))
  return requests
}

/** The answer to a write. From here on the agent may ask for tokens. */
function written(agent: AgentFacts, call: Call, { clock, tokens }: AgentParts): WireObject {
  tokens.remember(agent)
  return { ...agentOnWire(agent, call.base, clock), ...agentCapabilities(agent), ...agentAuthorization(agent, call.base) }
}

function newAgent({ body }: Call): NewAgent {
  const name = asString(body['name'])?.trim()
  if (name === undefined || name === '') throw badRequest('An agent needs a name.')
  const enabled = asBoolean(body['enabled'])
  const userCapabilities = asStrings(body['userCapabilities'])
  const publicKey = publicKeyOf(body)
  return {
    name,
    version: asString(body['version']) ?? '',
    osDescription: asString(body['osDescription']) ?? '',
    systemCapabilities: asStrings(body['systemCapabilities']) ?? {},
    ...(enabled === undefined ? {} : { enabled }),
    ...(userCapabilities === undefined ? {} : { userCapabilities }),
    ...(publicKey === undefined ? {} : { publicKey }),
  }
}

function publicKeyOf(body: Call['body']): NewAgent['publicKey'] {
  const key = asRecord(asRecord(body['authorization'])['publicKey'])
  const exponent = asString(key['exponent'])
  const modulus = asString(key['modulus'])
  return exponent === undefined || modulus === undefined ? undefined : { exponent, modulus }
}

/** A PATCH of the agent leaves user capabilities alone: they have a route of their own. Assumed. */
function agentChange({ body }: Call): Parameters<World['devops']['updateAgent']>[2] {
  const enabled = asBoolean(body['enabled'])
  const version = asString(body['version'])
  const systemCapabilities = asStrings(body['systemCapabilities'])
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(version === undefined ? {} : { version }),
    ...(systemCapabilities === undefined ? {} : { systemCapabilities }),
  }
}

function checkId({ body, id }: Call): void {
  if (body['id'] === undefined) return
  if (integer(String(body['id']), 'id') !== id('agentId')) throw badRequest('The agent id of the body is not that of the path.')
}
