/** Who is asking for a token and for what: the client credentials grant of Entra (RFC 6749 section 4.4, RFC 7523). */
import { createPublicKey, timingSafeEqual } from 'node:crypto'
import { decodeToken, isSignedBy } from './jwt.ts'
import type { DecodedToken } from './jwt.ts'
import { azureDevOpsAudience, resourceManagerAudiences } from './registrations.ts'
import type { AppRegistration } from './registrations.ts'
import { withoutSlash } from './tokens.ts'

export type Refusal = { readonly status: 400 | 401; readonly error: string; readonly code: number; readonly message: string }
export type Grant = { readonly app: AppRegistration; readonly audience: string }

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const federationAudience = 'api://AzureADTokenExchange'

/** Judges a token request. `tokenUrl` is the address it was sent to, `ownUrl` the sandbox's, both without a trailing slash. */
export function judgeRequest(
  form: URLSearchParams,
  tenant: string,
  apps: readonly AppRegistration[],
  tokenUrl: string,
  ownUrl: string,
): Grant | Refusal {
  // With AD FS the authority names no tenant.
  const inTenant = apps.filter((app) => tenant === 'adfs' || app.tenantId.toLowerCase() === tenant.toLowerCase())
  if (inTenant.length === 0) return refuse(400, 'invalid_request', 90002, `Tenant '${tenant}' was not found.`)
  if (form.get('grant_type') !== 'client_credentials')
    return refuse(
      400,
      'unsupported_grant_type',
      70003,
      `The grant type '${form.get('grant_type') ?? ''}' is not supported; send client_credentials.`,
    )
  const clientId = form.get('client_id') ?? ''
  const app = inTenant.find((candidate) => candidate.clientId.toLowerCase() === clientId.toLowerCase())
  if (app === undefined)
    return refuse(400, 'unauthorized_client', 700016, `Application '${clientId}' was not found in the directory '${tenant}'.`)
  const unproven = form.has('client_assertion') ? judgeAssertion(app, form, tokenUrl) : judgeSecret(app, form.get('client_secret'))
  if (unproven !== undefined) return unproven
  return judgeScope(app, form, ownUrl)
}

function judgeSecret(app: AppRegistration, secret: string | null): Refusal | undefined {
  if (secret === null) return refuse(401, 'invalid_client', 7000218, "The request has neither 'client_assertion' nor 'client_secret'.")
  if (app.secret !== undefined && isSameText(secret, app.secret)) return undefined
  return refuse(401, 'invalid_client', 7000215, `The client secret given for application '${app.clientId}' is wrong.`)
}

type Expected = { readonly issuer: string; readonly subject: string; readonly audience: string; readonly publicKeyPem: string }

function judgeAssertion(app: AppRegistration, form: URLSearchParams, tokenUrl: string): Refusal | undefined {
  if (form.get('client_assertion_type') !== assertionType)
    return refuse(401, 'invalid_client', 7000218, `client_assertion_type has to be ${assertionType}.`)
  const assertion = decodeToken(form.get('client_assertion') ?? '')
  if (assertion === undefined) return refuse(401, 'invalid_client', 50027, 'The client assertion is not a JSON Web Token.')
  const { iss, sub, aud } = assertion.claims
  const expected = expectedOf(app, tokenUrl).find((credential) => credential.issuer === iss)
  if (expected === undefined)
    return refuse(401, 'invalid_client', 700211, `No credential of the application matches the assertion's issuer '${String(iss)}'.`)
  if (sub !== expected.subject)
    return refuse(401, 'invalid_client', 700213, `No credential of the application matches the assertion's subject '${String(sub)}'.`)
  if (aud !== expected.audience)
    return refuse(401, 'invalid_client', 700212, `The assertion's audience '${String(aud)}' is not '${expected.audience}'.`)
  if (!isNow(assertion)) return refuse(401, 'invalid_client', 700024, 'The client assertion is not within its valid time range.')
  if (isSignedBy(assertion, createPublicKey(expected.publicKeyPem))) return undefined
  return refuse(401, 'invalid_client', 700027, "The client assertion's signature does not verify.")
}

/** The assertions an application may send: signed by itself, or by the issuer it trusts. */
function expectedOf(app: AppRegistration, tokenUrl: string): readonly Expected[] {
  const { clientId, certificatePem, federated } = app
  const own =
    certificatePem === undefined ? [] : [{ issuer: clientId, subject: clientId, audience: tokenUrl, publicKeyPem: certificatePem }]
  return federated === undefined ? own : [...own, { ...federated, audience: federationAudience }]
}

function judgeScope(app: AppRegistration, form: URLSearchParams, ownUrl: string): Grant | Refusal {
  const scope = form.get('scope')
  const resource = form.get('resource') ?? scope?.replace(/\/\.default$/, '')
  if (!resource) return refuse(400, 'invalid_request', 900144, "The request body has to contain the parameter 'scope'.")
  if (scope !== null && !scope.endsWith('/.default'))
    return refuse(
      400,
      'invalid_scope',
      1002012,
      `The scope '${scope}' is not valid for client credentials: it has to end with '/.default'.`,
    )
  const known = [...resourceManagerAudiences, azureDevOpsAudience, ownUrl]
  if (known.includes(withoutSlash(resource))) return { app, audience: resource }
  return refuse(400, 'invalid_resource', 500011, `The resource principal named '${resource}' was not found in the tenant.`)
}

function isNow(assertion: DecodedToken): boolean {
  const nowS = Date.now() / 1000
  const { exp, nbf } = assertion.claims
  return typeof exp === 'number' && exp > nowS && (typeof nbf !== 'number' || nbf <= nowS + 300)
}

function isSameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function refuse(status: 400 | 401, error: string, code: number, message: string): Refusal {
  return { status, error, code, message }
}
