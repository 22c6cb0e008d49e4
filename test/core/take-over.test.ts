import { takeOverSteps, wayBackSteps } from '../../backend/core/take-over.ts'
import type { BuiltInPool } from '../../backend/core/take-over.ts'

const scaleSetId =
  '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
const pool: BuiltInPool = {
  poolId: 12,
  name: "Ada's pool",
  scaleSetId,
  os: 'linux',
  serviceEndpointId: 'endpoint',
  serviceEndpointScope: 'project',
  settings: {
    maxCapacity: 10,
    desiredIdle: 1,
    recycleAfterEachUse: true,
    maxSavedNodeCount: 0,
    agentInteractiveUI: false,
    timeToLiveMinutes: 30,
  },
}

test('taking over deletes the built-in pool first and looks at its tag before the new one is made', () => {
  const commands = takeOverSteps(pool, 'https://dev.azure.com/fabrikam').map(({ command }) => command)
  expect(commands).toEqual([
    '',
    expect.stringMatching(
      /^az rest --method delete .*https:\/\/dev\.azure\.com\/fabrikam\/_apis\/distributedtask\/pools\/12\?api-version=/,
    ),
    `az tag list --resource-id ${scaleSetId} --query properties.tags --output table`,
    '',
  ])
})

test('each step in words is in take-over.test.ts.snap', () => {
  const words = [takeOverSteps, wayBackSteps].map((steps) =>
    steps(pool, 'https://dev.azure.com/fabrikam').map(({ sentence, command }) => `${sentence}\n${command}`),
  )
  expect(words.flat().join('\n\n')).toMatchSnapshot()
})

test('the way back makes the pool with every setting that it had', () => {
  const command = wayBackSteps(pool, 'https://dev.azure.com/fabrikam').at(-1)?.command ?? ''
  expect(command).toContain("/elasticpools?poolName=Ada'\\''s%20pool&projectId=project")
  const body = JSON.parse(command.slice(command.indexOf('{'), command.lastIndexOf('}') + 1)) as object
  expect(body).toEqual({
    serviceEndpointId: 'endpoint',
    serviceEndpointScope: 'project',
    azureId: scaleSetId,
    osType: 'linux',
    ...pool.settings,
  })
})
