/**
 * People sign in with two tokens of the extension: the app token proves our extension, the access token proves the organization and
 * what the person may do there. Both are read once and kept nowhere.
 */
import { jwtVerify } from 'jose'
import type { Organization } from '../loop/pool-parts.ts'
import type { Identity, Told } from '../loop/ports-identity.ts'
import type { Clock } from '../loop/ports.ts'
import { createLimiter, type Limiter } from '../registration/limits.ts'
import type { SessionRequest, SessionView } from './contract-sign-in.ts'
import { createCrowd } from './crowd.ts'
import { ApiProblem, unavailable } from './problems.ts'
import { promisedMs, type Now, type Person, type Rights, type Sessions } from './session.ts'

/** Azure DevOps of the configured organization, asked with a person's own access token. */
export type IdentityPort = Identity & { organization(token: string): Organization }

export type SignInParts = {
  readonly extensionId: string
  /** The one that Azure DevOps signs with, and while that changes the one before it. */
  readonly extensionSecrets: readonly string[]
  /** Origins whose pages may call the service. */
  readonly hubOrigins: readonly string[]
  /** Name of the organization, for people. */
  readonly organization: string
  readonly sessions: Sessions
  readonly identity: IdentityPort
  readonly clock: Pick<Clock, 'now' | 'deadline'>
  readonly now: () => Now
  /** Pools that this service runs. */
  readonly pools: () => Promise<readonly number[]>
}

export type SignIn = Pick<SignInParts, 'hubOrigins' | 'sessions'> & {
  /** @throws ApiProblem 401 for a token that is not accepted, 403 for a person without rights, 429, 503 when Azure DevOps does not answer. */
  signIn(tokens: SessionRequest, address: string): Promise<SessionView>
  /** Azure DevOps with the rights of the person who is signed in. @throws ApiProblem as `signIn`. */
  organizationOf(person: Person, accessToken: string | undefined): Promise<Organization>
}

/** A hub asks once a minute for each page that is open; many people may share one address. */
const perAddress = { times: 600, ms: 60_000 }
const perPerson = { times: 60, ms: 60_000 }
/** People who are asked about at Azure DevOps at the same time, and who wait for that. */
const crowd = { insideMax: 8, waitingMax: 200 }
const outsideMsMax = 20_000
const toleranceS = 60
/** Azure DevOps gives app tokens some 70 minutes. */
const appTokenLifeS = 2 * 60 * 60
const appTokenLengthMax = 4096
const accessTokenLengthMax = 8192

export function createSignIn(parts: SignInParts): SignIn {
  const addresses = createLimiter(parts.clock, perAddress)
  const persons = createLimiter(parts.clock, perPerson)
  const door = createCrowd(crowd)
  const atDoor = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const done = await door.enter(() => work(parts.clock.deadline(outsideMsMax)))
    if (done === undefined) throw tooOften(1000)
    return done
  }
  return {
    hubOrigins: parts.hubOrigins,
    sessions: parts.sessions,
    async signIn({ appToken, accessToken }, address) {
      count(addresses, address)
      const personId = await personOfAppToken(parts, appToken)
      if (personId === undefined) throw notThisExtension()
      count(persons, personId)
      return atDoor((signal) => sessionFor(parts, personId, accessToken, signal))
    },
    async organizationOf(person, accessToken) {
      if (accessToken === undefined) throw needsToken()
      count(persons, person.id)
      await atDoor((signal) => holderOf(parts, person.id, accessToken, signal))
      return parts.identity.organization(accessToken)
    },
  }
}

/** The person whom the app token names; every token that is not all right is `undefined` alike. Source: azure-facts.md 7. */
async function personOfAppToken(parts: SignInParts, token: string): Promise<string | undefined> {
  const { extensionId: audience, extensionSecrets, now } = parts
  if (token.length > appTokenLengthMax) return undefined
  const options = {
    algorithms: ['HS256'],
    issuer: 'app.vstoken.visualstudio.com',
    audience,
    requiredClaims: ['exp', 'nbf', 'nameid'],
    clockTolerance: toleranceS,
    currentDate: now(),
  }
  for (const secret of extensionSecrets) {
    // Azure DevOps signs with the text of the secret, although that looks encoded.
    const verified = await jwtVerify<{ nameid: unknown }>(token, new TextEncoder().encode(secret), options).catch(() => undefined)
    if (verified === undefined) continue
    const { exp = Infinity, nbf = 0, nameid } = verified.payload
    return exp - nbf <= appTokenLifeS && typeof nameid === 'string' && nameid !== '' ? nameid.toLowerCase() : undefined
  }
  return undefined
}

