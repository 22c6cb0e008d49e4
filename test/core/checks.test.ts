import {
  checkScaleSet,
  growthBlockers,
  imageFacts,
  type CheckedScaleSet,
  type CheckFacts,
  type CheckId,
} from '../../backend/core/checks.ts'
import { claimValue, parseClaim } from '../../backend/core/claim.ts'
import { missingActions } from '../../backend/core/permissions.ts'
import { parseScaleSetId, sameScaleSet } from '../../backend/core/scale-set-id.ts'

const scaleSetId =
  '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
const known = <T>(value: T) => ({ known: true, value, at: 0 }) as const
const unread = { known: false, why: 'Azure answered 403.' } as const

const good: CheckedScaleSet = {
  tags: {},
  os: 'linux',
  orchestration: 'uniform',
  upgradePolicy: 'Manual',
  overprovision: false,
  singlePlacementGroup: false,
  adminUsername: 'azureuser',
  hasIdentity: false,
}

function facts(change: Partial<CheckFacts> = {}, set: Partial<CheckedScaleSet> = {}): CheckFacts {
  return {
    scaleSetId,
    owner: 'me',
    poolId: 7,
    settings: { machinesMax: 10, tearDownAfterUse: false, interactive: false },
    scaleSet: known({ ...good, ...set }),
    machines: known([]),
    autoscale: known([]),
    permissions: known([{ actions: ['*'], notActions: [] }]),
    rooms: known([
      { kind: 'quota', machines: 10, detail: 'cores' },
      { kind: 'subnet', machines: 10, detail: 'addresses' },
    ]),
    ...change,
  }
}

const found = (id: CheckId, of: CheckFacts) => checkScaleSet(of).find((finding) => finding.id === id)!

test('a scale set as it has to be: every line is ok', () => {
  const findings = checkScaleSet(facts())
  expect(findings.map(({ severity }) => severity)).toEqual(findings.map(() => 'ok'))
  expect(findings.length).toBe(14)
})

const sets: readonly [CheckId, Partial<CheckedScaleSet>, 'error' | 'warning' | 'unknown', RegExp][] = [
  ['upgrade-policy', { upgradePolicy: 'Rolling' }, 'error', /^az vmss update .* --set upgradePolicy\.mode=Manual$/],
  ['overprovisioning', { overprovision: true }, 'error', /--set overprovision=false$/],
  ['orchestration', { orchestration: 'flexible' }, 'error', /^az vmss create .*linux-uniform/],
  ['placement-group', { singlePlacementGroup: true }, 'warning', /--set singlePlacementGroup=false$/],
  ['admin-user', { adminUsername: 'AzDevOps' }, 'error', /--admin-username azureuser$/],
  ['vm-identity', { hasIdentity: true }, 'warning', /^az vmss identity remove /],
  ['spot', { evictionPolicy: 'Deallocate' }, 'error', /--eviction-policy Delete$/],
  [
    'claim',
    { tags: { ScaleSetAgentsOwner: 'you/3/9' } },
    'error',
    /^az tag update .*--operation delete --tags ScaleSetAgentsOwner=you\/3\/9$/,
  ],
]

test.each(sets)('%s: %j is an %s with its fix', (id, set, severity, fix) => {
  const finding = found(id, facts({}, set))
  expect([finding.severity, finding.effect === '']).toEqual([severity, false])
  expect(finding.fix).toMatch(fix)
  expect(finding.fix).toContain('ci')
})

test('a single placement group is refused only above 100 machines', () => {
  const at = (machinesMax: number) =>
    found(
      'placement-group',
      facts({ settings: { machinesMax, tearDownAfterUse: false, interactive: false } }, { singlePlacementGroup: true }),
    ).severity
  expect([at(100), at(101)]).toEqual(['warning', 'error'])
})

test.each([['__AzureDevOpsElasticPool'], ['_AzureDevOpsElasticPool'], ['__azuredevopselasticpool']])(
  'the built-in tag %s names its pool, and the fix takes it off with its time',
  (tag) => {
    const { severity, cause, fix } = found(
      'claim',
      facts({}, { tags: { [tag]: "Ada's pool", [`${tag}TimeStamp`]: '2/23/2024 1:08:39 PM' } }),
    )
    expect([severity, cause]).toEqual(['error', "This virtual machine scale set is already in use by pool Ada's pool."])
    expect(fix).toContain(`'${tag}=Ada'\\''s pool' '${tag}TimeStamp=2/23/2024 1:08:39 PM'`)
  },
)

