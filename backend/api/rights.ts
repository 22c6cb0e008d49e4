/** Who may use a route, and who it is that asks. */
import type { Person } from './session.ts'

/**
 * Anyone; whoever is on this computer; the service hook; whoever is signed in, with an answer of what they may see; whoever may use or
 * manage the pool of the path; whoever may make pools. The operator key opens all of them.
 */
export const rights = ['open', 'local', 'hook', 'signedIn', 'use', 'manage', 'create'] as const
export type Right = (typeof rights)[number]

/** Who asks, for the records and for what the answer may hold. */
export type Asker = {
  /** Display name and id of a person, or the name that came with the operator key. */
  readonly by: string
  /** Only of a session: everybody else has no rights of a person's own. */
  readonly person?: Person
  /** Real time until the rights have to be proven again. */
  readonly endsInMs?: number
  mayUse(poolId: number): boolean
  mayManage(poolId: number): boolean
  mayCreate(): boolean
}
