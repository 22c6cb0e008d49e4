/** What a call to the service gives: its answer, or why there is none, with a sentence for the person. */
import type { ApiError } from '../backend/api/contract.ts'

export type Problems = NonNullable<ApiError['problems']>
export type Findings = NonNullable<ApiError['findings']>

export type Failure = {
  /**
   * unreachable: nothing answered; strange: what answered is not the service; session: it does not accept who we are;
   * forbidden: the person has no right; the others as the service says.
   */
  readonly kind: 'unreachable' | 'strange' | 'session' | 'forbidden' | 'notFound' | 'conflict' | 'refused' | 'unavailable' | 'aborted'
  readonly code: string
  /** One sentence with the next step. The service's own, wherever it answered. */
  readonly message: string
  readonly problems: Problems
  readonly findings: Findings
}
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

export function failed<T>(kind: Failure['kind'], message: string, error: Partial<ApiError> = {}): Answer<T> {
  const { code = kind, problems = [], findings = [] } = error
  return { ok: false, failure: { kind, code, message, problems, findings } }
}

/** The words of what was thrown. An error that crossed from the host is a plain object. */
export function thrownText(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}

/** The kind of failure that a status of the service stands for. */
export function kindOf(status: number): Failure['kind'] {
  if (status === 401) return 'session'
  if (status === 403) return 'forbidden'
  if (status === 404 || status === 410) return 'notFound'
  if (status === 409 || status === 412) return 'conflict'
  return status >= 500 || status === 429 ? 'unavailable' : 'refused'
}
