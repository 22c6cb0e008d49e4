/** Machines that are real outside the world: their bootstrap is announced and ended, their agents come by the protocol. */
import type { Json, World, WorldEvent } from '../../backend/simulator/facts.ts'
import { extensionsOf } from '../../backend/simulator/world-model.ts'
import { count, first, machines, minute, model, pass, scene, setId, value } from './support.ts'
import type { Scene } from './support.ts'

type Announced = Extract<WorldEvent, { kind: 'machine-bootstrap' }>

/** A scale set of one machine whose bootstrap is announced. */
function booted(): Scene & { announced: () => Announced[] } {
  const both = scene({ capacity: 1, machinesRunAgents: false })
  pass(both.world, 10 * minute)
  return { ...both, announced: () => both.events.filter((event) => event.kind === 'machine-bootstrap') }
}

/** What the agent of the machine does over the protocol. */
function connect(world: World): { agentId: number; sessionId: string } {
  const { computerName } = first(machines(world))
  const agent = { name: computerName, version: '4', osDescription: 'Linux', systemCapabilities: {} }
  const present = value(world.devops.agents(1)).find(({ name }) => name === computerName)
  const { id } = value(present ? world.devops.replaceAgent(1, present.id, agent) : world.devops.addAgent(1, agent))
  return { agentId: id, sessionId: value(world.devops.openSession(1, id)).sessionId }
}

test('the bootstrap is announced once and waited for', () => {
  const { world, announced } = booted()
  expect(announced()).toMatchObject([{ scaleSetId: setId, machine: '0' }])
  pass(world, 30 * minute)
  expect(first(machines(world))).toMatchObject({ provisioningState: 'Creating', powerState: 'running', agentProcess: 'configuring' })
  world.endBootstrap(setId.toUpperCase(), '0', { ok: true })
  expect(first(machines(world)).provisioningState).toBe('Succeeded')
  pass(world, 3 * 60 * minute)
  expect(announced()).toHaveLength(1)
  expect(first(machines(world)).provisioningState).toBe('Succeeded')
})

test('a failed bootstrap is a failed extension with its message', () => {
  const { world, events } = booted()
  world.endBootstrap(setId, '0', { ok: false, message: 'exit code 20' })
  const { failure, agentProcess } = first(machines(world))
  expect(failure).toMatchObject({
    code: 'VMExtensionProvisioningError',
    extension: 'Pipelines',
    message: expect.stringContaining('exit code 20'),
  })
  expect([agentProcess, count(events, 'machine-failed')]).toEqual(['ended', 1])
  world.endBootstrap(setId, '0', { ok: true })
  expect(first(machines(world)).provisioningState).toBe('Failed')
})

test.each([
  [undefined, 90],
  ['PT20M', 20],
  ['PT1H5M', 65],
])('with the time budget %s a bootstrap without an end times out after %d minutes', (extensionsTimeBudget, minutes) => {
  const { world } = scene({ machinesRunAgents: false })
  const budget: { readonly [key: string]: Json } = extensionsTimeBudget === undefined ? {} : { extensionsTimeBudget }
  value(world.azure.patchScaleSet(setId, { capacity: 1, properties: { virtualMachineProfile: { extensionProfile: budget } } }))
  let announcedAt = NaN
  world.watch((event) => event.kind === 'machine-bootstrap' && (announcedAt = event.at))
  pass(world, 10 * minute)
  world.advance(announcedAt + minutes * minute - 1)
  expect(first(machines(world)).provisioningState).toBe('Creating')
  world.advance(announcedAt + minutes * minute)
  expect(first(machines(world)).failure).toMatchObject({ code: 'VMExtensionProvisioningTimeout' })
})

test('a reimage announces the next life, which a late end of the last one does not touch', () => {
  const { world, announced } = booted()
  const last = first(announced())
  value(world.azure.reimage(setId, ['0']))
  world.endBootstrap(setId, '0', { ok: true })
  pass(world, 10 * minute)
  expect(announced()).toHaveLength(2)
  world.endBootstrap(setId, '0', { ok: false, message: 'killed' }, last.life)
  expect(first(machines(world))).toMatchObject({ provisioningState: 'Updating', reimages: 1 })
  world.endBootstrap(setId, '0', { ok: true }, announced()[1]!.life)
  expect(first(machines(world)).provisioningState).toBe('Succeeded')
})

