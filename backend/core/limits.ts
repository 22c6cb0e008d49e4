/** Holding a wanted number of new machines to the maximum, quota, subnet and rate. Each limit names itself. */
import type { Reason } from './decision.ts'
import { comingMachines } from './demand.ts'
import type { GrowthTrouble, Instant, PoolSnapshot } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

/** Azure's sustained rate of updates for one scale set; compute-throttling-limits, azure-facts section 5. */
export const updatesPerMinuteMax = 4
const minuteMs = 60_000
/** First pause after Azure could not create machines; it doubles with each failure in a row. */
const backOffMs = 60_000
const backOffMsMax = 30 * minuteMs

export type Granted = { readonly by: number; readonly reasons: readonly Reason[] }

/** How many of `need` machines may be asked for now; `reserved` updates of the scale set are for something else. */
export function grantGrowth(snapshot: PoolSnapshot, settings: PoolSettings, need: number, reserved: number, now: Instant): Granted {
  if (need === 0) return { by: 0, reasons: [] }
  const stop = stopped(snapshot, reserved, now)
  if (stop !== undefined) return { by: 0, reasons: [stop] }
  // Only the tightest limit binds: the others would change nothing if they were lifted.
  let reasons: readonly Reason[] = []
  let by = need
  const total = totalMachines(snapshot)
  const cap = (granted: number, reason: (granted: number) => Reason): void => {
    if (granted >= by) return
    by = Math.max(0, granted)
    reasons = [reason(by)]
  }
  cap(settings.machinesMax - total, (granted) => ({ code: 'maximum', machinesMax: settings.machinesMax, total, needed: need, granted }))
  for (const { kind, machines, detail } of snapshot.rooms) {
    cap(machines - snapshot.asked, (granted) => ({ code: 'room', kind, detail, needed: need, granted }))
  }
  const trouble = snapshot.bootTrouble
  if (trouble?.paused !== undefined) {
    const { cause, phase, times, paused } = trouble
    const coming = mayBeComing(snapshot, settings, now)
    const allowed = coming === 0 && now >= paused.tryAt ? 1 : 0
    const where = phase === undefined ? {} : { phase }
    cap(allowed, (granted) => ({ code: 'boot-trouble', cause, ...where, times, needed: need, granted, coming, tryAt: paused.tryAt }))
  }
  return { by, reasons }
}

/** A machine that an old list leaves out may still be on its way. */
function mayBeComing(snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): number {
  const unclear = snapshot.machines.known ? snapshot.machines.value.filter((machine) => machine.stage === 'unclear').length : 0
  return comingMachines(snapshot, settings, now) + unclear
}

/**
 * Machines that exist or may come to exist without a further word from us. Deleting ones count beside the capacity,
 * because Azure does not document whether `sku.capacity` still counts them: the larger reading keeps the maximum (S2).
 */
export function totalMachines(snapshot: PoolSnapshot): number {
  const machines = snapshot.machines.known ? snapshot.machines.value : []
  const deleting = machines.filter((machine) => machine.stage === 'deleting').length
  const capacity = snapshot.scaleSet.known ? snapshot.scaleSet.value.capacity : 0
  return Math.max(machines.length + Math.max(snapshot.asked, snapshot.owed), capacity + deleting)
}

/** Updates of the scale set that may still be sent in this minute. */
export function updatesLeft(snapshot: PoolSnapshot, now: Instant): number {
  return Math.max(0, updatesPerMinuteMax - recentUpdates(snapshot, now).length)
}

/** The reason to wait for the update rate. */
export function updateRateReason(snapshot: PoolSnapshot, now: Instant): Reason {
  const recent = recentUpdates(snapshot, now)
  return { code: 'update-rate', sent: recent.length, freeAt: (recent[0] ?? now) + minuteMs }
}

/** When growth may be tried again after a failure. */
export function backOffUntil(trouble: GrowthTrouble): Instant {
  return trouble.lastAt + Math.min(backOffMsMax, backOffMs * 2 ** (trouble.times - 1))
}

function stopped(snapshot: PoolSnapshot, reserved: number, now: Instant): Reason | undefined {
  const blocker = snapshot.scaleSet.known ? snapshot.scaleSet.value.blockers[0] : undefined
  if (blocker !== undefined) return { code: 'scale-set-blocked', finding: blocker }
  const trouble = snapshot.growthTrouble
  if (trouble !== undefined && now < backOffUntil(trouble)) {
    return { code: 'backing-off', azureCode: trouble.code, message: trouble.message, times: trouble.times, freeAt: backOffUntil(trouble) }
  }
  return updatesLeft(snapshot, now) <= reserved ? updateRateReason(snapshot, now) : undefined
}

function recentUpdates(snapshot: PoolSnapshot, now: Instant): readonly Instant[] {
  return snapshot.recentUpdates.filter((at) => now - at < minuteMs)
}
