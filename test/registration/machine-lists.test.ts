import type { Reading } from '../../backend/core/snapshot.ts'
import type { AzureMachine } from '../../backend/loop/ports.ts'
import { createMachineLists } from '../../backend/registration/machine-lists.ts'
import { createVirtualTime } from '../support/virtual-time.ts'

const second = 1_000

/** A scale set whose lists take a second, in virtual time. */
function start(machines?: () => Promise<Reading<readonly AzureMachine[]>>) {
  const time = createVirtualTime()
  const begun: number[] = []
  const slow = async (): Promise<Reading<readonly AzureMachine[]>> => {
    await time.clock.sleep(second, new AbortController().signal)
    return { known: true, value: [], at: time.now() }
  }
  const scaleSet = {
    machines() {
      begun.push(time.now())
      return (machines ?? slow)()
    },
  }
  return { time, begun, lists: createMachineLists(time.clock, () => scaleSet, new AbortController().signal) }
}

test('every claim is held against a list that began after it came', async () => {
  const { time, begun, lists } = start()
  const came: (readonly [number, Promise<number>])[] = []
  for (let at = 0; at < 40; at += 1) {
    const askedAt = time.now()
    came.push([askedAt, lists.next('/a').then((reading) => (reading.known ? reading.at - second : NaN))])
    await time.run(time.now() + 137)
  }
  await time.run(time.now() + 60 * second)
  for (const [askedAt, list] of came) expect(await list).toBeGreaterThanOrEqual(askedAt)
  expect(begun.length).toBeLessThan(8)
})

test('fifty machines that boot at once cost two reads', async () => {
  const { time, begun, lists } = start()
  const first = lists.next('/a')
  await time.run(time.now() + 100)
  const rest = Array.from({ length: 49 }, () => lists.next('/a'))
  await time.run(time.now() + 10 * second)
  await Promise.all([first, ...rest])
  expect(begun).toHaveLength(2)
  expect(begun[1]! - begun[0]!).toBeGreaterThanOrEqual(2 * second)
})

test('machines that go on booting cost fewer lists than Azure allows', async () => {
  const { time, begun, lists } = start()
  for (let at = 0; at < 10 * 60; at += 1) {
    void lists.next('/a')
    await time.run(time.now() + second)
  }
  for (const from of begun) expect(begun.filter((at) => at >= from && at < from + 60 * second).length).toBeLessThanOrEqual(9)
  expect(begun.length).toBeGreaterThan(50)
})

test('one scale set does not wait for another', async () => {
  const { time, begun, lists } = start()
  void lists.next('/a')
  void lists.next('/b')
  await time.run(time.now() + 10)
  expect(begun).toHaveLength(2)
})

test('a read that fails is an unknown list, and the next one is read', async () => {
  const answers = [() => Promise.reject(new Error('no connection')), async () => ({ known: true, value: [], at: 5 }) as const]
  const { time, lists } = start(() => answers.shift()!())
  const failed = lists.next('/a')
  await time.run(time.now() + 10 * second)
  expect(await failed).toEqual({ known: false, why: 'no connection' })
  const read = lists.next('/a')
  await time.run(time.now() + 10 * second)
  expect(await read).toEqual({ known: true, value: [], at: 5 })
})