test('a restart runs a bootstrap again that had not ended, and none that had', () => {
  const { world, announced } = booted()
  value(world.azure.instanceAction(setId, ['0'], 'restart'))
  pass(world, 5 * minute)
  expect(announced()).toHaveLength(2)
  world.endBootstrap(setId, '0', { ok: true })
  value(world.azure.instanceAction(setId, ['0'], 'restart'))
  pass(world, 5 * minute)
  expect(announced()).toHaveLength(2)
})

test('an agent that registers under the computer name is the machine’s, with its process and its jobs', () => {
  const { world, events } = booted()
  const { agentId, sessionId } = connect(world)
  world.endBootstrap(setId, '0', { ok: true })
  expect(first(value(world.devops.agents(1))).machine).toEqual({ scaleSetId: setId, instanceId: '0' })
  expect(first(machines(world)).agentProcess).toBe('listening')

  const id = world.queueJob({ poolId: 1, durationMs: minute })
  pass(world, minute)
  value(world.devops.receive(sessionId, id))
  expect(first(machines(world))).toMatchObject({ agentProcess: 'running-job', jobsStarted: 1 })
  expect(events.find(({ kind }) => kind === 'job-started')).toMatchObject({ agentId, machine: '0' })
  value(world.devops.finish(1, id, 'succeeded'))
  expect(first(machines(world)).agentProcess).toBe('listening')
  value(world.devops.closeSession(sessionId))
  expect(first(machines(world))).toMatchObject({ agentProcess: 'ended', jobsStarted: 1 })
})

test('a session of the life before says nothing about this one', () => {
  const { world } = booted()
  const { sessionId } = connect(world)
  world.endBootstrap(setId, '0', { ok: true })
  value(world.azure.reimage(setId, ['0']))
  pass(world, 1.5 * minute)
  value(world.devops.nextMessage(sessionId))
  pass(world, 1.5 * minute)
  value(world.devops.closeSession(sessionId))
  expect(first(machines(world)).agentProcess).toBe('configuring')
  connect(world)
  expect(first(machines(world)).agentProcess).toBe('listening')
})

test('an agent of another name belongs to no machine', () => {
  const { world } = booted()
  const agent = { name: 'elsewhere', version: '4', osDescription: 'Linux', systemCapabilities: {} }
  expect(value(world.devops.addAgent(1, agent)).machine).toBeUndefined()
})

describe('the parameters of the bootstrap', () => {
  const read = (where: 'settings' | 'protectedSettings', text: string): unknown => {
    const facts = { ...scene().world.truth.scaleSet(setId)! }
    const settings = { isPipelinesAgent: true }
    const properties = { publisher: 'Microsoft.VisualStudio.Services', type: 'TeamServicesAgent', settings }
    const merged =
      where === 'settings'
        ? { settings: { ...settings, enableScriptParameters: text } }
        : { protectedSettings: { enableScriptParameters: text } }
    const extensions = [{ name: 'Pipelines', properties: { ...properties, ...merged } }]
    return extensionsOf({ ...facts, properties: { virtualMachineProfile: { extensionProfile: { extensions } } } })[0]?.bootstrap
  }

  test.each([
    ['https://service 7', { poolId: 7, once: false }],
    ['https://service 7 --once', { poolId: 7, once: true }],
    ['- 7 --once --organization https://x --pool "a b" --sha256 00 --token secret', { poolId: 7, once: true }],
    ['-service https://service -poolId 7', { poolId: 7, once: false }],
    ['-service https://service -poolId "7" -runArgs --once', { poolId: 7, once: true }],
    ['-service - -runArgs "--once" -poolId 7 -token secret', { poolId: 7, once: true }],
  ])('are read from "%s"', (text, expected) => {
    expect(read('protectedSettings', text)).toEqual(expected)
    expect(read('settings', text)).toEqual(expected)
  })

  test('win in the public settings', () => {
    const properties = model() as { virtualMachineProfile: { extensionProfile: { extensions: { properties: object }[] } } }
    const entry = properties.virtualMachineProfile.extensionProfile.extensions[0]!
    entry.properties = { ...entry.properties, protectedSettings: { enableScriptParameters: 'https://service 9 --once' } }
    const facts = scene().world.truth.scaleSet(setId)!
    expect(extensionsOf({ ...facts, properties: properties as { [key: string]: Json } })[0]?.bootstrap).toEqual({ poolId: 1, once: false })
  })
})
