/** Who may do what: the bearer token and the role are judged on every call. */
import type { FastifyRequest } from 'fastify'
import { resourceManagerAudiences } from '../entra/registrations.ts'
import type { AppRegistration } from '../entra/registrations.ts'
import { objectIdOf } from '../entra/tokens.ts'
import type { TokenCheck, Tokens } from '../entra/tokens.ts'
import { refuse } from './refusals.ts'

const complaints = {
  missing: ['AuthenticationFailed', "Authentication failed: the 'Authorization' header is missing."],
  invalid: ['InvalidAuthenticationToken', 'The access token is invalid.'],
  expired: ['ExpiredAuthenticationToken', 'The access token has expired.'],
  'wrong-audience': ['InvalidAuthenticationTokenAudience', 'The access token was issued for another audience.'],
} as const satisfies Record<Exclude<TokenCheck['outcome'], 'ok'>, readonly [string, string]>

/** The application that calls. Refuses with 401 without a valid token. */
export function callerOf(request: FastifyRequest, tokens: Tokens): AppRegistration {
  const check = tokens.check(request.headers.authorization, [...resourceManagerAudiences, `https://${request.host}`])
  if (check.outcome === 'ok') return check.app
  const [code, message] = complaints[check.outcome]
  return refuse(401, code, message)
}

/** Refuses with 403 what the caller's role does not include. Listing subscriptions is open to everybody. */
export function checkRole(caller: AppRegistration, method: string, path: string): void {
  if (caller.role === 'contributor' || !path.toLowerCase().startsWith('/subscriptions/')) return
  const { action, scope } = actionOf(method, path)
  if (caller.role === 'reader' && action.endsWith('/read')) return
  const message =
    `The client '${caller.clientId}' with object id '${objectIdOf(caller)}' does not have authorization to perform action ` +
    `'${action}' over scope '${scope}' or the scope is invalid.`
  refuse(403, 'AuthorizationFailed', message)
}

/** What each role permits, as the permissions API tells it. */
export function permissionsOf(
  role: AppRegistration['role'],
): readonly { readonly actions: readonly string[]; readonly notActions: readonly string[] }[] {
  if (role === 'none') return []
  if (role === 'reader') return [{ actions: ['*/read'], notActions: [] }]
  return [{ actions: ['*'], notActions: ['Microsoft.Authorization/*/Delete', 'Microsoft.Authorization/*/Write'] }]
}

/** The action as roles name it (`Microsoft.Compute/virtualMachineScaleSets/delete/action`) and the resource it is about. */
export function actionOf(method: string, path: string): { readonly action: string; readonly scope: string } {
  const segments = path.split('/').filter((segment) => segment !== '')
  const provider = segments.findLastIndex((segment) => segment.toLowerCase() === 'providers')
  const namespace = provider < 0 ? 'Microsoft.Resources' : (segments[provider + 1] ?? 'Microsoft.Resources')
  const typed = provider < 0 ? segments : segments.slice(provider + 2)
  const command = method === 'POST' && typed.length % 2 === 1 ? typed.at(-1) : undefined
  const types = typed.filter((_segment, index) => index % 2 === 0 && (command === undefined || index < typed.length - 1))
  const verb = { GET: 'read', HEAD: 'read', PUT: 'write', PATCH: 'write', DELETE: 'delete' }[method] ?? 'action'
  const action = [namespace, ...types, ...(command === undefined ? [] : [command]), verb].join('/')
  return { action, scope: `/${(command === undefined ? segments : segments.slice(0, -1)).join('/')}` }
}
