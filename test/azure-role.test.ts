/**
 * deploy/azure-role.json: what the doctor looks for, and how a whole `npm test` learns what the service asks Azure for.
 * That run compares the two at its end (scripts/azure-role.mjs); a part of the tests asks for less.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClock } from '../backend/adapters/clock.ts'
import { createAzureHttp } from '../backend/adapters/compute.ts'
import { createAzureAuthorization, createAzureCredential } from '../backend/adapters/credentials.ts'
import type { AzureConfig } from '../backend/adapters/credentials.ts'
import { createScaleSet } from '../backend/adapters/scale-set.ts'
import { neededActions, usefulActions } from '../backend/core/permissions.ts'
import type { ToldActions } from '../sandbox/resource-manager/told-actions.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import * as roleCheck from '../scripts/azure-role.mjs'
import { createTestMetrics, never } from './adapters/outside.ts'
import { clientOf, contributor, scaleSetId, start, withScaleSet } from './sandbox/sandbox-support.ts'

const role = JSON.parse(readFileSync(join(__dirname, '../deploy/azure-role.json'), 'utf8')) as {
  readonly Actions: readonly string[]
  readonly NotActions: readonly string[]
}
const compute = 'Microsoft.Compute/virtualMachineScaleSets'

test('the role is what the doctor looks for, and nothing else', () => {
  expect(role.Actions.toSorted()).toEqual([...neededActions, ...usefulActions].toSorted())
  expect(role.NotActions).toEqual([])
})

test('an action that is not granted, and one that nobody asked for, are each named', () => {
  const granted = [`${compute}/read`, `${compute}/write`]
  expect(roleCheck.compareRole(granted, [`${compute}/read`, `${compute.toUpperCase()}/write`])).toEqual([])
  expect(roleCheck.compareRole(granted, [`${compute}/read`, `${compute}/delete`])).toEqual([
    `deploy/azure-role.json lacks ${compute}/delete, which the service asked a sandbox for.`,
    `deploy/azure-role.json grants ${compute}/write, which the service asked no sandbox for.`,
  ])
})

test('a sandbox tells who asks for what, with the actions that Azure looks at besides', async () => {
  const told: ToldActions[] = []
  const note = (message: unknown): void => void told.push(message as ToldActions)
  subscribe(roleCheck.actionsChannel, note)
  try {
    const sandbox = await start()
    await withScaleSet(sandbox, 1)
    await askAsService(sandbox)
    await clientOf(sandbox).virtualMachineScaleSets.list('agents').next()
  } finally {
    unsubscribe(roleCheck.actionsChannel, note)
  }
  const askedBy = (isIt: (agent: string) => boolean) =>
    [...new Set(told.flatMap(({ userAgent, actions }) => (isIt(userAgent) ? actions : [])))].toSorted()
  expect(askedBy((agent) => agent === roleCheck.serviceAgent)).toEqual([
    `${compute}/read`,
    `${compute}/virtualMachines/instanceView/read`,
    `${compute}/virtualMachines/read`,
    `${compute}/write`,
    'Microsoft.Network/virtualNetworks/subnets/join/action',
  ])
  expect(askedBy((agent) => agent.includes('azsdk-js-arm-compute'))).toEqual([`${compute}/read`])
})

async function askAsService({ url, caFile }: Sandbox): Promise<void> {
  const { tenantId, clientId, secret = '' } = contributor
  const credential = { kind: 'client-secret', tenantId, clientId, clientSecret: secret } as const
  const config: AzureConfig = { cloud: 'custom', resourceManagerUrl: url, audience: url, authorityUrl: url, caFile, credential }
  const clock = createClock({ startAt: 0, speed: 1 })
  const authorization = createAzureAuthorization(config, createAzureCredential(config), clock)
  const http = createAzureHttp({ config, authorization, clock, metrics: createTestMetrics() })
  const scaleSet = createScaleSet({ config, http, scaleSetId, clock })
  const seen = await scaleSet.read(never)
  if (!seen.known || seen.value === undefined) throw new Error('The scale set could not be read.')
  await scaleSet.machines(never)
  await scaleSet.setCapacity(seen.value, seen.value.capacity + 1, never)
  await http.close()
}
