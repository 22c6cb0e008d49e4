/** An agent on the wire. Source: azure-facts.md 2, "Agents". */
import type { AgentFacts } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { agentStatus } from './enums.ts'
import { dateOf, enumOf } from './wire.ts'
import type { WireObject } from './wire.ts'

/** An agent as job requests and sessions refer to it. */
export function agentReference(agent: AgentFacts, base: string): WireObject {
  const self = `${base}/_apis/distributedtask/pools/${agent.poolId}/agents/${agent.id}`
  return {
    _links: { self: { href: self } },
    id: agent.id,
    name: agent.name,
    version: agent.version,
    osDescription: agent.osDescription,
    enabled: agent.enabled,
    status: enumOf(agentStatus, agent.online ? 'online' : 'offline'),
    provisioningState: 'Provisioned',
    accessPoint: 'CodexAccessMapping',
  }
}

export function agentOnWire(agent: AgentFacts, base: string, clock: SandboxClock): WireObject {
  return {
    ...agentReference(agent, base),
    maxParallelism: 1,
    createdOn: dateOf(clock.toIso(agent.createdAt)),
    statusChangedOn: dateOf(clock.toIso(agent.statusChangedAt)),
  }
}

export function agentCapabilities(agent: AgentFacts): WireObject {
  return { systemCapabilities: agent.systemCapabilities, userCapabilities: agent.userCapabilities }
}

/** What an agent needs to get tokens of its own. Only answers about one agent carry it. */
export function agentAuthorization(agent: AgentFacts, base: string): WireObject {
  return { authorization: { clientId: agent.clientId, authorizationUrl: authorizationUrl(base), publicKey: agent.publicKey } }
}

/** Where agents get their tokens, and the audience of the assertions they sign. */
export function authorizationUrl(base: string): string {
  return `${base}/_apis/oauth2/token`
}
