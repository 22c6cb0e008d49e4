import { defaultSettings } from '../../backend/core/settings.ts'
import type { Intent, MachineMemory, NewLogEntry, PassRecord, PoolMemory } from '../../backend/loop/ports.ts'
import type { Database } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'

export const poolId = 7
export { defaultSettings }

/** A clock that moves only when told to. */
export function stillClock(at = 1_000) {
  const clock = { at, now: () => clock.at, wallTimeMs: () => 1_700_000_000_000 + clock.at }
  return clock
}

/** A journal whose lease is held, as the service has it. */
export async function heldJournal(database: Database, clock = stillClock()) {
  const leases = createLeases(database, { holder: 'first', ttlMs: 60_000, clock })
  const lease = (await leases.look([poolId])).lease(poolId)
  if (lease === undefined) throw new Error('A fresh database gives its lease to the first who asks.')
  return { journal: createJournal(database, clock), leases, lease, clock }
}

export const machine = (id: string, more: Partial<MachineMemory> = {}): MachineMemory => ({
  id,
  name: `vmss00000${id}`,
  createdAt: '2026-11-21T08:00:00Z',
  generation: 1,
  ownedBy: 'growth',
  stage: 'idle',
  stageSince: 10,
  bornAt: 5,
  latestModel: true,
  ...more,
})

export const emptyMemory: PoolMemory = {
  surplus: [],
  demand: [],
  jobs: {},
  orphans: {},
  recentUpdates: [],
  rooms: [],
  gone: {},
  bootMs: [],
  reimageMs: [],
  waitMs: [],
  startedJobs: 0,
  lostToOnceRace: 0,
}

export const fullMemory: PoolMemory = {
  surplus: [
    [1.5, 0],
    [2, 3],
  ],
  demand: [[1, 4]],
  watchedSince: 1,
  lastWatchedAt: 2,
  jobs: { '12': { seenAt: 3, startedAt: 5 }, '13': { seenAt: 6 } },
  orphans: { '4': 9 },
  claim: { value: 'pool=7;counter=3', seenAt: 1, refreshedAt: 2 },
  recentUpdates: [1, 2],
  growthTrouble: { code: 'QuotaExceeded', message: 'no cores', times: 2, lastAt: 8 },
  rooms: [{ kind: 'quota', machines: 4, detail: 'standardDSv5Family' }],
  roomsAt: 7,
  learned: { capabilities: { maven: '/usr/bin/mvn' }, version: '4.261.0', at: 3 },
  placeholder: { agentId: 99, capabilities: { maven: '/usr/bin/mvn' } },
  gone: { vmss000009: 4 },
  owed: { machines: 2, since: 6.25 },
  bootMs: [60_000],
  reimageMs: [40_000],
  waitMs: [1_000, 9_000, 2_000],
  startedJobs: 3,
  lostToOnceRace: 1,
}

export const growIntent = (id: string, more: Partial<Intent> = {}): Intent => ({
  id,
  poolId,
  epoch: 1,
  action: { kind: 'grow', by: 2, machinesMax: 10 },
  reason: { code: 'need', waiting: 2, standby: 0, idle: 0, coming: 0, need: 2 },
  state: 'written',
  writtenAt: 20,
  changedAt: 20,
  seen: [],
  ...more,
})

export const logEntry = (message: string, more: Partial<NewLogEntry> = {}): NewLogEntry => ({
  level: 'info',
  operation: 'sizingJob',
  message,
  at: 30,
  wallTimeMs: 1_700_000_000_030,
  ...more,
})

const unread = { known: false, why: 'not read in this test' } as const

export const pass = (at: number, more: Partial<PassRecord> = {}): PassRecord => ({
  at,
  wallTimeMs: 1_700_000_000_000 + at,
  counts: {
    waiting: 2,
    running: 1,
    idle: 0,
    busy: 1,
    starting: 0,
    leaving: 0,
    failed: 0,
    saved: 0,
    foreign: 0,
    unclear: 0,
    total: 1,
    capacity: 1,
  },
  decision: { wanted: 3, steps: [], reasons: [{ code: 'paused' }], lookAgainInMs: 12_000 },
  snapshot: {
    poolId,
    wallTimeMs: 1_700_000_000_000 + at,
    jobs: unread,
    agents: unread,
    scaleSet: unread,
    machines: unread,
    capabilities: unread,
    asked: 0,
    owed: 0,
    reimage: {},
    deleteInFlight: false,
    recentUpdates: [],
    rooms: [],
    peakDemand: 3,
    boot: {},
  },
  settingsVersion: 1,
  tookMs: 1.25,
  ...more,
})
