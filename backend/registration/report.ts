/** What a machine tells of a phase of its boot. The key of its claim says which life it is. */
import { classify, type BootPhase } from '../core/boot.ts'
import type { BootReport } from '../loop/ports-boot.ts'
import { hashOf } from './claim.ts'
import type { Answer, RegistrationParts } from './parts.ts'

export type ReportRequest = {
  readonly poolId: number
  readonly machine: string
  readonly key: string
  readonly phase: BootPhase
  readonly result: 'ok' | 'failed'
  readonly durationMs: number
  readonly detail: string
}

export const detailBytesMax = 4_096

/** Stores the report; a failed phase gets its named cause. 401 for a key that claimed nothing. */
export async function report(parts: RegistrationParts, request: ReportRequest): Promise<Answer> {
  const { poolId, phase, result, durationMs } = request
  const life = await parts.registrations.lifeOf(poolId, request.machine, hashOf(request.key))
  if (life === undefined) return { status: 401, error: 'This key belongs to no claim of this machine. Claim first, then report.' }
  const detail = parts.scrub(plain(request.detail))
  const stored: BootReport = {
    ...life,
    phase,
    result,
    durationMs,
    detail,
    ...(result === 'failed' && { cause: classify({ phase, detail }) }),
    at: parts.clock.now(),
    wallTimeMs: parts.clock.wallTimeMs(),
  }
  await parts.boots.add(stored)
  parts.metrics.bootPhase(poolId, phase, result, durationMs)
  // An agent to see, a machine to recycle, a failure to judge: the pool looks at once.
  if (result === 'failed' || phase === 'online' || phase === 'finished') parts.nudge(poolId)
  return { status: 204 }
}

/** Text that terminals and pages take as text, within its limit. */
function plain(detail: string): string {
  // eslint's rule on control characters is for mistakes; here they are what is looked for.
  const text = detail.replace(/[^\P{Cc}\n\t]/gu, '')
  const bytes = Buffer.from(text, 'utf8')
  return bytes.length <= detailBytesMax
    ? text
    : bytes
        .subarray(0, detailBytesMax)
        .toString('utf8')
        .replace(/\uFFFD+$/, '')
}
