/** Cores: what is used, what the quota allows, and Azure's words when a growth goes beyond it. */
import type { UsageFacts } from './facts.ts'
import { refuse } from './world-answers.ts'
import type { Refusal } from './world-answers.ts'
import type { JsonObject } from './world-model.ts'
import { accountedFor, sameText } from './world-sets.ts'
import type { ScaleSet, WorldState } from './world-state.ts'

/** A capacity out of range, or one that needs more cores than the region's quota leaves. */
export function refuseCapacity(
  world: WorldState,
  set: ScaleSet,
  capacity: number,
  properties: JsonObject,
  skuName = set.facts.skuName,
): Refusal | undefined {
  const most = properties['singlePlacementGroup'] === true ? 100 : 1_000
  if (!Number.isInteger(capacity) || capacity < 0 || capacity > most) {
    return refuse(400, 'InvalidParameter', `The value ${capacity} of parameter sku.capacity is invalid: it must be between 0 and ${most}.`)
  }
  const added = capacity - accountedFor(set)
  if (added <= 0) return undefined
  const used = coresInUse(world, setsIn(world, set.facts.subscriptionId, set.facts.location))
  const asked = added * coresOf(world, skuName)
  if (used + asked > world.coreLimit) return quotaExceeded(skuName, world.coreLimit, used, asked)
  return world.faults.strikes('quota') ? quotaExceeded(skuName, used, used, asked) : undefined
}

/** The regional quota, and the same limit for each family in use. */
export function usages(world: WorldState, subscriptionId: string, location: string): readonly UsageFacts[] {
  const here = setsIn(world, subscriptionId, location)
  const limit = world.coreLimit
  const families = [...new Set(here.map(({ facts }) => familyOf(facts.skuName)))]
  return [
    { name: 'cores', localizedName: 'Total Regional vCPUs', current: coresInUse(world, here), limit },
    { name: 'virtualMachineScaleSets', localizedName: 'Virtual Machine Scale Sets', current: here.length, limit: 2_500 },
    ...families.map((name) => ({
      name,
      localizedName: name,
      limit,
      current: coresInUse(
        world,
        here.filter(({ facts }) => familyOf(facts.skuName) === name),
      ),
    })),
  ]
}

function setsIn(world: WorldState, subscriptionId: string, location: string): readonly ScaleSet[] {
  return [...world.scaleSets.values()].filter(
    ({ facts }) => sameText(facts.subscriptionId, subscriptionId) && sameText(facts.location, location),
  )
}

/** Machines count while they hold hardware, and from the moment they are asked for. */
function coresInUse(world: WorldState, sets: readonly ScaleSet[]): number {
  let cores = 0
  for (const set of sets) {
    let machines = set.coming.size
    for (const machine of set.machines.values()) if (machine.facts.powerState !== 'deallocated') machines++
    cores += machines * coresOf(world, set.facts.skuName)
  }
  return cores
}

function coresOf(world: WorldState, skuName: string): number {
  return world.coresOfSku[skuName] ?? 2
}

function quotaExceeded(skuName: string, limit: number, used: number, asked: number): Refusal {
  const numbers = `Current Limit: ${limit}, Current Usage: ${used}, Additional Required: ${asked}, (Minimum) New Limit Required: ${used + asked}`
  return refuse(
    409,
    'OperationNotAllowed',
    `The operation would result in exceeding approved ${familyOf(skuName)} Cores quota. ${numbers}.`,
  )
}

/** `Standard_D2s_v3` → `standardDSv3Family`. */
function familyOf(skuName: string): string {
  const parts = /^Standard_([A-Z]+)\d+([a-z]*)(?:_(v\d+))?$/.exec(skuName)
  return parts ? `standard${parts[1]}${(parts[2] ?? '').toUpperCase()}${parts[3] ?? ''}Family` : 'standardDSv3Family'
}
