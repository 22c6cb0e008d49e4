import type { BootTrouble } from '../../backend/core/snapshot.ts'
import {
  afterGrowth,
  failedBoot,
  lateStart,
  phaseTimes,
  readReports,
  reportsByAzure,
  rememberPhases,
  rememberRead,
  troubleAfterBoots,
  tryAgain,
  withReports,
} from '../../backend/loop/boots.ts'
import type { FailedStart } from '../../backend/loop/boots.ts'
import { emptyMemory } from '../../backend/loop/pool-memory.ts'
import { hour, minute, now, someSettings } from '../support/build.ts'
import { aMemory, anOutside, aRecord, aReport, aState } from '../support/loop.ts'

describe('reports of a machine', () => {
  test('of its present life tell how far it is, and how long each phase took', () => {
    const { memory, phases } = withReports(aMemory(1), [
      aReport(1, { phase: 'prerequisites', durationMs: 20 }),
      aReport(1, { phase: 'proof', durationMs: 30, at: now + 1 }),
    ])
    expect(memory.boot).toEqual({ phase: 'proof', at: now + 1 })
    expect(phases).toEqual([
      { phase: 'prerequisites', ms: 20 },
      { phase: 'proof', ms: 30 },
    ])
  })

  test.each([
    ['of another machine under its id', { createdAt: 'c0' }],
    ['of a life before', { generation: 0 }],
    ['that was taken already', { at: now - 1 }],
  ])('%s tell nothing', (_what, over) => {
    const memory = aMemory(1, { boot: { phase: 'user', at: now - 1 } })
    expect(withReports(memory, [aReport(1, over)])).toEqual({ memory, phases: [] })
  })

  test('a failed phase stands until a later report, and a job that ended for the whole life', () => {
    const failed = aReport(1, { phase: 'package', result: 'failed', cause: 'disk-full' })
    expect(withReports(aMemory(1), [failed])).toMatchObject({ memory: { boot: { failed: 'disk-full' } }, phases: [] })
    expect(withReports(aMemory(1), [failed, aReport(1, { phase: 'package', at: now + 1 })]).memory.boot).not.toHaveProperty('failed')
    const ended = [aReport(1, { phase: 'finished' }), aReport(1, { phase: 'start', result: 'failed', at: now + 1 })]
    expect(withReports(aMemory(1), ended).memory.boot).toEqual({ phase: 'start', at: now + 1, finished: true, failed: 'unknown' })
  })

  test('are read from where the last look ended; those of a machine not listed yet wait five minutes', async () => {
    const asked: number[] = []
    const boots = {
      add: async () => {},
      of: async () => [],
      since: async (_pool: number, since: number) => (asked.push(since), [aReport(2)]),
    }
    const look = async (stage: string, tearDownAfterUse = false, reports = [aReport(1), aReport(1, { at: now - 6 * minute })]) => {
      const state = aState(anOutside(), { pool: { reportsReadTo: 5 }, machines: [aMemory(1, { stage })] })
      state.reports = reports
      return (await readReports(boots, state, aRecord({ settings: someSettings({ tearDownAfterUse }) }), now)).map(({ machine }) => machine)
    }
    expect(await look('starting')).toEqual(['m1', 'm2'])
    expect(await look('busy', true)).toEqual(['m1', 'm2'])
    expect(asked).toEqual([5, 5])
    // A quiet pool is not asked about.
    expect([await look('busy'), await look('idle', true), asked.length]).toEqual([['m1'], ['m1'], 2])
  })

  test('are taken once', () => {
    expect(rememberRead(emptyMemory, [])).toBe(emptyMemory)
    const read = rememberRead(emptyMemory, [aReport(1)])
    expect(read.reportsReadTo).toBe(now)
    expect(rememberRead(read, [aReport(1, { at: now - 1 })])).toBe(read)
  })
})

describe('what only Azure tells of a failed start', () => {
  const unheard = { machineId: '1', createdAt: 'c1', generation: 2 }
  const failed = { machine: 'm1', bornAt: 0, phase: 'proof', cause: 'proxy' } as const
  const times = { at: now, wallTimeMs: 5 }

  test('is a report of the phase, with the last line of the script', () => {
    const line = 'enableagent failed in proof [proxy]: The proxy asks for other credentials.'
    expect(reportsByAzure(7, [{ ...failed, unheard, raw: `Script returned an error. ${line}` }], times)).toEqual([
      {
        ...{ poolId: 7, machine: 'm1', phase: 'proof', result: 'failed', durationMs: 0, detail: line, cause: 'proxy' },
        ...unheard,
        ...times,
      },
    ])
  })

  test('is none when the machine told it itself, or no phase is named', () => {
    const { phase: _none, ...unnamed } = failed
    expect(reportsByAzure(7, [failed, { ...unnamed, unheard }], times)).toEqual([])
  })

  test('keeps to the 4 KB of a report', () => {
    const [report] = reportsByAzure(7, [{ ...failed, unheard, raw: 'ü'.repeat(9_000) }], times)
    expect(Buffer.byteLength(report?.detail ?? '')).toBeLessThanOrEqual(4_096)
  })
})

