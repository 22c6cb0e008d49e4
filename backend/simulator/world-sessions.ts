/** Sessions of real agent processes, which the sandbox serves. An agent is online while its session is polled. */
import type { Answer, DevOpsSide } from './facts.ts'
import { refreshIdle, setOnline } from './world-agents.ts'
import { ok, refuse } from './world-answers.ts'
import { disconnect, match, requestFacts } from './world-jobs.ts'
import { machineOutside, noteProcess } from './world-outside.ts'
import type { Agent, Session, WorldState } from './world-state.ts'

/** Without a poll for so long the agent shows offline. Assumed. */
const timeoutMs = 120_000

type Call = <T>(apply: () => Answer<T>) => Answer<T>
type OnAgent = <T>(poolId: number, agentId: number, apply: (agent: Agent) => Answer<T>) => Answer<T>

export function createSessions(
  world: WorldState,
  call: Call,
  onAgent: OnAgent,
): Pick<DevOpsSide, 'openSession' | 'closeSession' | 'nextMessage'> {
  const onSession = <T>(id: string, apply: (session: Session) => Answer<T>): Answer<T> =>
    call(() => {
      const session = world.sessions.get(id)
      return session ? apply(session) : refuse(404, 'TaskAgentSessionExpiredException', `The session ${id} does not exist or has expired.`)
    })
  return {
    openSession: (poolId, agentId) => onAgent(poolId, agentId, (agent) => openSession(world, agent)),
    closeSession: (id) => onSession(id, (session) => ok(close(world, session))),
    nextMessage: (id) =>
      onSession(id, (session) => {
        session.polledAt = world.clock.now()
        const { request } = session.agent
        return ok(request?.state === 'assigned' ? requestFacts(world, request) : undefined)
      }),
  }
}

function openSession(world: WorldState, agent: Agent): Answer<{ readonly sessionId: string }> {
  if (agent.session || agent.process?.alive) {
    return refuse(409, 'TaskAgentSessionConflictException', `The agent ${agent.facts.name} already has an active session.`)
  }
  const machine = machineOutside(world, agent.facts.name)
  const from = machine && { machine, life: machine.life }
  const session: Session = { id: world.random.guid(), agent, from, polledAt: world.clock.now() }
  world.sessions.set(session.id, session)
  agent.session = session
  agent.connection++
  noteProcess(world, session, 'listening')
  setOnline(world, agent, true, machine ? 'machine' : 'api')
  refreshIdle(agent)
  match(world, agent.pool)
  watchPolls(world, session)
  return ok({ sessionId: session.id })
}

function watchPolls(world: WorldState, session: Session): void {
  world.clock.at(session.polledAt + timeoutMs, () => {
    if (!world.sessions.has(session.id)) return
    if (world.clock.now() - session.polledAt >= timeoutMs) close(world, session)
    else watchPolls(world, session)
  })
}

function close(world: WorldState, session: Session): void {
  world.sessions.delete(session.id)
  noteProcess(world, session, 'ended')
  if (session.agent.session === session) session.agent.session = undefined
  disconnect(world, session.agent)
}
