/** Entra's endpoints for services: discovery in both flavours, the token endpoints v1 and v2, and the signing keys. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { judgeRequest } from './grant.ts'
import type { Refusal } from './grant.ts'
import type { AppRegistration } from './registrations.ts'
import type { Tokens } from './tokens.ts'

type TenantRequest = FastifyRequest<{ Params: { tenant: string } }>

/** Adds the routes to `app`, which is a scope of its own: form bodies are parsed here only. */
export function registerEntra(app: FastifyInstance, parts: { readonly tokens: Tokens; readonly apps: readonly AppRegistration[] }): void {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )

  app.get('/common/discovery/instance', (request) => instanceDiscovery(request))
  app.get('/:tenant/v2.0/.well-known/openid-configuration', (request: TenantRequest) =>
    configuration(request, `${request.params.tenant}`, 'v2.0'),
  )
  app.get('/:tenant/.well-known/openid-configuration', (request: TenantRequest) => configuration(request, request.params.tenant, 'v1'))
  // azure-cli appends the tenant "adfs" to an authority that ends with /adfs.
  app.get('/adfs/adfs/.well-known/openid-configuration', (request) => configuration(request, 'adfs', 'v1'))
  for (const path of ['/:tenant/discovery/keys', '/:tenant/discovery/v2.0/keys']) app.get(path, () => ({ keys: parts.tokens.keys }))
  for (const path of ['/:tenant/oauth2/token', '/:tenant/oauth2/v2.0/token'])
    app.post(path, (request: TenantRequest, reply) => answerToken(request, reply, parts))
}

function instanceDiscovery(request: FastifyRequest): object {
  const host = request.host
  return {
    tenant_discovery_endpoint: `https://${host}/common/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  }
}

function configuration(request: FastifyRequest, tenant: string, version: 'v1' | 'v2.0'): object {
  const base = `https://${request.host}/${tenant}`
  const oauth2 = version === 'v2.0' ? `${base}/oauth2/v2.0` : `${base}/oauth2`
  return {
    issuer: version === 'v2.0' ? `${base}/v2.0` : base,
    authorization_endpoint: `${oauth2}/authorize`,
    token_endpoint: `${oauth2}/token`,
    device_authorization_endpoint: `${oauth2}/devicecode`,
    jwks_uri: version === 'v2.0' ? `${base}/discovery/v2.0/keys` : `${base}/discovery/keys`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    grant_types_supported: ['client_credentials'],
    response_types_supported: ['token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function answerToken(
  request: TenantRequest,
  reply: FastifyReply,
  parts: { readonly tokens: Tokens; readonly apps: readonly AppRegistration[] },
): object {
  const ownUrl = `https://${request.host}`
  const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
  const tokenUrl = `${ownUrl}${request.url.split('?', 1)[0] ?? ''}`
  const judged = judgeRequest(form, request.params.tenant, parts.apps, tokenUrl, ownUrl)
  void reply.header('cache-control', 'no-store').header('pragma', 'no-cache').header('x-ms-request-id', randomUUID())
  if ('error' in judged) return reply.code(judged.status).send(refusalBody(judged, form))
  const issued = parts.tokens.issue(judged.app, `${ownUrl}/${judged.app.tenantId}/`, judged.audience)
  const lifetime = { expires_in: issued.lifetimeS, ext_expires_in: issued.lifetimeS }
  if (request.url.includes('/v2.0/')) return { token_type: 'Bearer', ...lifetime, access_token: issued.token }
  // The v1 endpoint writes its numbers as strings and tells the absolute end.
  const expiresOn = Math.floor(Date.now() / 1000) + issued.lifetimeS
  return {
    token_type: 'Bearer',
    expires_in: String(issued.lifetimeS),
    expires_on: String(expiresOn),
    resource: judged.audience,
    access_token: issued.token,
  }
}

function refusalBody(refusal: Refusal, form: URLSearchParams): object {
  const timestamp = new Date()
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
  const [traceId, correlationId] = [randomUUID(), form.get('client-request-id') ?? randomUUID()]
  return {
    error: refusal.error,
    error_description: `AADSTS${refusal.code}: ${refusal.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
  }
}
