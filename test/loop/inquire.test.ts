import { inquire } from '../../backend/loop/inquire.ts'
import type { PipelinesAgent } from '../../backend/loop/ports.ts'
import { minute, now } from '../support/build.ts'
import { aMemory, anOutside, aPipelinesAgent, aRecord, aState } from '../support/loop.ts'
import { startService } from '../support/service.ts'

const never = new AbortController().signal
/** What is learned of agents with these versions, m1 first, and after how many reads. */
async function learned(versions: readonly (string | undefined)[], known?: string): Promise<readonly [string | undefined, number]> {
  const agents = versions.map((version, index): PipelinesAgent => {
    const { version: _usual, ...agent } = aPipelinesAgent(index + 1)
    return version === undefined ? agent : { ...agent, version }
  })
  const outside = anOutside({ agents, agent: aPipelinesAgent(1, { capabilities: { 'Agent.OS': 'Linux', 'Agent.Name': 'm1' } }) })
  const state = aState(outside, {
    machines: agents.map((agent, index) => aMemory(index + 1, { agentId: agent.id, onlineAt: now })),
    pool: { roomsAt: now, ...(known === undefined ? {} : { learned: { capabilities: {}, version: known, at: 0 } }) },
  })
  await state.readings.refresh(true, never)
  // As many passes as it takes: what was learned is not asked for again.
  for (let pass = 0; pass < 3; pass += 1) await inquire(state, aRecord(), outside.clock, never)
  return [state.pool.learned?.version, outside.calls.filter((call) => call === 'agent').length]
}

describe('what agents can do is learned', () => {
  test.each<[string, readonly (string | undefined)[], string | undefined, readonly [string | undefined, number]]>([
    ['from the first that comes online', ['4.255.0'], undefined, ['4.255.0', 1]],
    ['from the newest of several', ['4.9.0', '4.268.0', '4.255.0'], undefined, ['4.268.0', 1]],
    ['anew from a newer one', ['4.255.0', '4.268.0'], '4.255.0', ['4.268.0', 1]],
    ['not from an older one: a roll-out does not flip it', ['4.255.0', '4.268.0'], '4.268.0', ['4.268.0', 0]],
    ['not from one that tells no version', [undefined], undefined, [undefined, 0]],
  ])('%s', async (_what, versions, known, expected) => expect(await learned(versions, known)).toEqual(expected))

  test('without what tells one machine from another', async () => {
    const outside = anOutside({ agents: [aPipelinesAgent(1)], agent: aPipelinesAgent(1, { capabilities: { maven: '3', HOSTNAME: 'm1' } }) })
    const state = aState(outside, { machines: [aMemory(1, { agentId: 101, onlineAt: now })] })
    await state.readings.refresh(true, never)
    expect(await inquire(state, aRecord(), outside.clock, never)).toBe(true)
    expect(state.pool.learned).toEqual({ capabilities: { maven: '3' }, version: '4.248.0', at: now })
  })
})

test('while a newer agent version rolls out, the placeholder follows it once', async () => {
  const calls: string[] = []
  const service = await startService({
    settings: { standby: 2, machinesMax: 4 },
    world: { agentReleaseMs: 60 * minute },
    onCall: ({ name }) => calls.push(name),
  })
  await service.forMinutes(70)
  service.world.queueJob({ poolId: service.poolId, durationMs: 100 * minute })
  await service.forMinutes(90)
  await service.stop()
  const versions = () => service.world.truth.agents(service.poolId).map(({ name, version }) => [name.includes('placeholder'), version])
  expect(new Set(versions().flatMap(([isPlaceholder, version]) => (isPlaceholder === true ? [] : [version])))).toEqual(
    new Set(['4.268.0', '4.269.0']),
  )
  expect(versions()).toContainEqual([true, '4.269.0'])
  const count = (wanted: string) => calls.filter((name) => name === wanted).length
  expect([count('agent'), count('update-placeholder')]).toEqual([2, 1])
})
