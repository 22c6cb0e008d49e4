/**
 * Sessions of agents and their messages. An agent is online while its session exists and it polls. Everything here is in
 * real time: a poll is held by the server until a job comes. Source: azure-facts.md 3, "run".
 */
import { randomBytes } from 'node:crypto'
import type { AgentFacts, RequestFacts, World } from '../../backend/simulator/facts.ts'
import { agentReference } from './agent-shape.ts'
import { badRequest, done, Failure, forbidden, valueOf } from './failures.ts'
import { jobIds } from './job-request-shape.ts'
import { createPolls } from './polls.ts'
import type { Polls } from './polls.ts'
import { asRecord, asString, asStrings, integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import type { Wire } from './wire.ts'

const pool = '/_apis/distributedtask/pools/:poolId'

export type SessionTimes = {
  /** Longest hold of a poll without a message, real ms. */
  readonly holdMs: number
  /** Real ms without a poll after which the session ends and the agent counts as offline. */
  readonly silenceMsMax: number
}
/** Assumed; the real limits are not published. An agent waits up to 15 s between two polls. */
export const usualSessionTimes: SessionTimes = { holdMs: 50_000, silenceMsMax: 90_000 }

/** How often silence is looked at and open sessions are kept alive in the world, whose own time-out is in world time. */
const tickMs = 500
/** Agents renew the lock of their job so often (azure-facts.md 3). */
const renewMs = 60_000

type PollParts = { readonly world: World; readonly polls: Polls; readonly holdMs: number; readonly speed: number }

type Session = {
  readonly id: string
  readonly agentId: number
  /** Undeleted messages: the request of each message id. */
  readonly messages: Map<number, number>
  lastMessageId: number
  heldPolls: number
  lastPollAtMs: number
}

/** Adds the routes and returns what ends all held polls and timers. `speed`: world ms per real ms, for the jobs' length. */
export function addSessionRoutes(add: AddRoute, world: World, times: SessionTimes, speed: number): () => void {
  const { devops } = world
  const polls = createPolls(world)
  const sessions = new Map<string, Session>()

  add('POST', `${pool}/sessions`, 'agent', (call) => {
    const agent = describedAgent(call, world)
    const { sessionId } = valueOf(devops.openSession(agent.poolId, agent.id))
    sessions.set(sessionId, newSession(sessionId, agent.id))
    return sessionOnWire(call, sessionId, agent)
  })
  add('DELETE', `${pool}/sessions/:sessionId`, 'agent', (call) => {
    const { id } = find(call, call.path('sessionId'))
    sessions.delete(id)
    return done(devops.closeSession(id))
  })
  add('GET', `${pool}/messages`, 'agent', async (call) => {
    const session = find(call, call.query('sessionId'))
    session.heldPolls += 1
    const message = await nextMessage(call, session, { world, polls, holdMs: times.holdMs, speed }).finally(() => {
      session.heldPolls -= 1
      session.lastPollAtMs = Date.now()
    })
    if (message === undefined) call.setStatus(202)
    return message
  })
  // Deleting a message takes the job.
  add('DELETE', `${pool}/messages/:messageId`, 'agent', (call) => {
    const session = find(call, call.query('sessionId'))
    const requestId = session.messages.get(call.id('messageId'))
    if (requestId === undefined) throw noMessage(call.path('messageId'))
    valueOf(devops.receive(session.id, requestId))
    session.messages.delete(call.id('messageId'))
    return undefined
  })

  function find(call: Call, sessionId: string | undefined): Session {
    const session = sessions.get(sessionId ?? '')
    if (session === undefined) throw noSession(sessionId)
    if (session.agentId !== agentOf(call)) throw forbidden('use the session of another agent')
    return session
  }

  function keepAlive(session: Session): void {
    const isSilent = session.heldPolls === 0 && Date.now() - session.lastPollAtMs > times.silenceMsMax
    const answer = isSilent ? devops.closeSession(session.id) : devops.nextMessage(session.id)
    const isGone = !answer.ok && 'status' in answer && answer.status === 404
    if (isSilent || isGone) sessions.delete(session.id)
  }

  const ticks = setInterval(() => sessions.forEach(keepAlive), tickMs).unref()
  return () => {
    clearInterval(ticks)
    polls.end()
  }
}

function newSession(id: string, agentId: number): Session {
  return { id, agentId, messages: new Map(), lastMessageId: 0, heldPolls: 0, lastPollAtMs: Date.now() }
}

function noSession(sessionId: string | undefined): Failure {
  return new Failure(404, 'TaskAgentSessionExpiredException', `The agent session ${sessionId ?? '(none)'} has expired or never was.`)
}

function noMessage(messageId: string): Failure {
  return new Failure(404, 'TaskAgentMessageNotFoundException', `There is no message ${messageId} in this session.`)
}

/** The agent that opens a session, after it has told its version and capabilities. */
function describedAgent(call: Call, world: World): AgentFacts {
  const { body } = call
  const described = asRecord(body['agent'])
  const agentId = integer(String(described['id'] ?? ''), 'agent.id')
  if (asString(body['ownerName']) === undefined) throw badRequest('A session needs an ownerName.')
  if (agentId !== agentOf(call)) throw forbidden('open a session for another agent')
  const version = asString(described['version'])
  const systemCapabilities = asStrings(body['systemCapabilities'])
  const change = { ...(version === undefined ? {} : { version }), ...(systemCapabilities === undefined ? {} : { systemCapabilities }) }
  return valueOf(world.devops.updateAgent(call.id('poolId'), agentId, change))
}

function agentOf({ caller, id }: Call): number | undefined {
  return caller?.kind === 'agent' && caller.poolId === id('poolId') ? caller.agentId : undefined
}

/** The messages of the sandbox are not encrypted, so the key is never used. */
function sessionOnWire(call: Call, sessionId: string, agent: AgentFacts): Wire {
  const encryptionKey = { encrypted: false, value: randomBytes(32).toString('base64') }
  return { sessionId, ownerName: asString(call.body['ownerName']), agent: agentReference(agent, call.base), encryptionKey }
}

/** The session's next message, waited for; undefined when none came in time or the client has gone. */
async function nextMessage(call: Call, session: Session, { world, polls, holdMs, speed }: PollParts): Promise<Wire> {
  const seen = integer(call.query('lastMessageId') ?? '0', 'lastMessageId')
  const endsAtMs = Date.now() + holdMs
  for (;;) {
    const request = valueOf(world.devops.nextMessage(session.id))
    const messageId = request === undefined ? 0 : messageIdOf(session, request)
    if (request !== undefined && messageId > seen) return jobMessage(messageId, request, speed)
    if (!(await polls.wait(session.agentId, endsAtMs - Date.now(), call.gone))) return undefined
  }
}

/** A request that is asked for again keeps its message id. */
function messageIdOf(session: Session, request: RequestFacts): number {
  for (const [messageId, requestId] of session.messages) if (requestId === request.id) return messageId
  session.lastMessageId += 1
  session.messages.set(session.lastMessageId, request.id)
  return session.lastMessageId
}

/** `sandbox` is no part of the real message: how long the stand-in agent sleeps and how often it renews, in real ms. */
function jobMessage(messageId: number, request: RequestFacts, speed: number): Wire {
  const { planId, jobId } = jobIds(request)
  const plan = { planId, planType: request.planType, version: 1 }
  const sandbox = { durationMs: request.durationMs / speed, renewMs: renewMs / speed }
  const body = { messageType: 'PipelineAgentJobRequest', requestId: request.id, jobId, jobDisplayName: request.jobName, plan, sandbox }
  return { messageId, messageType: 'PipelineAgentJobRequest', body: JSON.stringify(body) }
}
