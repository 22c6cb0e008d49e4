/** Why a proof of identity was not accepted. */

export const refusalReasons = [
  'too-large',
  'not-base64',
  'not-der',
  'not-signed-data',
  'signer-count',
  'algorithm',
  'no-content',
  'too-many-certificates',
  'certificate-unreadable',
  'signer-certificate',
  'weak-key',
  'digest',
  'signature',
  'signer-name',
  'certificate-time',
  'certificate-extension',
  'issuer-not-ca',
  'path-length',
  'chain-signature',
  'chain-too-long',
  'unknown-root',
  'content',
  'not-yet-valid',
  'expired',
  'unreadable',
] as const
export type RefusalReason = (typeof refusalReasons)[number]

/** `detail` is one sentence with the next step, for Diagnostics; the machine is never told. */
export type Refusal = { readonly reason: RefusalReason; readonly detail: string }

/** Thrown by the steps of the verification, and caught by `verifyDocument` only. */
export class Refused extends Error {
  readonly reason: RefusalReason

  constructor({ reason, detail }: Refusal) {
    super(detail)
    this.reason = reason
  }
}

export function refuse(reason: RefusalReason, detail: string): never {
  throw new Refused({ reason, detail })
}
