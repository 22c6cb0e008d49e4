/** Azure DevOps asked with a person's own access token. */

/** An answer, that the token is not taken, that the person may not ask, or nothing complete. */
export type Told<T> =
  | { readonly kind: 'known'; readonly value: T }
  | { readonly kind: 'notAccepted' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'unknown'; readonly why: string }

/** Nothing is kept of a token; it is one header value. */
export interface Identity {
  /** Who holds the token. */
  person(token: string, signal: AbortSignal): Promise<Told<{ readonly id: string; readonly name: string }>>
  /** Ids of all agent pools of the organization that the holder may use or manage. */
  pools(token: string, action: 'use' | 'manage', signal: AbortSignal): Promise<Told<readonly number[]>>
}
