import { createCrowd } from '../../backend/api/crowd.ts'

/** Work that ends when it is told to. */
function work() {
  let end!: (value: string) => void
  const promise = new Promise<string>((resolve) => (end = resolve))
  return { run: () => promise, end: () => end('done') }
}

test('so many are inside, so many wait in order, and the next is turned away', async () => {
  const door = createCrowd({ insideMax: 1, waitingMax: 2 })
  const began: number[] = []
  const works = [work(), work(), work(), work()]
  const entered = works.map(({ run }, at) =>
    door.enter(() => {
      began.push(at)
      return run()
    }),
  )
  expect(await entered[3]).toBeUndefined()
  expect(began).toEqual([0])
  works[0]!.end()
  expect(await entered[0]).toBe('done')
  works[1]!.end()
  works[2]!.end()
  expect(await Promise.all(entered)).toEqual(['done', 'done', 'done', undefined])
  expect(began).toEqual([0, 1, 2])
})

test('work that fails makes room like any other', async () => {
  const door = createCrowd({ insideMax: 1, waitingMax: 1 })
  const failed = door.enter(() => Promise.reject(new Error('down')))
  const next = door.enter(async () => 'in')
  await expect(failed).rejects.toThrow('down')
  expect(await next).toBe('in')
  expect(await door.enter(async () => 'in again')).toBe('in again')
})
