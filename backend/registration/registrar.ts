/** The door for machines: limits first, one generic sentence outward for every refusal, the exact reason in Diagnostics. */
import { randomBytes } from 'node:crypto'
import type { PoolRecord } from '../loop/ports.ts'
import { claim, nonceOf, type ClaimRequest } from './claim.ts'
import { createLimiter, type Limiter } from './limits.ts'
import type { Answer, RegistrationParts, Stop } from './parts.ts'
import { report, type ReportRequest } from './report.ts'

export type Asker = { readonly poolId: number; readonly machine: string }

/** `address`: where the request came from; behind a proxy that is the proxy's. */
export type Registrar = {
  nonce(asker: Asker, address: string): Promise<Answer>
  claim(request: ClaimRequest, address: string): Promise<Answer>
  report(request: ReportRequest, address: string): Promise<Answer>
}

const minuteMs = 60_000
/**
 * In a minute. A script asks for a few nonces and claims and reports some ten phases; a scale set has at most 1,000 machines. A pool
 * has room for more than one address, so that no address can use up a pool.
 */
const limits = {
  claims: { machine: 20, address: 600, pool: 1_200 },
  reports: { machine: 60, address: 3_000, pool: 6_000 },
} as const
/** Entries of Diagnostics: one of a kind for a machine and a few for a pool in ten minutes, whatever a flood sends. */
const entries = { ms: 10 * minuteMs, pool: 20 } as const

/** A claim that only takes time, such as for a list of Azure, is told after so long, and counts anew after the second of these. */
const waits = { toldMs: 3 * minuteMs, ms: 15 * minuteMs } as const

const whyMax = 1_000

const generic: Answer = { status: 403, error: 'This machine was not accepted. The reason is in Diagnostics of the pool.' }

export function createRegistrar(parts: RegistrationParts): Registrar {
  const claims = createLimits(parts, limits.claims)
  const reports = createLimits(parts, limits.reports)
  const operator = createTeller(parts)

  async function judged(record: PoolRecord, request: ClaimRequest): Promise<Answer> {
    const outcome = await claim(parts, record, request)
    if ('stop' in outcome) {
      await operator.tell(record, request.machine, outcome)
      return outward(outcome)
    }
    operator.waitsNoMore(record, request.machine)
    const { life, isFirst, lines } = outcome
    const { machine, generation } = life
    parts.log.info({ pool: record.poolId, machine, generation, isFirst }, 'A machine proved itself and received its credential.')
    return { status: 200, lines }
  }

  return {
    async nonce(asker, address) {
      const tooMany = claims(asker, address)
      if (tooMany !== undefined) return tooMany
      if ((await parts.pool(asker.poolId)) === undefined) return generic
      const nonce = randomBytes(16).toString('hex')
      await parts.registrations.addNonce(nonceOf({ ...asker, nonce }))
      return { status: 200, lines: { nonce } }
    },
    async claim(request, address) {
      const tooMany = claims(request, address)
      if (tooMany !== undefined) return tooMany
      const record = await parts.pool(request.poolId)
      return record === undefined ? generic : judged(record, request)
    },
    async report(request, address) {
      return reports(request, address) ?? report(parts, request)
    },
  }
}

/** The caller's address is judged first, and names count by address: a flood from one place uses up nothing but its own. */
function createLimits(
  { clock }: RegistrationParts,
  times: { readonly machine: number; readonly pool: number; readonly address: number },
): (asker: Asker, address: string) => Answer | undefined {
  const limiter = (most: number): Limiter => createLimiter(clock, { times: most, ms: minuteMs })
  const [addresses, machines, pools] = [limiter(times.address), limiter(times.machine), limiter(times.pool)]
  return ({ poolId, machine }, address) => {
    const waitMs =
      addresses.waitMs(address) || machines.waitMs(`${address} ${poolId}/${machine.toLowerCase()}`) || pools.waitMs(String(poolId))
    return waitMs === 0 ? undefined : { status: 429, error: 'Too many requests. Ask again later.', retryAfterMs: waitMs }
  }
}

function outward(stop: Stop): Answer {
  if (stop.stop === 'refused') return generic
  return { status: 503, error: 'The machine cannot be accepted yet. Ask again later.', retryAfterMs: stop.retryAfterMs }
}

type Teller = {
  tell(record: PoolRecord, machine: string, stop: Stop): Promise<void>
  waitsNoMore(record: PoolRecord, machine: string): void
}

/**
 * What was refused, and what an operator has to mend, is an entry of Diagnostics; so is what only takes time once it took minutes. Until
 * then that is a line of the log.
 */
function createTeller({ clock, log, tell }: RegistrationParts): Teller {
  const ofKind = createLimiter(clock, { times: 1, ms: entries.ms })
  const ofPool = createLimiter(clock, { times: entries.pool, ms: entries.ms })
  const begun = createLimiter(clock, { times: 1, ms: waits.ms })
  const waitedMs = (name: string): number => (waits.ms - begun.waitMs(name)) % waits.ms
  return {
    async tell({ poolId }, machine, stop) {
      const what = stop.stop === 'refused' ? 'asked for a credential and was refused' : 'waits for its credential'
      log.info({ pool: poolId, machine, why: stop.why }, `A machine ${what}.`)
      const isSlow = stop.stop === 'later' && !stop.ours
      if (isSlow && waitedMs(`${poolId}/${machine}`) < waits.toldMs) return
      if (ofKind.waitMs(`${poolId}/${machine}/${isSlow ? '' : stop.why}`) > 0 || ofPool.waitMs(String(poolId)) > 0) return
      const why = stop.why.slice(0, whyMax).replace(/\.$/, '')
      const next = isSlow ? ' It took minutes by now: if it does not end, run scale-set-agents doctor.' : ''
      const message = `Machine ${machine} ${what}: ${why}.${next}`
      const level = stop.stop === 'later' && stop.ours ? 'error' : 'warning'
      const times = { at: clock.now(), wallTimeMs: clock.wallTimeMs() }
      await tell(poolId, { level, operation: 'configurationJob', message, machine, ...times })
    },
    waitsNoMore: ({ poolId }, machine) => begun.forget(`${poolId}/${machine}`),
  }
}
