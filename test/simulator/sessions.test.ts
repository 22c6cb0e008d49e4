import { minute, pass, refusal, scene, value } from './support.ts'
import type { Scene } from './support.ts'

/** An agent process outside the world, as the sandbox serves it. */
function connected(): Scene & { agentId: number; sessionId: string } {
  const both = scene()
  const agent = value(both.world.devops.addAgent(1, { name: 'mine', version: '4', osDescription: 'Linux', systemCapabilities: {} }))
  const { sessionId } = value(both.world.devops.openSession(1, agent.id))
  return { ...both, agentId: agent.id, sessionId }
}

test('a job goes from message to receipt, renewal and end', () => {
  const { world, sessionId } = connected()
  const id = world.queueJob({ poolId: 1, durationMs: minute })
  expect(value(world.devops.nextMessage(sessionId))).toBeUndefined()
  pass(world, minute)
  expect(value(world.devops.nextMessage(sessionId))).toMatchObject({ id })
  value(world.devops.receive(sessionId, id))
  pass(world, 9 * minute)
  expect(value(world.devops.renew(1, id)).lockedUntil).toBe(world.now() + 10 * minute)
  expect(value(world.devops.finish(1, id, 'succeeded')).result).toBe('succeeded')
  expect(refusal(world.devops.renew(1, id))).toMatchObject({ status: 404, code: 'TaskAgentJobNotFoundException' })
})

test('a job that nobody renews is abandoned when its lock runs out', () => {
  const { world, sessionId } = connected()
  const id = world.queueJob({ poolId: 1, durationMs: minute })
  pass(world, minute)
  value(world.devops.receive(sessionId, id))
  pass(world, 9 * minute)
  expect(value(world.devops.request(1, id)).result).toBeUndefined()
  pass(world, 2 * minute)
  expect(value(world.devops.request(1, id)).result).toBe('abandoned')
})

test('an agent that stops polling goes offline, and a job it did not receive is queued again', () => {
  const { world, agentId, sessionId } = connected()
  pass(world, 1.5 * minute)
  value(world.devops.nextMessage(sessionId))
  const id = world.queueJob({ poolId: 1, durationMs: minute })
  pass(world, 1.5 * minute)
  expect(value(world.devops.agent(1, agentId))).toMatchObject({ online: true, assignedRequestId: id })
  pass(world, minute)
  expect(value(world.devops.agent(1, agentId)).online).toBe(false)
  expect(refusal(world.devops.nextMessage(sessionId)).code).toBe('TaskAgentSessionExpiredException')
  pass(world, 2 * minute)
  const request = value(world.devops.request(1, id))
  expect([request.assignedAt, request.agentId]).toEqual([undefined, undefined])
})

test('an agent has one session at a time and one name in its pool', () => {
  const { world, agentId } = connected()
  expect(refusal(world.devops.openSession(1, agentId))).toMatchObject({ status: 409, code: 'TaskAgentSessionConflictException' })
  const again = { name: 'MINE', version: '4', osDescription: 'Linux', systemCapabilities: {} }
  expect(refusal(world.devops.addAgent(1, again))).toMatchObject({ status: 409, code: 'TaskAgentExistsException' })
  expect(value(world.devops.replaceAgent(1, agentId, { ...again, version: '5' }))).toMatchObject({
    id: agentId,
    name: 'mine',
    version: '5',
  })
})

test('pools and queues have unique names', () => {
  const { world } = scene()
  expect(refusal(world.devops.addPool('LINUX', false)).code).toBe('TaskAgentPoolExistsException')
  const queue = value(world.devops.addQueue('project', 1, 'linux', true))
  expect(value(world.devops.queues('project'))).toEqual([queue])
  expect(refusal(world.devops.addQueue('project', 1, 'linux', true)).status).toBe(409)
  expect(value(world.devops.updatePool(1, { name: 'renamed' })).name).toBe('renamed')
})
