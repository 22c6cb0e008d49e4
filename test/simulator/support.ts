import type { Answer, Json, MachineFacts, World, WorldEvent } from '../../backend/simulator/facts.ts'
import type { FaultName, FaultSetting, WorldOptions } from '../../backend/simulator/facts-life.ts'
import { createWorld } from '../../backend/simulator/world.ts'

export const minute = 60_000
export const setId = '/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/agents'

export function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error('lost' in answer ? 'The answer was lost.' : `${answer.status} ${answer.code}: ${answer.message}`)
  return answer.value
}

export function refusal(answer: Answer<unknown>): { status: number; code: string; message: string; retryAfterS?: number; details?: Json } {
  if (answer.ok || 'lost' in answer) throw new Error('The call was not refused.')
  return answer
}

export function model(options: { once?: boolean; customScript?: boolean; pool?: number } = {}): { readonly [key: string]: Json } {
  const ours = {
    name: 'Pipelines',
    properties: {
      publisher: 'Microsoft.VisualStudio.Services',
      type: 'TeamServicesAgentLinux',
      ...(options.customScript ? { provisionAfterExtensions: ['script'] } : {}),
      settings: { isPipelinesAgent: true, enableScriptParameters: `https://service ${options.pool ?? 1}${options.once ? ' --once' : ''}` },
    },
  }
  const script = { name: 'script', properties: { publisher: 'Microsoft.Azure.Extensions', type: 'CustomScript', settings: {} } }
  return { virtualMachineProfile: { extensionProfile: { extensions: options.customScript ? [ours, script] : [ours] } } }
}

export type Scene = { world: World; events: WorldEvent[] }
type SceneOptions = Partial<WorldOptions> & {
  capacity?: number
  once?: boolean
  customScript?: boolean
  faults?: Partial<Record<FaultName, FaultSetting>>
}

/** A world with the pool 1 and a scale set whose machines register there; every event is kept. */
export function scene({ capacity = 0, once = false, customScript = false, faults = {}, ...options }: SceneOptions = {}): Scene {
  const world = createWorld({ seed: 1, ...options })
  const events: WorldEvent[] = []
  world.watch((event) => events.push(event))
  value(world.devops.addPool('linux', true))
  value(
    world.azure.putScaleSet(setId, {
      location: 'westeurope',
      skuName: 'Standard_D2s_v3',
      capacity: 0,
      tags: {},
      properties: model({ once, customScript }),
    }),
  )
  pass(world, minute)
  for (const [name, setting] of Object.entries(faults)) world.setFault(name as FaultName, setting)
  if (capacity > 0) value(world.azure.patchScaleSet(setId, { capacity }))
  return { world, events }
}

/** A scene in which every machine's agent is online. */
export function liveScene(options: SceneOptions & { capacity: number }): Scene {
  const live = scene(options)
  pass(live.world, 20 * minute)
  return live
}

export function pass(world: World, ms: number): void {
  world.advance(world.now() + ms)
}

export function machines(world: World): readonly MachineFacts[] {
  return world.truth.machines(setId)
}

export function capacity(world: World): number {
  return world.truth.scaleSet(setId)!.capacity
}

export function count(events: readonly WorldEvent[], kind: WorldEvent['kind']): number {
  return events.filter((event) => event.kind === kind).length
}

export function first<T>(items: readonly T[]): T {
  const item = items[0]
  if (item === undefined) throw new Error('There is none.')
  return item
}