describe('a failed boot', () => {
  const azure = (code: string, message: string, ours: boolean) => ({ failure: { code, message, ours } })
  const reported = aMemory(1, { boot: { phase: 'package', at: now, failed: 'hash-mismatch' } })
  test.each([
    ['by its report', reported, {}, { phase: 'package', cause: 'hash-mismatch' }],
    [
      'by its report before what Azure says',
      reported,
      azure('VMExtensionProvisioningError', 'no', true),
      { phase: 'package', cause: 'hash-mismatch' },
    ],
    [
      'by what Azure says of our extension',
      aMemory(1),
      azure('Any', 'enableagent failed in user [disk-full]: x', true),
      { phase: 'user', cause: 'disk-full' },
    ],
    [
      'by a Custom Script',
      aMemory(1),
      azure('VMExtensionProvisioningError', 'CustomScript failed', false),
      { cause: 'custom-script-failed' },
    ],
    ['not by a failed creation', aMemory(1), azure('AllocationFailed', 'Connection refused', false), undefined],
    ['not while it goes on', aMemory(1), {}, undefined],
  ])('%s', (_what, memory, listed, expected) => expect(failedBoot(memory, listed)).toEqual(expected))

  test('one that is late was silent, or stopped on its way', () => {
    expect(lateStart(aMemory(1), true)).toEqual({ cause: 'silence' })
    expect(lateStart(aMemory(1), false)).toEqual({ cause: 'unknown' })
    expect(lateStart(aMemory(1, { boot: { phase: 'start', at: now } }), true)).toEqual({ phase: 'start', cause: 'unknown' })
  })
})

describe('machines that fail one after the other', () => {
  const failed = (over: Partial<FailedStart> = {}): FailedStart => ({ cause: 'proxy', machine: 'm1', bornAt: now - minute, ...over })
  const after = (before: BootTrouble | undefined, failures: readonly FailedStart[], at = now) =>
    troubleAfterBoots(before, failures, false, at)
  const three = after(undefined, [failed(), failed(), failed({ phase: 'package' })])!

  test('for the same cause pause growth at the third', () => {
    expect(after(undefined, [failed(), failed()])).toEqual({ cause: 'proxy', times: 2, lastAt: now })
    expect(three).toEqual({
      cause: 'proxy',
      phase: 'package',
      times: 3,
      lastAt: now,
      paused: { since: now, tries: 0, tryAt: now + 5 * minute },
    })
  })

  test('for another cause count anew, but do not end the pause', () => {
    expect(after(undefined, [failed(), failed(), failed({ cause: 'disk-full' })])).toEqual({ cause: 'disk-full', times: 1, lastAt: now })
    expect(after(three, [failed({ cause: 'disk-full' })])).toMatchObject({ cause: 'disk-full', times: 4, paused: three.paused })
  })

  test('are tried at growing intervals, an hour at most; those on their way before the pause are no tries', () => {
    const waits = [1, 2, 3, 4, 5].reduce<{ trouble: BootTrouble; waits: readonly number[] }>(
      ({ trouble, waits: before }) => {
        const next = after(trouble, [failed({ bornAt: now })])!
        return { trouble: next, waits: [...before, (next.paused!.tryAt - now) / minute] }
      },
      { trouble: after(three, [failed({ bornAt: now - 1 })])!, waits: [] },
    )
    expect(waits.waits).toEqual([10, 20, 40, 60, 60])
    expect(waits.trouble.times).toBe(9)
  })

  test('are forgotten when one comes online', () => expect(troubleAfterBoots(three, [failed()], true, now)).toBeUndefined())

  test('are tried at once when a person asks, and not again soon after growth', () => {
    const memory = { ...emptyMemory, bootTrouble: three }
    expect(tryAgain(memory, now).bootTrouble?.paused).toEqual({ ...three.paused, tryAt: now })
    expect(afterGrowth(memory, now + hour).bootTrouble?.paused?.tryAt).toBe(now + hour + 5 * minute)
    expect(tryAgain(emptyMemory, now)).toBe(emptyMemory)
  })
})

test('phases have their times once five were measured', () => {
  const phases = [1, 2, 3, 4, 5].flatMap((ms) => [
    { phase: 'package' as const, ms },
    { phase: 'finished' as const, ms },
  ])
  const phaseMs = rememberPhases(undefined, phases)
  expect(phaseTimes(phaseMs)).toEqual({ package: { p50Ms: 3, p95Ms: 5 } })
  expect(phaseTimes(phaseMs)).toBe(phaseTimes(phaseMs))
  expect(phaseTimes(rememberPhases(phaseMs, [{ phase: 'user', ms: 1 }]))).toEqual({ package: { p50Ms: 3, p95Ms: 5 } })
  expect(phaseTimes(undefined)).toEqual({})
  expect(rememberPhases({ user: Array.from({ length: 50 }, () => 1) }, [{ phase: 'user', ms: 2 }]).user?.length).toBe(50)
})
