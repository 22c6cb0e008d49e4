/** Who this service is on the scale sets it claims: kept in the database, so that all replicas are one owner. */
import { randomBytes } from 'node:crypto'
import type { Database } from '../store/database.ts'

/** `{organization}-{8 hex digits}`: the first part is for people, the second tells two services of one organization apart. */
export async function ownerIdOf({ db }: Database, organizationUrl: string): Promise<string> {
  const organization = organizationNameOf(organizationUrl)
  const fresh = `${organization.replace(/[^\w.-]/g, '')}-${randomBytes(4).toString('hex')}`
  await db
    .insertInto('meta')
    .values({ key: 'owner', value: fresh })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'owner').executeTakeFirst()
  return row?.value ?? fresh
}

/** The name that people know: of the organization, wherever its address has it, or of the collection. */
export function organizationNameOf(organizationUrl: string): string {
  const { pathname, hostname } = new URL(organizationUrl)
  const last = pathname.split('/').findLast((part) => part !== '')
  return decodeURIComponent(last ?? hostname.split('.')[0] ?? hostname)
}