test('our own claim is ours for our pool only', () => {
  const tags = { scalesetagentsowner: claimValue('me', 7, 12) }
  expect(parseClaim(tags, 'me', 7)).toMatchObject({ claim: 'ours', by: 'me/7', counter: 12 })
  expect(parseClaim(tags, 'me', 8).claim).toBe('other')
  expect(parseClaim(tags, 'you', 7).claim).toBe('other')
  expect(parseClaim(tags, 'me', undefined).claim).toBe('other')
  expect(parseClaim({ ScaleSetAgentsOwner: 'me/77/12' }, 'me', 77)).toMatchObject({ claim: 'ours', counter: 12 })
  expect(parseClaim({ ScaleSetAgentsOwner: 'me/7/12 or so' }, 'me', 7).claim).toBe('other')
  expect(parseClaim({ ScaleSetAgentsOwner: 'hands off' }, 'me', 7)).toMatchObject({ claim: 'other', by: 'hands off' })
  expect(parseClaim({ team: 'web' }, 'me', 7)).toEqual({ claim: 'free' })
  expect(parseClaim({ ...tags, _AzureDevOpsElasticPool: 'x' }, 'me', 7).claim).toBe('built-in')
})

test('a scale set that this pool claimed is well, and one of another pool names it', () => {
  expect(found('claim', facts({}, { tags: { ScaleSetAgentsOwner: 'me/7/12' } }))).toMatchObject({
    severity: 'ok',
    cause: 'The scale set is claimed by this pool.',
  })
  expect(found('claim', facts({}, { tags: { ScaleSetAgentsOwner: 'you/3/9' } })).cause).toBe(
    'This virtual machine scale set is already in use by pool you/3.',
  )
})

test('Spot machines that are deleted when they are evicted are well', () =>
  expect(found('spot', facts({}, { evictionPolicy: 'delete' })).severity).toBe('ok'))

test('a token in the model is a warning, and no word of it otherwise', () => {
  const settings = { machinesMax: 10, tearDownAfterUse: false, interactive: false }
  const ids = (tokenInModel: boolean) => checkScaleSet(facts({ settings: { ...settings, tokenInModel } })).map(({ id }) => id)
  expect(found('token-in-model', facts({ settings: { ...settings, tokenInModel: true } })).severity).toBe('warning')
  expect(ids(false)).not.toContain('token-in-model')
})

const image = (set: Partial<CheckedScaleSet>, settings: Partial<CheckFacts['settings']>) =>
  found('image', facts({ settings: { machinesMax: 10, tearDownAfterUse: false, interactive: false, ...settings } }, set)).severity
const client = { os: 'windows', imagePublisher: 'MicrosoftWindowsDesktop' } as const
const server = { os: 'windows', imagePublisher: 'MicrosoftWindowsServer' } as const

test.each([
  ['Linux', {}, { tearDownAfterUse: true }, 'ok'],
  ['Linux, interactive', {}, { interactive: true }, 'error'],
  ['Windows client', client, {}, 'ok'],
  ['Windows client, torn down', client, { tearDownAfterUse: true }, 'error'],
  ['Windows client, interactive', client, { interactive: true }, 'error'],
  ['Windows Server, both', server, { interactive: true, tearDownAfterUse: true }, 'ok'],
  ['own Windows image', { os: 'windows' }, {}, 'ok'],
  ['own Windows image, torn down', { os: 'windows' }, { tearDownAfterUse: true }, 'unknown'],
] as const)('image: %s', (_, set, settings, severity) => {
  expect(image(set, settings)).toBe(severity)
})

test('what the image says of the system', () => {
  expect([imageFacts(good), imageFacts({ ...good, ...client }), imageFacts({ ...good, os: 'windows' })]).toEqual([
    { os: 'linux' },
    { os: 'windows', client: true },
    { os: 'windows' },
  ])
})

test('only an enabled autoscale setting of this scale set counts', () => {
  const other = { name: 'other', enabled: true, targetResourceId: `${scaleSetId}2` }
  const off = { name: 'off', enabled: false, targetResourceId: scaleSetId }
  expect(found('autoscale', facts({ autoscale: known([other, off]) })).severity).toBe('ok')
  const on = { name: 'by cpu', enabled: true, targetResourceId: scaleSetId.toUpperCase() }
  const finding = found('autoscale', facts({ autoscale: known([other, on]) }))
  expect([finding.severity, finding.fix]).toEqual([
    'error',
    expect.stringMatching(/^az monitor autoscale update .* --name 'by cpu' --enabled false$/),
  ])
})

