/**
 * Sessions: a signed note of who a person is and what that person may do with the pools of this service, for one minute. The
 * service keeps none of them: whoever holds the key can read one.
 */
import { jwtVerify, SignJWT, type JWTVerifyOptions } from 'jose'

export type Person = { readonly id: string; readonly name: string }
/** Of the pools that this service runs. `manage` includes `use`. */
export type Rights = { readonly manage: readonly number[]; readonly use: readonly number[]; readonly mayCreate: boolean }
export type Session = { readonly person: Person; readonly rights: Rights; /** Real time left. */ readonly endsInMs: number }

/** Real time. A token counts whole seconds, so the last of them is not promised to anybody. */
export const sessionMs = 60_000
export const promisedMs = sessionMs - 1000

export type Sessions = {
  issue(person: Person, rights: Rights): Promise<string>
  /** `undefined` for every text that is not a session of this service and organization that still holds. */
  read(text: string): Promise<Session | undefined>
}

export type SessionsParts = {
  /** Shared by all replicas; at least 32 bytes. */
  readonly key: Uint8Array
  /** URL of the organization. A session of another one is not read. */
  readonly organization: string
  readonly now: () => Now
}
/** Of real time: in the demo the service's own runs faster. */
export type Now = NonNullable<JWTVerifyOptions['currentDate']>

/** Node takes 16 KB of headers; a session with rights to a thousand pools is shorter. */
const sessionLengthMax = 12_000
const issuer = 'scale-set-agents'
const algorithm = 'HS256'

export function createSessions({ key, organization, now }: SessionsParts): Sessions {
  return {
    issue({ id, name }, { manage, use, mayCreate }) {
      const issuedAt = now()
      const useOnly = use.filter((poolId) => !manage.includes(poolId))
      return new SignJWT({ name, manage, useOnly, mayCreate })
        .setProtectedHeader({ alg: algorithm })
        .setIssuer(issuer)
        .setAudience(organization)
        .setSubject(id)
        .setIssuedAt(issuedAt)
        .setExpirationTime(Math.floor((issuedAt.getTime() + sessionMs) / 1000))
        .sign(key)
    },
    async read(text) {
      if (text.length > sessionLengthMax) return undefined
      const currentDate = now()
      const options = { algorithms: [algorithm], issuer, audience: organization, requiredClaims: ['exp', 'sub'], currentDate }
      const claims = await jwtVerify<Claims>(text, key, options).then(
        ({ payload }) => payload,
        () => undefined,
      )
      if (claims === undefined) return undefined
      const { sub = '', exp = 0, name, manage, useOnly, mayCreate } = claims
      return {
        person: { id: sub, name },
        rights: { manage, use: [...manage, ...useOnly], mayCreate },
        endsInMs: exp * 1000 - currentDate.getTime(),
      }
    },
  }
}

/** What `issue` wrote; nobody else has the key. */
type Claims = { readonly name: string; readonly useOnly: readonly number[] } & Omit<Rights, 'use'>
