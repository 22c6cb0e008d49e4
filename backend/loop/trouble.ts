/** Growth that Azure could not carry out, for backing off; and the rooms that a refusal names. Pure. */
import { limitNamed } from '../core/azure-errors.ts'
import type { Instant, Room } from '../core/snapshot.ts'
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
  return withTrouble(memory, change.error, now)
}

/** Azure could not create machines: growth backs off, and a limit that the refusal names is used up. */
export function withTrouble(memory: PoolMemory, { code, message }: NonNullable<Intent['error']>, now: Instant): PoolMemory {
  const growthTrouble = { code, message, times: (memory.growthTrouble?.times ?? 0) + 1, lastAt: now }
  const named = limitNamed(code, message)
  if (named === undefined) return { ...memory, growthTrouble }
  const others: readonly Room[] = memory.rooms.filter((room) => room.kind !== named.kind)
  return { ...memory, growthTrouble, rooms: [...others, { ...named, machines: 0 }], roomsAt: now }
}
