import { minute } from '../support/build.ts'
import { scaleSetId, startService } from '../support/service.ts'
import type { Service } from '../support/service.ts'

const running: Service[] = []
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

describe('a claim of another that stands still', () => {
  const tag = (service: Service): string | undefined => service.world.truth.scaleSet(scaleSetId)!.tags['ScaleSetAgentsOwner']
  const claimAs = (service: Service, value: string): void =>
    void service.world.azure.mergeTags(scaleSetId, 'Merge', { ScaleSetAgentsOwner: value })
  const claimed = async (): Promise<Service> => {
    const service = await startService({ settings: { standby: 1, machinesMax: 3 } })
    running.push(service)
    await service.forMinutes(10)
    claimAs(service, 'another/3/17')
    return service
  }

  test('is taken over 10 minutes after it moved last, once a person confirms', async () => {
    const service = await claimed()
    await service.forMinutes(30)
    expect(tag(service)).toBe('another/3/17')
    claimAs(service, 'another/3/18')
    service.letTakeOver('another/3')
    await service.forMinutes(9)
    expect(tag(service)).toBe('another/3/18')
    await service.forMinutes(4)
    expect(tag(service)).toMatch(/^owner\/1\//)
  })

  test('is left to its owner while its counter moves', async () => {
    const service = await claimed()
    service.letTakeOver('another/3')
    for (let counter = 18; counter < 26; counter += 1) {
      claimAs(service, `another/3/${counter}`)
      await service.forMinutes(5)
    }
    expect(tag(service)).toBe('another/3/25')
  })

  test.each([
    ['another owner than the one that was confirmed', 'third/9'],
    ['its owner when that one comes back: one word is for one time', 'another/3'],
  ])('is left to %s', async (_whom, later) => {
    const service = await claimed()
    service.letTakeOver('another/3')
    await service.forMinutes(13)
    expect(tag(service)).toMatch(/^owner\/1\//)
    claimAs(service, `${later}/50`)
    await service.forMinutes(40)
    expect(tag(service)).toBe(`${later}/50`)
    service.letTakeOver(later)
    await service.forMinutes(2)
    expect(tag(service)).toMatch(/^owner\/1\//)
  })

  test('uses up the word also when the answer to the take-over gets lost', async () => {
    const service = await claimed()
    service.letTakeOver('another/3')
    await service.forMinutes(9)
    service.world.setFault('azure-lost-after', { rate: 1, untilMs: service.world.now() + 6 * minute })
    await service.forMinutes(8)
    expect([tag(service), service.record.takeOverFrom]).toEqual([expect.stringMatching(/^owner\/1\//), undefined])
  })

  test('of another owner than the confirmed one is left alone from the start', async () => {
    const service = await claimed()
    service.letTakeOver('third/9')
    await service.forMinutes(30)
    expect(tag(service)).toBe('another/3/17')
  })
})
