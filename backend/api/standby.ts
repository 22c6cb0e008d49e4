/** Whether the standby is kept, in numbers and in a sentence. */
import { comingMachines, idleAgents } from '../core/demand.ts'
import { standbyAt } from '../core/schedule.ts'
import type { PoolSettings } from '../core/settings.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import type { StandbyView } from './contract-look.ts'

/** Nothing while machines or agents could not be read: an unread list is no empty one. */
export function standbyOf(snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): { readonly standby?: StandbyView } {
  if (!snapshot.machines.known || !snapshot.agents.known) return {}
  const wanted = standbyAt(settings, snapshot.wallTimeMs)
  const idle = idleAgents(snapshot)
  const coming = comingMachines(snapshot, settings, now)
  const kept = idle >= wanted
  return { standby: { wanted, idle, coming, kept, sentence: sentenceOf({ wanted, idle, coming, kept }) } }
}

function sentenceOf({ wanted, idle, coming, kept }: Omit<StandbyView, 'sentence'>): string {
  if (wanted === 0) return 'No agent is kept on standby now: a job waits until a machine has started for it.'
  const counts = `${idle} of ${wanted} ${wanted === 1 ? 'agent' : 'agents'} on standby ${idle === 1 ? 'is' : 'are'} idle`
  if (kept) return `The standby is kept: ${idle} idle, ${wanted} wanted.`
  return coming === 0
    ? `The standby is not kept: ${counts}, and no machine is on its way.`
    : `The standby is not kept yet: ${counts}, and ${coming === 1 ? '1 machine is on its' : `${coming} machines are on their`} way.`
}
