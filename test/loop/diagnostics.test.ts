import { entryForOrder } from '../../backend/loop/diagnostics.ts'
import type { Order } from '../../backend/loop/ports-people.ts'

const times = { at: 0, wallTimeMs: 0 }
const order = (part: Partial<Order>): Order => ({ id: 1, machineId: '7', order: 'disable', by: 'Ada (a-1)', force: false, ...part })
const messageOf = (part: Partial<Order>, name?: string): string => entryForOrder(order(part), name, times).message

test('whoever turned an agent off or on is told, with its machine', () => {
  expect(messageOf({}, 'linux000007')).toBe('linux000007: Ada (a-1) disables its agent, which takes no more jobs.')
  expect(messageOf({ order: 'enable' }, 'linux000007')).toBe('linux000007: Ada (a-1) enables its agent.')
})

test('so it is for an agent that is not ours, and for one whose machine is gone: it was done', () => {
  expect(messageOf({ machineId: 'build-box' })).toBe('build-box: Ada (a-1) disables its agent, which takes no more jobs.')
})

test('an order about a machine that is gone is dropped, and that is told', () => {
  expect(messageOf({ order: 'delete' })).toBe('Machine 7: is gone: the order is dropped.')
})
