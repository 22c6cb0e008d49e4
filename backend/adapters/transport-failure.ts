/** Why no answer came, and whether the request can have reached the other side. */
import { scrub } from './scrub.ts'

export type Failure = {
  readonly kind: 'failure'
  readonly code: string
  readonly why: string
  /** False: it certainly never left, so nothing was changed. */
  readonly sent: boolean
  /** Another attempt may well succeed. */
  readonly passing: boolean
}

type Call = { readonly service: string; readonly operation: string; readonly stopped: boolean; readonly timeoutMs: number }

const unreachable = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])
const untrusted = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/

/** Words an error of the transport. */
export function failureOf(error: unknown, { service, operation, stopped, timeoutMs }: Call): Failure {
  const code = codeOf(error)
  const call = `${operation} (${service})`
  if (stopped) return failure(code, `The call ${call} was stopped before its answer came.`, true, false)
  if (isTimeout(error)) return failure('timeout', `No answer to ${call} came within ${String(timeoutMs)} ms.`, true, false)
  if (untrusted.test(code))
    return failure(
      'unreachable',
      `The certificate of ${service} is not trusted (${code}). Name the file of its certificate authority in the configuration.`,
      false,
      false,
    )
  if (code === 'ERR_ADDRESS_REFUSED')
    return failure(
      code,
      `${service} resolves to an address of the platform, where no token is sent. Check the address and DNS.`,
      false,
      false,
    )
  if (unreachable.has(code))
    return failure('unreachable', `${service} cannot be reached (${code}). Check the address, the network and the proxy.`, false, true)
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return failure('too-large', `The answer to ${call} is larger than we accept.`, true, false)
  return failure(
    'lost',
    `The answer to ${call} was lost: ${scrub(error instanceof Error ? error.message : String(error))} (${code}).`,
    true,
    true,
  )
}

function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TimeoutError'
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'no code'
}

function failure(code: string, why: string, sent: boolean, passing: boolean): Failure {
  return { kind: 'failure', code, why, sent, passing }
}
