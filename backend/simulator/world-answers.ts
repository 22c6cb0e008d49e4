/** Answers, and the fault switches every call passes on its way in and out. */
import type { Answer, Json } from './facts.ts'
import type { Faults } from './world-faults.ts'

export type Refusal = Extract<Answer<never>, { readonly ok: false }>
type Extra = { readonly retryAfterS?: number; readonly details?: Json }

const lost: Refusal = { ok: false, lost: true }

export function ok<T>(value: T): Answer<T> {
  return { ok: true, value }
}

export function refuse(status: number, code: string, message: string, extra: Extra = {}): Refusal {
  return { ok: false, status, code, message, ...extra }
}

/** azure-facts 5: the code of a throttled call is the code of a quota refusal; only the status tells them apart. */
export function tooManyRequests(operationGroup: string, retryAfterS: number | undefined): Refusal {
  const message = JSON.stringify({ operationGroup, allowedRequestCount: 0, measuredRequestCount: 1 })
  return refuse(429, 'OperationNotAllowed', `Too many requests of the group ${operationGroup} have been received.`, {
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    details: [{ code: 'TooManyRequests', target: operationGroup, message }],
  })
}

/** A call to Azure: may be refused or lost before it is applied, or lost after. */
export function throughAzure<T>(faults: Faults, onScaleSet: boolean, apply: () => Answer<T>): Answer<T> {
  if (faults.settings().size === 0) return apply()
  const refusal = azureRefusal(faults, onScaleSet)
  if (refusal) return refusal
  const answer = apply()
  return faults.strikes('azure-lost-after') ? lost : answer
}

/** A call to Azure DevOps: may be refused or lost before it is applied, or lost after. */
export function throughDevOps<T>(faults: Faults, apply: () => Answer<T>): Answer<T> {
  if (faults.settings().size === 0) return apply()
  const refusal = devopsRefusal(faults)
  if (refusal) return refusal
  const answer = apply()
  return faults.strikes('devops-lost-after') ? lost : answer
}

function azureRefusal(faults: Faults, onScaleSet: boolean): Refusal | undefined {
  if (faults.strikes('azure-lost-before')) return lost
  if (faults.strikes('token-expired')) return refuse(401, 'ExpiredAuthenticationToken', 'The access token expiry time has passed.')
  if (faults.strikes('role-removed'))
    return refuse(403, 'AuthorizationFailed', 'The client does not have authorization to perform this action over this scope.')
  if (faults.strikes('throttled')) return tooManyRequests('HighCostGet3Min', 5 + faults.chance('throttled').below(56))
  if (faults.strikes('throttled-without-retry-after')) return tooManyRequests('HighCostGet30Min', undefined)
  if (faults.strikes('azure-5xx')) return azureServerError(faults.chance('azure-5xx').below(4))
  if (onScaleSet && faults.strikes('scale-set-gone')) return scaleSetNotFound('named')
  return undefined
}

function azureServerError(which: number): Refusal {
  if (which === 0) return refuse(500, 'InternalExecutionError', 'An internal execution error occurred.')
  if (which === 1) return refuse(502, 'BadGateway', 'The gateway did not receive a response.')
  if (which === 2) return refuse(503, 'ServiceUnavailable', 'The service is temporarily unavailable.')
  return refuse(504, 'GatewayTimeout', 'The gateway did not receive a response in time.')
}

export function scaleSetNotFound(name: string): Refusal {
  return refuse(404, 'ResourceNotFound', `The scale set ${name} was not found.`)
}

function devopsRefusal(faults: Faults): Refusal | undefined {
  if (faults.strikes('devops-lost-before')) return lost
  if (faults.strikes('sign-in-page'))
    return refuse(203, 'SignInPage', '<html><head><title>Azure DevOps Services | Sign In</title></head></html>')
  if (faults.strikes('devops-throttled')) {
    const retryAfterS = 5 + faults.chance('devops-throttled').below(56)
    return refuse(429, 'TF400733', 'TF400733: The request has been canceled: the limit of this identity is exceeded.', { retryAfterS })
  }
  if (faults.strikes('devops-5xx')) return refuse(503, 'ServiceUnavailableException', 'The service is unavailable.')
  return undefined
}
