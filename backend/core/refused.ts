/** Steps that were refused wait before they are sent again, longer each time: what refuses them seldom ends within a pass. */
import type { Action, Reason, Step } from './decision.ts'
import type { Instant, PoolSnapshot, Refused } from './snapshot.ts'

/** First pause; it doubles with each refusal in a row. */
const waitMs = 30_000
const waitMsMax = 10 * 60_000

/** The code of a step that was not sent because the world had moved. */
export const leftCode = 'left'

/** Which refusals a step shares: those on agents one by one, those on the scale set by kind. */
export function stepOf(action: Action): string {
  return 'agentId' in action && action.agentId !== undefined ? `${action.kind} ${action.agentId}` : action.kind
}

/** Growth backs off by rules of its own: `limits.ts`. */
export function waitsAfterRefusal({ kind }: Action): boolean {
  return kind !== 'grow' && kind !== 'ask-again'
}

/**
 * The next time for a step that was refused. `passing`: the world had only moved, or somebody else was faster; that may happen
 * once without a wait.
 */
export function refusedAgain(
  before: Refused | undefined,
  error: { readonly code: string; readonly message: string },
  passing: boolean,
  now: Instant,
): Refused {
  const times = (before?.times ?? 0) + 1
  const counted = passing ? times - 1 : times
  const wait = counted === 0 ? 0 : Math.min(waitMsMax, waitMs * 2 ** (counted - 1))
  return { code: error.code, message: error.message, times, freeAt: now + wait }
}

/** Without the steps that still wait; one reason for each kind of them. */
export function holdRefused(
  steps: readonly Step[],
  snapshot: PoolSnapshot,
  now: Instant,
): { readonly steps: readonly Step[]; readonly reasons: readonly Reason[] } {
  const waiting = new Map<Step, Refused>()
  for (const step of steps) {
    const refused = snapshot.refused?.[stepOf(step.action)]
    if (refused !== undefined && now < refused.freeAt) waiting.set(step, refused)
  }
  const reasons = new Map<Action['kind'], Reason>()
  for (const [{ action }, { code: azureCode, times, freeAt }] of waiting) {
    if (!reasons.has(action.kind)) reasons.set(action.kind, { code: 'refused', action: action.kind, azureCode, times, freeAt })
  }
  return { steps: steps.filter((step) => !waiting.has(step)), reasons: [...reasons.values()] }
}
