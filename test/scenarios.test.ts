/** Each file of `scenarios/` is one situation and what is decided in it. A new rule brings a file. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { BootCause, BootPhase } from '../backend/core/boot.ts'
import { decide } from '../backend/core/decide.ts'
import { explain } from '../backend/core/explain.ts'
import type { PoolSettings } from '../backend/core/settings.ts'
import type { PoolSnapshot } from '../backend/core/snapshot.ts'
import { whyJob, whyMachine } from '../backend/core/why.ts'
import { aJob, aMachine, aSnapshot, lineOf, minute, now, second, someSettings } from './support/build.ts'
import type { MachineOver, SnapshotOver } from './support/build.ts'

type Scenario = {
  /** The line of "Behaviour of a pool" that it shows. */
  readonly line: number
  readonly title: string
  readonly source: string
  readonly settings: Partial<PoolSettings>
  readonly snapshot: Compact
  readonly expect: {
    readonly wanted?: number
    /** All steps, in order. */
    readonly actions: readonly string[]
    /** The codes of all reasons beside the steps. */
    readonly reasons: readonly string[]
    /** Sentences that are among those of steps and reasons. */
    readonly sentences?: readonly string[]
    /** The last sentence of the answer to `why`, by machine name or request id. */
    readonly why?: Readonly<Record<string, string>>
  }
}

/** A snapshot in few words: `count` alike, ages in minutes or seconds before now. */
type Compact = Omit<
  SnapshotOver,
  'machines' | 'jobs' | 'orphans' | 'ageMs' | 'recentUpdates' | 'growthTrouble' | 'bootTrouble' | 'boot' | 'reimage'
> & {
  readonly machines?: readonly (MachineOver & { readonly count?: number; readonly forMin?: number })[]
  readonly jobs?: readonly {
    readonly count?: number
    readonly demands?: readonly string[]
    readonly agentId?: number
    readonly matchedAgentIds?: readonly number[]
    readonly waitedS?: number
    readonly passedOverS?: number
  }[]
  readonly orphans?: readonly { readonly name: string; readonly goneMin: number; readonly online?: boolean }[]
  readonly ageS?: SnapshotOver['ageMs']
  readonly updatesS?: readonly number[]
  readonly trouble?: { readonly code: string; readonly message: string; readonly times: number; readonly agoS: number }
  readonly bootTrouble?: { readonly cause: BootCause; readonly phase?: BootPhase; readonly times: number; readonly tryInMin: number }
  readonly bootMin?: number
  readonly reimageMin?: number
  readonly wallTime?: string
}

const folder = path.join(__dirname, 'scenarios')
const scenarios = readdirSync(folder).map((file) => ({ file, ...(JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Scenario) }))

test('every line of the behaviour has a scenario', () => {
  expect(new Set(scenarios.map(({ line }) => line))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))
})

describe.each([...new Set(scenarios.map(({ line }) => line))].toSorted((a, b) => a - b))('line %i', (line) => {
  test.each(scenarios.filter((each) => each.line === line))('$title', ({ snapshot, settings, expect: expected }) => {
    const seen = expand(snapshot)
    const chosen = someSettings(settings)
    const decision = decide(seen, chosen, now)
    expect(decision.steps.map(({ action }) => lineOf(action))).toEqual(expected.actions)
    expect(decision.reasons.map(({ code }) => code)).toEqual(expected.reasons)
    if (expected.wanted !== undefined) expect(decision.wanted).toBe(expected.wanted)
    const sentences = [...decision.steps.map(({ reason }) => reason), ...decision.reasons].map((reason) => explain(reason, now))
    expect(sentences).toEqual(expect.arrayContaining([...(expected.sentences ?? [])]))
    for (const [asked, sentence] of Object.entries(expected.why ?? {})) {
      const why = /^\d+$/.test(asked) ? whyJob(seen, decision, Number(asked), now) : whyMachine(seen, decision, chosen, asked, now)
      expect(why?.sentences.at(-1)).toBe(sentence)
    }
  })
})

function expand({ ageS = {}, updatesS = [], trouble, bootTrouble, bootMin, reimageMin, wallTime, ...compact }: Compact): PoolSnapshot {
  const { machines = [], jobs = [], orphans = [], ...plain } = compact
  return aSnapshot({
    ...plain,
    machines: repeated(machines).map(({ forMin = 1, ...over }, index) => aMachine({ n: index + 1, forMs: forMin * minute, ...over })),
    jobs: repeated(jobs).map(({ waitedS = 30, passedOverS, ...over }, index) =>
      aJob({
        ...over,
        requestId: index + 1,
        seenAt: now - waitedS * second,
        ...(passedOverS === undefined ? {} : { passedOverSince: now - passedOverS * second }),
      }),
    ),
    orphans: orphans.map(({ goneMin, name, online = false }, index) => ({
      id: 900 + index,
      name,
      online,
      enabled: true,
      since: now - goneMin * minute,
    })),
    ageMs: Object.fromEntries(Object.entries(ageS).map(([part, seconds]) => [part, seconds * second])),
    recentUpdates: updatesS.map((seconds) => now - seconds * second),
    ...(trouble === undefined ? {} : { growthTrouble: { ...trouble, lastAt: now - trouble.agoS * second } }),
    ...(bootTrouble === undefined ? {} : { bootTrouble: expandBootTrouble(bootTrouble) }),
    ...(bootMin === undefined ? {} : { boot: { p50Ms: bootMin * minute, p95Ms: 2 * bootMin * minute } }),
    ...(reimageMin === undefined ? {} : { reimage: { p50Ms: reimageMin * minute } }),
    ...(wallTime === undefined ? {} : { wallTimeMs: new Date(wallTime).getTime() }),
  })
}

function expandBootTrouble({ tryInMin, ...trouble }: NonNullable<Compact['bootTrouble']>): NonNullable<PoolSnapshot['bootTrouble']> {
  return { ...trouble, lastAt: now - minute, paused: { since: now - minute, tries: 0, tryAt: now + tryInMin * minute } }
}

function repeated<T extends { readonly count?: number }>(specs: readonly T[]): readonly Omit<T, 'count'>[] {
  return specs.flatMap(({ count = 1, ...each }) => Array.from({ length: count }, () => each))
}
