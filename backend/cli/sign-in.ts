/** Puts the sign-in of people together, when it is configured. */
import { dateOf, type ServiceClock } from '../adapters/clock.ts'
import type { PeoplesDevOps } from '../adapters/identity.ts'
import { createSessions } from '../api/session.ts'
import { createSignIn, type SignIn } from '../api/sign-in.ts'
import type { Configuration } from '../environment.ts'
import type { Database } from '../store/database.ts'
import { createNotes } from '../store/notes.ts'
import { newKey, sessionKeyFor } from './data-directory.ts'
import { organizationNameOf } from './owner.ts'

type Parts = {
  readonly configuration: Configuration
  readonly database: Database
  readonly clock: ServiceClock
  readonly identity: PeoplesDevOps
  readonly pools: () => Promise<readonly number[]>
}

export async function signInFor({ configuration, database, clock, identity, pools }: Parts): Promise<SignIn | undefined> {
  const { signIn, organizationUrl, data } = configuration
  if (signIn === undefined) return undefined
  const now = () => dateOf(clock.real.wallTimeMs())
  const key = new TextEncoder().encode(await sessionKeyOf(database, data))
  const sessions = createSessions({ key, organization: organizationUrl, now })
  return createSignIn({ ...signIn, organization: organizationNameOf(organizationUrl), sessions, identity, clock, now, pools })
}

/** Beside the operator key where there is one service; in the database where replicas share it, so that each takes the others' sessions. */
async function sessionKeyOf(database: Database, directory: string): Promise<string> {
  if (database.dialect === 'sqlite') return sessionKeyFor(directory)
  const name = 'session-key'
  const key = newKey()
  await database.db
    .insertInto('meta')
    .values({ key: name, value: key })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  return (await createNotes(database).kept(name)) ?? key
}
