import type { Behaviours } from '../../backend/simulator/facts-life.ts'
import { capacity, first, liveScene, machines, minute, pass, refusal, scene, setId, value } from './support.ts'

const kinds: Behaviours['capacityFalls'][] = ['acceptance', 'late', 'completion']

describe('when the capacity falls for a deleted machine', () => {
  const latencies = { delete: { p50: 3 * minute, p95: 3 * minute } }

  test.each([
    ['acceptance', [1, 1, 1]],
    ['late', [2, 1, 1]],
    ['completion', [2, 2, 1]],
  ] as const)('%s', (capacityFalls, expected) => {
    const { world } = liveScene({ capacity: 2, behaviours: { capacityFalls }, latencies })
    value(world.azure.deleteInstances(setId, ['0']))
    const seen = [capacity(world)]
    for (const ms of [2 * minute, 2 * minute]) {
      pass(world, ms)
      seen.push(capacity(world))
    }
    expect(seen).toEqual(expected)
  })

  test.each(kinds)('growing meanwhile makes exactly the machines asked for: %s', (capacityFalls) => {
    const { world } = liveScene({ capacity: 3, behaviours: { capacityFalls }, latencies: { delete: { p50: 10_000, p95: 10_000 } } })
    value(world.azure.deleteInstances(setId, ['0', '1']))
    value(world.azure.patchScaleSet(setId, { capacity: capacity(world) + 2 }))
    pass(world, 30 * minute)
    expect(machines(world).map(({ instanceId }) => instanceId)).toEqual(['2', '3', '4'])
    expect(capacity(world)).toBe(3)
  })
})

describe('etags', () => {
  test('a write with an older etag is refused; every write and every change of capacity makes a new one', () => {
    const { world } = liveScene({ capacity: 1 })
    const { etag } = value(world.azure.scaleSet(setId))
    const tagged = value(world.azure.patchScaleSet(setId, { tags: { a: '1' } }, etag)).scaleSet
    expect(tagged.etag).not.toBe(etag)
    expect(refusal(world.azure.patchScaleSet(setId, { capacity: 2 }, etag))).toMatchObject({ status: 412, code: 'PreconditionFailed' })
    value(world.azure.deleteInstances(setId, ['0']))
    expect(value(world.azure.scaleSet(setId)).etag).not.toBe(tagged.etag)
  })

  test('are not looked at with etagIgnored', () => {
    const { world } = scene({ behaviours: { etagIgnored: true } })
    value(world.azure.patchScaleSet(setId, { tags: {} }, '"older"'))
  })
})

test('a PATCH replaces the tags whole, or merges them, by the switch', () => {
  const tagsAfter = (tagsReplaced: boolean): unknown => {
    const { world } = scene({ behaviours: { tagsReplaced } })
    value(world.azure.patchScaleSet(setId, { tags: { a: '1' } }))
    return value(world.azure.patchScaleSet(setId, { tags: { b: '2' } })).scaleSet.tags
  }
  expect(tagsAfter(true)).toEqual({ b: '2' })
  expect(tagsAfter(false)).toEqual({ a: '1', b: '2' })
})

test('an update while an operation runs is accepted, or refused with 409, by the switch', () => {
  const { world } = scene({ capacity: 1 })
  value(world.azure.patchScaleSet(setId, { capacity: 2 }))
  const strict = scene({ capacity: 1, behaviours: { overlapRefused: true } }).world
  expect(refusal(strict.azure.patchScaleSet(setId, { capacity: 2 }))).toMatchObject({ status: 409, code: 'OperationNotAllowed' })
  pass(strict, 30 * minute)
  value(strict.azure.deleteInstances(setId, ['0']))
  expect(refusal(strict.azure.patchScaleSet(setId, { capacity: 2 })).status).toBe(409)
})

test('a reimage changes the vmId only by the switch', () => {
  const changed = (reimageChangesVmId: boolean): boolean => {
    const { world } = liveScene({ capacity: 1, behaviours: { reimageChangesVmId } })
    const { vmId } = first(machines(world))
    value(world.azure.reimage(setId, ['0']))
    pass(world, 20 * minute)
    return first(machines(world)).vmId !== vmId
  }
  expect([changed(false), changed(true)]).toEqual([false, true])
})

test('ids of deleted machines are given out again only by the switch', () => {
  const idsAfter = (instanceIdsReused: boolean): readonly string[] => {
    const { world } = liveScene({ capacity: 1, behaviours: { instanceIdsReused } })
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 20 * minute)
    value(world.azure.patchScaleSet(setId, { capacity: 1 }))
    pass(world, 20 * minute)
    return machines(world).map(({ instanceId }) => instanceId)
  }
  expect([idsAfter(false), idsAfter(true)]).toEqual([['1'], ['0']])
})

describe('throttling', () => {
  test('refuses the thirteenth update of a burst with the seconds to wait, and lets four a minute pass', () => {
    const { world } = scene()
    const patch = () => world.azure.patchScaleSet(setId, { tags: {} })
    for (let i = 0; i < 12; i++) value(patch())
    const answer = refusal(patch())
    expect(answer).toMatchObject({ status: 429, code: 'OperationNotAllowed', retryAfterS: 15, details: [{ code: 'TooManyRequests' }] })
    pass(world, 15_000)
    value(patch())
    expect(refusal(patch()).status).toBe(429)
    pass(world, minute)
    expect([1, 2, 3, 4, 5].map(() => patch().ok)).toEqual([true, true, true, true, false])
  })

  test('counts lists, reads and updates apart', () => {
    const { world } = scene()
    for (let i = 0; i < 30; i++) value(world.azure.machines(setId))
    expect(refusal(world.azure.machines(setId)).status).toBe(429)
    value(world.azure.scaleSet(setId))
  })
})

describe('creating a scale set', () => {
  const body = { location: 'westeurope', skuName: 'Standard_D2s_v3', capacity: 0, tags: {}, properties: {} }

  test('needs a resource id of a scale set', () => {
    expect(refusal(scene().world.azure.putScaleSet('/subscriptions/s/other', body)).code).toBe('InvalidResourceId')
  })

  test('is refused when an etag is asked for, and replaces a present one whatever the case of its id', () => {
    const { world } = liveScene({ capacity: 1 })
    expect(refusal(world.azure.putScaleSet(`${setId}2`, body, '"1"')).status).toBe(412)
    value(world.azure.putScaleSet(setId.toUpperCase(), { ...body, tags: { a: '1' }, capacity: 2 }))
    expect(value(world.azure.scaleSets('SUB-1', 'RG'))).toEqual([expect.objectContaining({ id: setId, capacity: 2, tags: { a: '1' } })])
  })
})