async function sessionFor(parts: SignInParts, personId: string, accessToken: string, signal: AbortSignal): Promise<SessionView> {
  const { identity, organization, sessions } = parts
  const person = await holderOf(parts, personId, accessToken, signal)
  const [manage, use, ours] = await Promise.all([
    identity.pools(accessToken, 'manage', signal),
    identity.pools(accessToken, 'use', signal),
    parts.pools(),
  ])
  const rights = rightsOf(valueOf(manage), valueOf(use), ours)
  const session = await sessions.issue(person, rights)
  const { mayCreate, ...pools } = rights
  return { session, expiresInMs: promisedMs, person, organization, pools, mayCreate }
}

/**
 * Who may manage an agent pool may make one here: then Azure DevOps, asked with that person's token, has the last word. It tells
 * nobody beforehand.
 */
function rightsOf(manage: readonly number[], use: readonly number[], ours: readonly number[]): Rights {
  if (manage.length === 0 && use.length === 0)
    throw new ApiProblem(403, {
      code: 'noAccess',
      message: 'You may use no agent pool of this organization. Ask an administrator of agent pools for the role User or Administrator.',
    })
  const [managed, used] = [new Set(manage), new Set([...use, ...manage])]
  return {
    manage: ours.filter((poolId) => managed.has(poolId)),
    use: ours.filter((poolId) => used.has(poolId)),
    mayCreate: manage.length > 0,
  }
}

/** @throws ApiProblem unless the person with this id holds the token. */
async function holderOf({ identity }: SignInParts, personId: string, accessToken: string, signal: AbortSignal): Promise<Person> {
  if (!isToken(accessToken)) throw notAccepted()
  const { id, name } = valueOf(await identity.person(accessToken, signal))
  if (id.toLowerCase() !== personId.toLowerCase())
    throw new ApiProblem(403, {
      code: 'otherPerson',
      message: 'The two tokens name two people. Reload the page, so that both are of the person who is signed in now.',
    })
  return { id: personId, name: plainName(name) }
}

function valueOf<T>(told: Told<T>): T {
  if (told.kind === 'known') return told.value
  if (told.kind === 'notAccepted') throw notAccepted()
  if (told.kind === 'unknown') throw unavailable('Azure DevOps did not answer who you are and what you may do. Try again in a moment.')
  throw new ApiProblem(403, {
    code: 'noAccess',
    message: 'Azure DevOps does not let you look at the agent pools of this organization. Ask an administrator of agent pools.',
  })
}

/** One header value; anything else never leaves the service. */
function isToken(text: string): boolean {
  return text.length <= accessTokenLengthMax && /^[\x21-\x7e]+$/.test(text)
}

/** A name goes into records and pages: no line ends, no invisible or turning characters, and not endless. Never half a character. */
function plainName(name: string): string {
  const plain = name.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return [...plain].slice(0, 100).join('')
}

function count(limiter: Limiter, name: string): void {
  const waitMs = limiter.waitMs(name)
  if (waitMs > 0) throw tooOften(waitMs)
}

function notThisExtension(): ApiProblem {
  const message =
    'The app token is not one that this service accepts. Reload the page; if that does not help, compare the id and the secret of the extension in the configuration of the service.'
  return new ApiProblem(401, { code: 'appToken', message })
}

function notAccepted(): ApiProblem {
  const message = 'Azure DevOps does not accept the access token for the organization of this service. Reload the page.'
  return new ApiProblem(401, { code: 'accessToken', message })
}

function needsToken(): ApiProblem {
  const message = 'A pool is made with the rights of the person who asks for it. Send the access token in the header x-azure-devops-token.'
  return new ApiProblem(403, { code: 'personToken', message })
}

function tooOften(waitMs: number): ApiProblem {
  const seconds = Math.ceil(waitMs / 1000)
  const message = `There are too many sign-ins now. Try again in ${String(seconds)} s.`
  return new ApiProblem(429, { code: 'tooMany', message }, { retryAfterS: seconds })
}
