/** How a machine becomes an agent: the phases that its bootstrap script goes through, and the named causes of a failure with their fixes. */
import type { Translation } from './azure-errors.ts'

/** In order. `docs/boot.md` has what each does; both scripts use these words. `finished`: a one-job agent ended. */
export const bootPhases = ['prerequisites', 'proof', 'package', 'user', 'configure', 'start', 'online', 'finished'] as const
export type BootPhase = (typeof bootPhases)[number]

/** What went wrong. The scripts name all but the last three, which only the service can see. */
export const bootCauses = [
  'name-resolution',
  'proxy',
  'download-blocked',
  'tls-interception',
  'hash-mismatch',
  'hash-missing',
  'package-lock',
  'disk-full',
  'clock-skew',
  'metadata-unavailable',
  'service-unreachable',
  'claim-refused',
  'credential-refused',
  'pool-permission',
  'agent-version',
  'name-taken',
  'user-is-admin',
  'dependencies-failed',
  'credential-leaked',
  'custom-script-failed',
  'silence',
  'unknown',
] as const
export type BootCause = (typeof bootCauses)[number]

export type { Translation }
