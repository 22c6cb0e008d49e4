/** What the routes of Azure Resource Manager share. */
import type { FastifyRequest } from 'fastify'
import type { ScaleSetFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import type { Tokens } from '../entra/tokens.ts'
import { refuse } from './refusals.ts'

export type ResourceManagerParts = {
  readonly world: World
  readonly clock: SandboxClock
  /** World milliseconds per real millisecond: Retry-After is told in real seconds. */
  readonly speed: number
  readonly tokens: Tokens
  readonly subscriptionId: string
  readonly location: string
  /** Resource groups by lower-case name; scale sets are created in an existing one only. */
  readonly groups: Map<string, { readonly name: string; readonly location: string; readonly tags: Readonly<Record<string, string>> }>
  /** Machines on a page of a list. */
  readonly pageSize: number
  /** Real seconds that clients are asked to wait between two looks at an operation. */
  readonly retryAfterS: number
  readonly subnetSize: number
  readonly coresOfSku: Readonly<Record<string, number>>
}

export type ScaleSetPath = { readonly subscription: string; readonly group: string; readonly name: string }
export type ScaleSetRequest = FastifyRequest<{ Params: ScaleSetPath }>

export const groupPath = '/subscriptions/:subscription/resourceGroups/:group'
export const scaleSetPath = `${groupPath}/providers/Microsoft.Compute/virtualMachineScaleSets/:name`

export function scaleSetId({ subscription, group, name }: ScaleSetPath): string {
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`
}

/**
 * The scale set behind an answer that the world already gave: its location, size and model, which that answer does not
 * carry. Faults struck the answer itself; looking twice would let them strike, and count the call, twice.
 */
export function envelopeOf(world: World, id: string): ScaleSetFacts {
  return (
    world.truth.scaleSet(id) ?? refuse(404, 'ResourceNotFound', `The resource '${id}' was not found. Check its name and resource group.`)
  )
}

/** The api-version a request asked for; checked before any handler runs. */
export function versionOf(request: FastifyRequest): string {
  return String(queryOf(request)['api-version'])
}

/** Query parameters by lower-case name: Azure compares them without case. */
export function queryOf(request: FastifyRequest): Readonly<Record<string, string>> {
  const query = request.query as Readonly<Record<string, string | readonly string[]>>
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? value : (value.at(-1) ?? '')]),
  )
}