test('protected machines are named, with the command for each', () => {
  const machine = (id: string, held: boolean) => ({ id, name: `m${id}`, protected: held })
  const finding = found('protection', facts({ machines: known([machine('1', true), machine('2', false), machine('3', true)]) }))
  expect([finding.severity, finding.cause]).toEqual(['error', '2 machines are protected: m1, m3.'])
  expect(finding.fix).toMatch(/^for id in 1 3; do az vmss update /)
  expect(found('protection', facts({ machines: known([machine('1', true)]) })).cause).toBe('A machine is protected: m1.')
  const twelve = known(Array.from({ length: 12 }, (_each, index) => machine(String(index + 1), true)))
  expect(found('protection', facts({ machines: twelve })).cause).toMatch(/^12 machines are protected: m1, .*, m10 and 2 more\.$/)
})

test('room for the maximum counts the machines that are there', () => {
  const rooms = known([{ kind: 'quota' as const, machines: 8, detail: '16 cores' }])
  const there = known(['1', '2'].map((id) => ({ id, name: id, protected: false })))
  expect(found('quota', facts({ rooms, machines: there })).severity).toBe('ok')
  const short = found('quota', facts({ rooms }))
  expect([short.severity, short.cause]).toEqual([
    'warning',
    'The core quota has room for 8 more machines, and the maximum needs 10 (16 cores).',
  ])
  expect(found('subnet', facts({ rooms })).severity).toBe('unknown')
  expect(found('quota', facts({ rooms, machines: unread })).cause).toBe('The machines could not be read: Azure answered 403.')
})

test('of several limits of a kind the least counts', () => {
  const quota = (machines: number, detail: string) => ({ kind: 'quota' as const, machines, detail })
  const least = 'The core quota has room for 3 more machines, and the maximum needs 10 (of its size).'
  for (const rooms of [
    [quota(9, 'all cores'), quota(3, 'of its size')],
    [quota(3, 'of its size'), quota(9, 'all cores')],
  ])
    expect(found('quota', facts({ rooms: known(rooms) })).cause).toBe(least)
})

describe('what people read', () => {
  const plain = { machinesMax: 10, tearDownAfterUse: false, interactive: false }
  const asked = (change: Partial<CheckFacts['settings']>) => ({ settings: { ...plain, ...change } })
  const room = (kind: 'quota' | 'subnet') => ({ kind, machines: 3, detail: 'of 40' })
  const situations: readonly CheckFacts[] = [
    facts(),
    facts(asked({ interactive: true }), { tags: { ScaleSetAgentsOwner: 'me/7/12' }, adminUsername: 'AzDevOps' }),
    facts(asked({ tearDownAfterUse: true }), { ...client, upgradePolicy: 'Rolling', overprovision: true }),
    facts(asked({ interactive: true }), { ...client, orchestration: 'flexible', singlePlacementGroup: true }),
    facts({}, { ...client, hasIdentity: true, evictionPolicy: 'Deallocate' }),
    facts({}, { ...server, evictionPolicy: 'Delete', tags: { ScaleSetAgentsOwner: 'you/3/9' } }),
    facts(asked({ tokenInModel: true }), { os: 'windows' }),
    facts(asked({ tearDownAfterUse: true }), { os: 'windows' }),
    facts({
      machines: known([{ id: '1', name: 'm1', protected: true }]),
      autoscale: known([{ name: 'by cpu', enabled: true, targetResourceId: scaleSetId }]),
      permissions: known([{ actions: ['Microsoft.Compute/virtualMachineScaleSets/*', 'Microsoft.Resources/*'], notActions: [] }]),
      rooms: known([room('quota'), room('subnet')]),
    }),
    facts({ permissions: known([{ actions: ['*'], notActions: ['*/delete/action'] }]), rooms: known([]) }),
    facts({ scaleSet: unread, machines: unread, autoscale: unread, permissions: unread, rooms: unread }),
    facts({ scaleSet: known(undefined) }),
  ]

  test('is in checks.test.ts.snap', () => {
    const lines = situations.flatMap((of) => checkScaleSet(of).map(({ severity, cause, effect, fix }) => [severity, cause, effect, fix]))
    const texts = lines.map((line) => line.filter((part) => part !== '').join('\n'))
    expect([...new Set(texts)].toSorted().join('\n\n')).toMatchSnapshot()
  })
})

