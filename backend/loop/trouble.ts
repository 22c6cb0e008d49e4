/** Growth that Azure could not carry out, for backing off; and the rooms that a refusal names. Pure. */
import { limitNamed } from '../core/azure-errors.ts'
import type { Instant } from '../core/snapshot.ts'
import type { Intent, IntentChange, PoolMemory } from './ports.ts'

/** The memory after growth intents ended. A refusal that names a limit becomes a room; others back off. */
export function troubleAfter(
  memory: PoolMemory,
  ended: readonly { readonly intent: Intent; readonly change: IntentChange }[],
  now: Instant,
): PoolMemory {
  return ended.reduce((current, { intent, change }) => (isGrowth(intent) ? afterGrowth(current, intent, change, now) : current), memory)
}

function isGrowth(intent: Intent): boolean {
  return intent.action.kind === 'grow' || intent.action.kind === 'ask-again'
}

function afterGrowth(memory: PoolMemory, intent: Intent, change: IntentChange, now: Instant): PoolMemory {
  if (change.state === 'settled' && intent.seen.length > 0 && memory.growthTrouble !== undefined) {
    const { growthTrouble: _over, ...rest } = memory
    return rest
  }
  if (change.state !== 'failed' || change.error === undefined) return memory
  const { code, message } = change.error
  const named = limitNamed(code, message)
  const trouble = { code, message, times: (memory.growthTrouble?.times ?? 0) + 1, lastAt: now }
  if (named === undefined) return { ...memory, growthTrouble: trouble }
  const others = memory.rooms.filter((room) => room.kind !== named.kind)
  return { ...memory, growthTrouble: trouble, rooms: [...others, { kind: named.kind, machines: 0, detail: named.detail }], roomsAt: now }
}
