/**
 * What the answers of Azure and Azure DevOps tell of this service itself: whether its credential is taken, its rights suffice, and
 * its clock is right. Kept apart from what they tell of pools: it is the same for all of them.
 */
import type { Instant } from '../core/snapshot.ts'
import { parseTimeMs, type ServiceClock } from './clock.ts'
import type { HttpHeaders } from './rate.ts'

export type OutsideTrouble = {
  readonly state: 'credentialRefused' | 'noToken' | 'rightMissing' | 'clockWrong' | 'noAnswer'
  /** With the next step. */
  readonly sentence: string
}

/** What became of one call. `refused`: the token was not taken; `noToken`, `noAnswer`: there was none, for this reason. */
export type Told = {
  /** Name and host of the other side. */
  readonly service: string
  readonly operation: string
  readonly url: string
  readonly outcome:
    | { readonly status: number; readonly headers: HttpHeaders; readonly refused: boolean }
    | { readonly noToken: string }
    | { readonly noAnswer: string }
}

export type Watch = {
  note(told: Told): void
  troubles(): readonly OutsideTrouble[]
  /**
   * Nothing may be changed now: half of the world is not seen, or the clock is wrong that tokens and weekly windows go by. Ends by itself,
   * so that the next pass looks again.
   */
  stops(): boolean
  /** Why no change may be sent, for as long as it is so: a pass that {@link Watch.stops} let look may find nothing due to be read. */
  forbids(): string | undefined
  /** Nothing can be changed from here, although it may be from another computer. */
  isUnwell(): boolean
}

/** Without one of these a pool does not work. The others only tell more, such as the quota. */
const needed = new Set([
  ...['get scale set', 'list machines', 'set capacity', 'delete machines', 'reimage machines', 'claim', 'put extension'],
  ...['list agents', 'list jobs', 'update agent', 'delete agent'],
])
/** Entra and Azure DevOps take tokens with five minutes of tolerance. */
const skewMsMax = 5 * 60_000
/** After a credential that was not taken, on the service's own line: without the right to change anything no pass reads. */
const stopMs = 10_000
/** The time that an answer told counts for so long, for the same reason. */
const timeMs = 60_000
/** No call had an answer for so long: no blip. */
const noAnswerMs = 30_000
/** A refusal that is not repeated is forgotten: its pool may be gone. */
const keepMs = 60 * 60_000

export function createWatch(clock: ServiceClock): Watch {
  const credentials = new Map<string, OutsideTrouble & { readonly at: Instant }>()
  const rights = new Map<string, { readonly sentence: string; readonly atMs: number }>()
  const silences = createSilences(clock)
  const comparison = createComparison(clock)

  const keepOut = (service: string, state: 'noToken' | 'credentialRefused', sentence: string): void =>
    void credentials.set(service, { state, sentence, at: clock.now() })

  function noteRight({ service, operation, url }: Told, status: number): void {
    if (!needed.has(operation)) return
    const target = url.replace(/\?.*$|\/agents\/\d+.*$/, '')
    if (status < 300) rights.delete(`${operation} ${target}`)
    if (status !== 403) return
    const sentence = `${service} does not let the service ${operation}: give its identity back what docs/permissions.md lists; scale-set-agents doctor prints the command.`
    rights.set(`${operation} ${target}`, { sentence, atMs: clock.real.nowMs() })
  }

  const clockIsWrong = (keptMs?: number): boolean => Math.abs(comparison.skewMs(keptMs)) > skewMsMax
  const forbids = (): string | undefined =>
    [...credentials.values()][0]?.sentence ?? (clockIsWrong() ? wrongClock(comparison.skewMs()) : undefined)

  return {
    note(told) {
      const { service, outcome, operation } = told
      if ('noToken' in outcome) return keepOut(service, 'noToken', noToken(service, outcome.noToken))
      if ('noAnswer' in outcome) return silences.note(told, outcome.noAnswer)
      silences.end(service)
      comparison.note(outcome.headers)
      if (outcome.refused) keepOut(service, 'credentialRefused', refused(service))
      // Some calls are answered to anybody: only one that the pools need proves the credential.
      else if (needed.has(operation) && outcome.status < 500 && outcome.status !== 429) credentials.delete(service)
      if (!outcome.refused) noteRight(told, outcome.status)
    },
    troubles() {
      const now = clock.real.nowMs()
      for (const [name, { atMs }] of rights) if (now - atMs > keepMs) rights.delete(name)
      const missing = [...new Set([...rights.values()].map(({ sentence }) => sentence))]
      return [
        ...[...credentials.values()].map(({ state, sentence }) => ({ state, sentence })),
        ...missing.map((sentence) => ({ state: 'rightMissing', sentence }) as const),
        ...(clockIsWrong() ? [{ state: 'clockWrong', sentence: wrongClock(comparison.skewMs()) } as const] : []),
        ...silences.troubles(),
      ]
    },
    stops: () => clockIsWrong(timeMs) || [...credentials.values()].some(({ at }) => clock.now() - at < stopMs),
    forbids,
    isUnwell: () => forbids() !== undefined || silences.troubles().length > 0,
  }
}

