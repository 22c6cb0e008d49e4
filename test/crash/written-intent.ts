/** An intent as the judges are told of it. */
import { explain } from '../../backend/core/explain.ts'
import type { Intent } from '../../backend/loop/ports.ts'
import type { Target, WrittenIntent } from '../soak/history.ts'

export function writtenIntent({ id, action, reason }: Intent, now: number): WrittenIntent {
  const agent = 'agentId' in action && action.agentId !== undefined ? { agentId: action.agentId } : {}
  return { id, kind: action.kind, sentence: explain(reason, now), machines: targetsOf(action), ...agent }
}

function targetsOf(action: Intent['action']): readonly Target[] {
  if ('machines' in action) return action.machines
  return 'machine' in action ? [{ ...action.machine, ...('cause' in action ? { cause: action.cause } : {}) }] : []
}