test('what could not be read is unknown and says why, never ok', () => {
  const findings = checkScaleSet(facts({ scaleSet: unread, machines: unread, autoscale: unread, permissions: unread, rooms: unread }))
  expect(findings.map(({ severity }) => severity)).toEqual(findings.map(() => 'unknown'))
  expect(findings[0]).toMatchObject({
    id: 'scale-set',
    cause: 'The scale set could not be read: Azure answered 403.',
    effect: 'This was not checked.',
  })
})

test('a scale set that does not exist is one error', () => {
  expect(checkScaleSet(facts({ scaleSet: known(undefined) }))).toMatchObject([
    { id: 'scale-set', severity: 'error', fix: expect.stringMatching(/^az vmss create /) },
  ])
})

describe('permissions', () => {
  const write = 'Microsoft.Compute/virtualMachineScaleSets/write'
  test.each([
    [['*'], [], true],
    [['*/read'], [], false],
    [['microsoft.compute/*'], [], true],
    [['Microsoft.Compute/*/write'], [], true],
    [['Microsoft.Compute/virtualMachineScaleSets/*'], ['*/write'], false],
    [['Microsoft.Compute/virtualMachineScaleSets'], [], false],
    [['Microsoft.Compute/virtualMachineScaleSets/write*write'], [], false],
    [[], [], false],
  ])('actions %j without %j: %s', (actions, notActions, granted) => {
    expect(missingActions([write], [{ actions, notActions }])).toEqual(granted ? [] : [write])
  })

  test('another permission grants what one leaves out', () => {
    expect(
      missingActions(
        [write],
        [
          { actions: ['*'], notActions: ['*/write'] },
          { actions: [write], notActions: [] },
        ],
      ),
    ).toEqual([])
  })

  test('missing ones are named, and the fix is a role with just these', () => {
    const finding = found(
      'permissions',
      facts({ permissions: known([{ actions: ['*/read', '*/action', 'Microsoft.Resources/tags/*'], notActions: [] }]) }),
    )
    const missing = ['write', 'extensions/write', 'extensions/delete'].map((each) => `Microsoft.Compute/virtualMachineScaleSets/${each}`)
    expect([finding.severity, finding.cause]).toEqual(['error', `The service identity may not: ${missing.join(', ')}.`])
    expect(finding.fix).toContain(`"Actions":${JSON.stringify(missing)}`)
  })

  test('those that may be granted elsewhere only warn', () => {
    expect(
      found(
        'permissions',
        facts({
          permissions: known([{ actions: ['Microsoft.Compute/virtualMachineScaleSets/*', 'Microsoft.Resources/*'], notActions: [] }]),
        }),
      ).severity,
    ).toBe('warning')
  })
})

test('growth is stopped by what is wrong with the model, not by warnings', () => {
  const pool = { scaleSetId, settings: { machinesMax: 10, tearDownAfterUse: false, interactive: false } }
  expect(growthBlockers(pool, good)).toEqual([])
  expect(growthBlockers(pool, { ...good, singlePlacementGroup: true, overprovision: true, hasIdentity: true })).toEqual([
    'Overprovisioning is on.',
  ])
})

test('an id that is not one of a scale set leaves words to fill in', () =>
  expect(found('overprovisioning', facts({ scaleSetId: 'linux' }, { overprovision: true })).fix).toBe(
    'az vmss update --subscription SUBSCRIPTION --resource-group RESOURCE-GROUP --name SCALE-SET --set overprovision=false',
  ))

test('scale set ids', () => {
  expect([sameScaleSet(`${scaleSetId}/`, scaleSetId.toUpperCase()), sameScaleSet(scaleSetId, `${scaleSetId}x`)]).toEqual([true, false])
  expect(parseScaleSetId(scaleSetId.toLowerCase())).toEqual({
    subscriptionId: '11111111-2222-3333-4444-555555555555',
    resourceGroup: 'ci',
    name: 'linux',
  })
  for (const bad of ['', 'linux', `${scaleSetId}/virtualMachines/0`, scaleSetId.replace('ci', "c';rm"), scaleSetId.replace('1111-', '')])
    expect(parseScaleSetId(bad)).toBeUndefined()
})
