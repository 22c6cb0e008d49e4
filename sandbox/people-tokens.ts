/** People's access tokens, as the SDK's `getAccessToken` hands them to a hub: Azure DevOps takes them as Bearer. */
import { randomBytes, randomUUID } from 'node:crypto'
import { guidOf } from './azure-devops/guid.ts'
import { people } from './people.ts'
import type { Person } from './people.ts'
import { claimsOf, signWithSecret } from './people-jwt.ts'

export type PeopleTokens = {
  issue(person: Person): string
  /** Who holds the bearer token of an Authorization header; undefined for every other header and after its end. */
  personOf(authorization: string | undefined): Person | undefined
}

const issuer = 'app.vstoken.visualstudio.com'

/** Tokens that live `lifetimeS` real seconds and end with the process, which keeps their key to itself. */
export function createPeopleTokens(organization: string, lifetimeS: number): PeopleTokens {
  const key = randomBytes(32).toString('base64url')
  const audience = `${issuer}|vso:${guidOf(`organization/${organization}`)}`

  function issue(person: Person): string {
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, nbf: now, exp: now + lifetimeS }
    return signWithSecret({ nameid: person.id, scp: 'vso.agentpools_manage', jti: randomUUID(), iss: issuer, aud: audience, ...times }, key)
  }

  function personOf(authorization: string | undefined): Person | undefined {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    const claims = token === undefined ? undefined : claimsOf(token, key)
    return claims === undefined ? undefined : people.find(({ id }) => id === claims['nameid'])
  }

  return { issue, personOf }
}
