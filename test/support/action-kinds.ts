import type { ActionKind } from '../../backend/core/decision.ts'

/** Every kind of action, to count from; a new one does not compile before it stands here. */
export const noActions: Readonly<Record<ActionKind, 0>> = {
  claim: 0,
  'refresh-claim': 0,
  'put-extension': 0,
  grow: 0,
  'ask-again': 0,
  drain: 0,
  restore: 0,
  unregister: 0,
  'unregister-orphan': 0,
  delete: 0,
  reimage: 0,
  save: 0,
  'add-placeholder': 0,
  'update-placeholder': 0,
  release: 0,
  'delete-pool': 0,
}