/** This computer's clock beside the others'. */
function createComparison({ real }: ServiceClock) {
  let theirs: { readonly wallMs: number; readonly atMs: number } | undefined
  return {
    note({ date, age }: HttpHeaders): void {
      // An answer that a proxy kept has the time of its making.
      const theirsMs = typeof date === 'string' && age === undefined ? parseTimeMs(date) : NaN
      if (Number.isFinite(theirsMs)) theirs = { wallMs: theirsMs, atMs: real.nowMs() }
    },
    /** How far ours is ahead, by a time that was told at most `keptMs` ago. */
    skewMs(keptMs = Infinity): number {
      if (theirs === undefined) return 0
      const sinceMs = real.nowMs() - theirs.atMs
      return sinceMs < keptMs ? real.wallTimeMs() - theirs.wallMs - sinceMs : 0
    },
  }
}

/** Who answers nothing, and for how long. */
function createSilences(clock: ServiceClock) {
  const all = new Map<string, { readonly sentence: string; readonly sinceMs: number; readonly lastMs: number }>()
  return {
    note({ service, operation }: Told, why: string): void {
      // Only these are asked again, so that an answer ends it.
      if (!needed.has(operation)) return
      const lastMs = clock.real.nowMs()
      all.set(service, { sentence: noAnswer(service, why), sinceMs: all.get(service)?.sinceMs ?? lastMs, lastMs })
    },
    end: (service: string) => void all.delete(service),
    troubles: () =>
      [...all.values()]
        .filter(({ sinceMs, lastMs }) => lastMs - sinceMs >= noAnswerMs)
        .map(({ sentence }) => ({ state: 'noAnswer', sentence }) as const),
  }
}

function refused(service: string): string {
  return `${service} does not take the credential of the service: renew it as docs/configuration.md says, and start the service again; nothing is changed there meanwhile.`
}

function noToken(service: string, why: string): string {
  return `${why.replace(/\.?$/, '.')} Check that the identity exists, that its secret, certificate or federation holds, and that Entra is reached; nothing is changed at ${service} meanwhile.`
}

function noAnswer(service: string, why: string): string {
  return `${service} has not answered for ${String(noAnswerMs / 1_000)} s or more: ${why} Look at the way from this computer to there; another replica, if it has answers, does the work meanwhile.`
}

function wrongClock(skewMs: number): string {
  const minutes = Math.round(Math.abs(skewMs) / 60_000)
  return `The clock of this computer is ${String(minutes)} min ${skewMs > 0 ? 'ahead of' : 'behind'} the others': let it follow a time server; nothing is changed until it is right.`
}
