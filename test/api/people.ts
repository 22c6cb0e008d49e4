/** People of the extension: their tokens, and an Azure DevOps that knows them. */
import { SignJWT } from 'jose'
import { createSessions } from '../../backend/api/session.ts'
import { createSignIn, type IdentityPort } from '../../backend/api/sign-in.ts'
import type { App } from '../../backend/api/parts.ts'
import { apiOf, organizationOf, world, type World } from './fixture.ts'

export const extensionId = 'aaaaaaaa-1111-2222-3333-444444444444'
export const secret = 'the-first-part.of-a-secret.that-looks-like-a-token'
export const previousSecret = 'the-first-part.of-the-secret.that-was-there-before'
export const origin = 'https://contoso.gallerycdn.vsassets.io'
export const organizationUrl = 'https://dev.azure.com/fabrikam'
export const sessionKey = new TextEncoder().encode('a key of the sessions with 32 bytes or more')

export type Somebody = { readonly id: string; readonly name: string; readonly manage: readonly number[]; readonly use: readonly number[] }
export const manager: Somebody = { id: '00000000-0000-4000-8000-00000000000a', name: 'Ada Brandt', manage: [7, 90], use: [7, 90] }
export const user: Somebody = { id: '00000000-0000-4000-8000-00000000000b', name: 'Ben Okoro', manage: [], use: [7] }
export const nobody: Somebody = { id: '00000000-0000-4000-8000-00000000000c', name: 'Olga Lind', manage: [], use: [] }
const people = [manager, user, nobody]

/** Of the fake Azure DevOps: whoever has it is that person. */
export const accessTokenOf = ({ id }: Somebody): string => `access-token-of.${id}.x`

export type TokenWish = {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly alg?: string
  readonly key?: string
}
/** An app token of Azure DevOps, all right unless something else is wished. `undefined` leaves a claim out. */
export function appTokenOf({ id }: Somebody, { claims, alg = 'HS256', key = secret }: TokenWish = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const usual = { nameid: id, tid: 't', jti: 'j', iss: 'app.vstoken.visualstudio.com', aud: extensionId, nbf: now, exp: now + 4200 }
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key))
}

export type Directory = IdentityPort & { readonly seen: string[]; answer: (() => Promise<never>) | undefined; isDown: boolean }

export function directoryOf(state: World): Directory {
  const holder = (token: string) => people.find((each) => accessTokenOf(each) === token)
  const directory: Directory = {
    seen: [],
    answer: undefined,
    isDown: false,
    async person(token) {
      directory.seen.push('person')
      if (directory.answer !== undefined) return directory.answer()
      if (directory.isDown) return { kind: 'unknown', why: 'Azure DevOps did not answer.' }
      const found = holder(token)
      return found === undefined ? { kind: 'notAccepted' } : { kind: 'known', value: found }
    },
    async pools(token, action) {
      directory.seen.push(action)
      return { kind: 'known', value: holder(token)?.[action] ?? [] }
    },
    organization: (token) => organizationOf(state, holder(token)?.name, holder(token)?.manage ?? []),
  }
  return directory
}

/** How far the real clock is ahead, in ms. */
export const time = { aheadMs: 0 }
const now = () => new Date(Date.now() + time.aheadMs)
afterEach(() => (time.aheadMs = 0))

export const sessionsOf = (organization = organizationUrl, key = sessionKey) => createSessions({ key, organization, now })

/** The API with sign-in, and what is behind it. Pool 8 is the service's too, and none of the people's. */
export async function signInApi<D extends IdentityPort = Directory>(
  state = world(),
  directory = directoryOf(state) as unknown as D,
  extension = { id: extensionId, secrets: [secret, previousSecret] },
) {
  state.records.set(8, { ...state.records.get(7)!, poolId: 8, name: 'secret-pool' })
  state.signIn = createSignIn({
    extensionId: extension.id,
    extensionSecrets: extension.secrets,
    hubOrigins: [origin],
    organization: 'fabrikam',
    sessions: sessionsOf(),
    identity: directory,
    clock: { now: () => Date.now(), deadline: () => new AbortController().signal },
    now,
    pools: async () => [...state.records.keys()],
  })
  return { state, directory, app: await apiOf(state) }
}

export async function signIn(app: App, person: Somebody, tokens: { readonly appToken?: string; readonly accessToken?: string } = {}) {
  const payload = { appToken: await appTokenOf(person), accessToken: accessTokenOf(person), ...tokens }
  return app.inject({ method: 'POST', url: '/api/v1/session', payload })
}

export async function sessionOf(app: App, person: Somebody) {
  return { authorization: `Bearer ${(await signIn(app, person)).json().session}` }
}
