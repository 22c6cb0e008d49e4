/**
 * Tokens of agents: an agent proves itself with an assertion signed by the key it registered and gets a short-lived
 * token for its session, its messages and its job requests. Source: azure-facts.md 3, "OAuth".
 */
import { createPublicKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { decodeJwt, jwtVerify } from 'jose'
import type { AgentFacts, World } from '../../backend/simulator/facts.ts'
import { authorizationUrl } from './agent-shape.ts'
import type { Caller } from './callers.ts'
import { valueOf } from './failures.ts'
import type { AddRoute, Call } from './routes.ts'
import type { Wire } from './wire.ts'

/** Life of a token in seconds. Assumed. */
const lifeS = 3000
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type AgentKey = { readonly poolId: number; readonly agentId: number }
type Issued = AgentKey & { readonly expiresAtMs: number }

export type AgentTokens = {
  /** The agent behind an Authorization header; undefined for a token that is not one of ours or has expired. */
  agentOf(authorization: string | undefined): Caller | undefined
  /** A registered agent may ask for tokens. */
  remember(agent: AgentFacts): void
  /** A removed agent may not, and its tokens end. */
  forget(poolId: number, agentId: number): void
  /** Gives `agent` a token. */
  issue(agent: AgentFacts): string
  find(clientId: string): AgentKey | undefined
}

export function createAgentTokens(nowMs: () => number): AgentTokens {
  const clients = new Map<string, AgentKey>()
  const issued = new Map<string, Issued>()
  const dropTokens = (isOver: (token: Issued) => boolean): void => {
    for (const [token, value] of issued) if (isOver(value)) issued.delete(token)
  }

  return {
    agentOf(authorization) {
      const token = issued.get(/^bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1] ?? '')
      if (token === undefined || token.expiresAtMs <= nowMs()) return undefined
      return { kind: 'agent', poolId: token.poolId, agentId: token.agentId }
    },
    remember: (agent) => void clients.set(agent.clientId, { poolId: agent.poolId, agentId: agent.id }),
    forget(poolId, agentId) {
      const isIt = (key: AgentKey): boolean => key.poolId === poolId && key.agentId === agentId
      for (const [clientId, key] of clients) if (isIt(key)) clients.delete(clientId)
      dropTokens(isIt)
    },
    issue(agent) {
      dropTokens(({ expiresAtMs }) => expiresAtMs <= nowMs())
      const token = randomBytes(32).toString('base64url')
      issued.set(token, { poolId: agent.poolId, agentId: agent.id, expiresAtMs: nowMs() + lifeS * 1000 })
      return token
    },
    find: (clientId) => clients.get(clientId),
  }
}

export function addTokenRoute(add: AddRoute, world: World, tokens: AgentTokens): void {
  add('POST', '/_apis/oauth2/token', 'anyone', async (call) => {
    const refusal = formProblem(call)
    if (refusal !== undefined) return refuse(call, refusal, 'The request is not a client credentials request with a signed assertion.')
    const assertion = String(call.body['client_assertion'])
    const agent = claimedAgent(assertion, world, tokens)
    if (agent === undefined || !(await isSignedBy(agent, assertion, authorizationUrl(call.base)))) {
      return refuse(call, 'invalid_client', 'The client assertion is not signed by the key of a registered agent for this address.')
    }
    return { access_token: tokens.issue(agent), token_type: 'jwt-bearer', expires_in: lifeS }
  })
}

function formProblem({ body }: Call): string | undefined {
  if (body['grant_type'] !== 'client_credentials') return 'unsupported_grant_type'
  return body['client_assertion_type'] === assertionType ? undefined : 'invalid_request'
}

function refuse(call: Call, error: string, description: string): Wire {
  call.setStatus(400)
  return { error, error_description: description }
}

/** The agent that the assertion says it comes from; not yet believed. */
function claimedAgent(assertion: string, world: World, tokens: AgentTokens): AgentFacts | undefined {
  const key = tokens.find(issuerOf(assertion))
  return key && valueOf(world.devops.agent(key.poolId, key.agentId))
}

function issuerOf(assertion: string): string {
  try {
    return decodeJwt(assertion).iss ?? ''
  } catch {
    return ''
  }
}

async function isSignedBy(agent: AgentFacts, assertion: string, audience: string): Promise<boolean> {
  const key = keyOf(agent)
  if (key === undefined) return false
  const expected = {
    algorithms: ['RS256'],
    issuer: agent.clientId,
    subject: agent.clientId,
    audience,
    requiredClaims: ['exp'],
    clockTolerance: 300,
  }
  return jwtVerify(assertion, key, expected).then(
    () => true,
    () => false,
  )
}

function keyOf({ publicKey }: AgentFacts): KeyObject | undefined {
  if (publicKey === undefined) return undefined
  const base64url = (bytes: string): string => Buffer.from(bytes, 'base64').toString('base64url')
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: base64url(publicKey.modulus), e: base64url(publicKey.exponent) } })
}
