import type { ActionKind, Reason, ReasonCode, StayCause } from '../../backend/core/decision.ts'
import { causeText, duration, explain } from '../../backend/core/explain.ts'
import { noActions } from '../support/action-kinds.ts'
import { hour, minute, now, second } from '../support/build.ts'
import { leaveCauses } from './arbitrary.ts'

type Examples = { readonly [C in ReasonCode]: readonly (readonly [Extract<Reason, { readonly code: C }>, string])[] }

/** A sentence for each reason; a new code does not compile before it has one here. */
const sentences: Examples = {
  need: [
    [
      { code: 'need', waiting: 1, standby: 2, idle: 1, coming: 0, need: 2 },
      '2 more machines needed: 1 job waiting and 2 on standby, with 1 idle and 0 coming.',
    ],
  ],
  enough: [
    [
      { code: 'enough', waiting: 0, standby: 1, idle: 1, coming: 0 },
      'Enough machines: 0 jobs waiting and 1 on standby, with 1 idle and 0 coming.',
    ],
  ],
  'learn-capabilities': [[{ code: 'learn-capabilities' }, 'One machine is started to learn what the agents of this pool can do.']],
  'no-agent-could-take': [
    [
      { code: 'no-agent-could-take', requestId: 4, job: 'Build', demand: 'cuda' },
      'Job "Build" (request 4) demands "cuda", which no agent of this pool has; declare the capability in the settings or use another pool.',
    ],
  ],
  'passed-over': [
    [
      { code: 'passed-over', requestId: 4, job: 'Build', since: now - 3 * minute },
      'Job "Build" (request 4) was left untaken by suitable idle agents for 3 min; it waits for something else than a machine, such as an approval, a check or parallel jobs.',
    ],
  ],
  'parallel-jobs': [
    [
      { code: 'parallel-jobs', free: 1, waiting: 3 },
      "3 jobs waiting, but the organization's parallel jobs let only 1 start; buy more or wait for one to end.",
    ],
  ],
  maximum: [
    [
      { code: 'maximum', machinesMax: 4, total: 3, needed: 2, granted: 1 },
      '2 machines needed, 1 allowed: there are 3 and the maximum is 4.',
    ],
  ],
  room: [
    [
      { code: 'room', kind: 'quota', detail: '2 of 10 cores are free.', needed: 2, granted: 1 },
      '2 machines needed, 1 fit: 2 of 10 cores are free.',
    ],
    [{ code: 'room', kind: 'subnet', detail: 'the subnet is full', needed: 1, granted: 0 }, '1 machine needed, 0 fit: the subnet is full.'],
  ],
  'update-rate': [
    [
      { code: 'update-rate', sent: 4, freeAt: now + 20 * second },
      '4 updates of the scale set were sent within a minute; the next goes in 20 s.',
    ],
  ],
  'backing-off': [
    [
      { code: 'backing-off', azureCode: 'AllocationFailed', message: 'none free', times: 1, freeAt: now + minute },
      'Azure could not create machines (AllocationFailed). Azure has no machines of this size free in this place now. Nothing is needed: it is tried again. If it lasts, use another size or another zone. The next attempt is in 60 s.',
    ],
  ],
  'boot-trouble': [
    [
      { code: 'boot-trouble', cause: 'disk-full', phase: 'package', times: 3, needed: 4, granted: 0, coming: 0, tryAt: now + 5 * minute },
      '4 machines needed, but growth is paused: 3 machines in a row failed to start, the last in package: disk full. The disk of the machine is full. Use a larger operating system disk, or a smaller image. The next is tried in 5 min, or at once with: scale-set-agents pool try-again POOL.',
    ],
    [
      { code: 'boot-trouble', cause: 'disk-full', times: 4, needed: 4, granted: 1, coming: 0, tryAt: now },
      '4 machines needed, but growth is paused: 4 machines in a row failed to start, the last: disk full. The disk of the machine is full. Use a larger operating system disk, or a smaller image. One is tried now.',
    ],
    [
      { code: 'boot-trouble', cause: 'disk-full', times: 4, needed: 4, granted: 0, coming: 1, tryAt: now },
      '4 machines needed, but growth is paused: 4 machines in a row failed to start, the last: disk full. The disk of the machine is full. Use a larger operating system disk, or a smaller image. The next is tried when it is known what becomes of those that are coming.',
    ],
  ],
  owed: [[{ code: 'owed', machines: 1 }, 'Azure owes 1 machine of the capacity and no operation runs; they are asked for again.']],
  paused: [[{ code: 'paused' }, 'The pool is paused: nothing but its mark on the scale set is changed until a person resumes it.']],
  unknown: [
    [
      { code: 'unknown', part: 'jobs', why: 'status 500', stops: 'removal' },
      'The jobs could not be read (status 500), so no machine leaves.',
    ],
    [
      { code: 'unknown', part: 'scale-set', why: 'no answer came', stops: 'all' },
      'The scale set could not be read (no answer came), so nothing is changed.',
    ],
    [
      { code: 'unknown', part: 'machines', why: 'status 429', stops: 'growth' },
      'The machines could not be read (status 429), so the pool does not grow.',
    ],
  ],
  'too-old': [
    [
      { code: 'too-old', part: 'agents', at: now - 80 * second, stops: 'removal' },
      'The agents were last read 80 s ago, so no machine leaves until the next answer.',
    ],
    [
      { code: 'too-old', part: 'scale-set', at: now - 80 * second, stops: 'growth' },
      'The scale set was last read 80 s ago, so the pool does not grow until the next answer.',
    ],
  ],
  'not-ours': [
    [{ code: 'not-ours', claim: 'free' }, 'The scale set is not marked as used by this pool yet; nothing else is done before it is.'],
    [
      { code: 'not-ours', claim: 'built-in', by: 'fabrikam' },
      'This virtual machine scale set is already in use by pool fabrikam; remove it there first.',
    ],
    [
      { code: 'not-ours', claim: 'built-in' },
      'This virtual machine scale set is already in use by pool of Azure DevOps; remove it there first.',
    ],
    [
      { code: 'not-ours', claim: 'other', by: 'theirs/3' },
      'The scale set is marked as used by theirs/3; nothing is changed. Stop the other one, or confirm the take-over once its mark stands still.',
    ],
    [
      { code: 'not-ours', claim: 'other' },
      'The scale set is marked as used by another service; nothing is changed. Stop the other one, or confirm the take-over once its mark stands still.',
    ],
  ],
  'scale-set-blocked': [
    [{ code: 'scale-set-blocked', finding: 'Overprovisioning is on' }, 'The pool does not grow: Overprovisioning is on.'],
  ],
  leaves: [
    [
      { code: 'leaves', machine: 'm1', cause: 'surplus', next: 'delete', step: 'drain' },
      'm1 takes no more jobs and is then deleted: idle beyond the standby for the whole delay.',
    ],
    [
      { code: 'leaves', machine: 'm1', cause: 'used', next: 'reimage', step: 'drain' },
      'm1 takes no more jobs and is then reimaged: it ran its job and machines are torn down after every use.',
    ],
    [
      { code: 'leaves', machine: 'm1', cause: 'used', next: 'reimage', step: 'unregister' },
      'm1 is taken out of the pool and then reimaged: it ran its job and machines are torn down after every use.',
    ],
    [
      { code: 'leaves', machine: 'm1', cause: 'pool-deleted', next: 'delete', step: 'unregister' },
      'm1 is taken out of the pool and then deleted: the pool is being deleted.',
    ],
    [
      { code: 'leaves', machine: 'm1', cause: 'asked-by-person', next: 'reimage', step: 'remove', detail: 'Ada' },
      'm1 is reimaged: Ada asked for it.',
    ],
    [
      { code: 'leaves', machine: 'm1', cause: 'stopped', next: 'delete', step: 'remove' },
      'm1 is deleted: it was stopped and its agent is gone.',
    ],
  ],
  'leave-together': [
    [
      {
        code: 'leave-together',
        next: 'delete',
        machines: [
          { machine: 'm1', cause: 'pool-deleted' },
          { machine: 'm2', cause: 'stopped' },
        ],
      },
      'm1 (the pool is being deleted); m2 (it was stopped and its agent is gone) are deleted in one call.',
    ],
    [
      {
        code: 'leave-together',
        next: 'reimage',
        machines: [
          { machine: 'm1', cause: 'used' },
          { machine: 'm2', cause: 'used' },
        ],
      },
      'm1, m2 (it ran its job and machines are torn down after every use) are reimaged in one call.',
    ],
  ],
  saved: [
    [
      { code: 'saved', machine: 'm1', cause: 'failed-to-start', saved: 1, savedMax: 2 },
      'm1 is saved for investigation (1 of 2): it failed to start.',
    ],
  ],
  restored: [[{ code: 'restored', machine: 'm1', waiting: 1 }, 'm1 is taken back into service: 1 job waiting.']],
  orphan: [
    [
      { code: 'orphan', agent: 'm1', since: now - 130 * minute },
      'Agent m1 is removed from the pool: its machine has been gone for 2 h 10 min.',
    ],
  ],
  stays: [
    [
      { code: 'stays', machine: 'm1', why: 'starting', untilMs: now + 3 * minute },
      'm1 stays: its agent is expected to come online (3 min left).',
    ],
  ],
  'unhealthy-budget': [
    [{ code: 'unhealthy-budget', unhealthy: 3, allowed: 1 }, '3 unhealthy machines; at most 1 of them are removed in one pass.'],
  ],
  'mass-failure': [
    [
      { code: 'mass-failure', unhealthy: 4, total: 8 },
      '4 of 8 machines went away at once; none of them is removed until this has lasted half an hour, because the fault is likelier in the network.',
    ],
  ],
  refused: [
    [
      { code: 'refused', action: 'delete', azureCode: 'ScopeLocked', times: 3, freeAt: now + 2 * minute },
      'Deleting machines was refused 3 times in a row (ScopeLocked). A lock on the resource group forbids the change. Remove the lock, or leave out the scale set from it. It is tried again in 2 min.',
    ],
    [
      { code: 'refused', action: 'put-extension', azureCode: 'left', times: 2, freeAt: now + 30_000 },
      'Putting the agent extension into the model was left 2 times, because the world had moved. It is tried again in 30 s.',
    ],
  ],
  'azure-busy': [
    [
      { code: 'azure-busy', waiting: 2, freeAt: now + 20_000 },
      'Azure is busy with another operation of the scale set; 2 machines to remove when it is asked again in 20 s.',
    ],
  ],
  'delete-in-flight': [[{ code: 'delete-in-flight', waiting: 2 }, '2 machines to delete after the delete that Azure is working on.']],
  upkeep: [
    [{ code: 'upkeep', what: 'claim' }, 'The scale set is marked as used by this pool.'],
    [{ code: 'upkeep', what: 'delete-pool' }, 'The pool is empty and released; it is deleted in Azure DevOps.'],
  ],
  placeholder: [[{ code: 'placeholder', what: 'version' }, 'The offline agent follows the agent version of this pool.']],
  invariant: [
    [
      { code: 'invariant', invariant: 'S1', action: 'delete', detail: 'm1 has job 3' },
      'An action (delete) was not sent because it would break S1: m1 has job 3. Please report this.',
    ],
  ],
}

test.each(Object.values(sentences).flat() as readonly (readonly [Reason, string])[])('$code', (reason, sentence) =>
  expect(explain(reason, now)).toBe(sentence),
)

const stays: Readonly<Record<StayCause, string>> = {
  busy: 'it runs job request 7',
  standby: 'it is one of the agents kept on standby',
  delay: 'the pool has not had a surplus for the whole delay yet',
  demand: 'jobs are waiting or other machines leave first',
  starting: 'its agent is expected to come online',
  grace: 'its agent went offline and may come back',
  'job-counted': 'Azure DevOps still counts job request 7 on it',
  protected: 'a person set instance protection on it, so Azure refuses to change it; take that off in Azure',
  saved: 'it is saved for investigation until a person deletes it',
  foreign: 'it was not created by this pool; adopt it or delete it in Azure',
  unclear: 'what is known of it contradicts itself (7)',
  'being-deleted': 'Azure is deleting it',
  'being-reimaged': 'Azure is reimaging it',
  'waits-for-job': 'it leaves once job request 7 has ended',
  'removal-elsewhere': 'its removal goes on in one of the next passes',
}

test.each(Object.entries(stays) as readonly [StayCause, string][])('a machine stays, %s', (why, text) =>
  expect(explain({ code: 'stays', machine: 'm1', why, detail: '7' }, now)).toBe(`m1 stays: ${text}.`),
)

test.each([
  [2, '2nd'],
  [3, '3rd'],
  [4, '4th'],
  [11, '11th'],
  [13, '13th'],
  [21, '21st'],
])('%i refusals to create are told as the %s', (times, ordinal) =>
  expect(explain({ code: 'backing-off', azureCode: 'AllocationFailed', message: '', times, freeAt: now }, now)).toContain(
    `could not create machines for the ${ordinal} time in a row`,
  ),
)

test('each cause of leaving is told apart, with and without its detail', () => {
  for (const detail of [undefined, 'the detail'])
    expect(new Set(leaveCauses.map((cause) => causeText(cause, detail))).size).toBe(leaveCauses.length)
  for (const cause of ['failed-to-start', 'failed-to-restart', 'creation-failed', 'extension-failed'] as const)
    expect(causeText(cause, 'the detail')).toContain('the detail')
  expect(
    (['asked-by-person', 'failed-to-start', 'failed-to-restart', 'creation-failed', 'extension-failed'] as const).map((cause) =>
      causeText(cause),
    ),
  ).toEqual([
    'a person asked for it',
    'it failed to start',
    'it failed to start again after a reimage',
    'deleting unhealthy machine, Azure could not create it',
    'it failed to start, the agent extension reported failure',
  ])
})

test('each step that was refused is named as in explain.test.ts.snap', () => {
  const text = (action: ActionKind) => explain({ code: 'refused', action, azureCode: 'ScopeLocked', times: 2, freeAt: now }, now)
  const named = (Object.keys(noActions) as ActionKind[]).map((action) => `${action}: ${text(action).split(' was refused')[0]}`)
  expect(named.join('\n')).toMatchSnapshot()
})

test('a time that is over is not told as one that is left', () => {
  const stays = (untilMs: number) => explain({ code: 'stays', machine: 'm1', why: 'starting', untilMs }, now)
  expect([stays(now), stays(now + minute)]).toEqual([expect.not.stringContaining('left'), expect.stringContaining('(60 s left)')])
})

test.each([
  [-5, '0 s'],
  [1_400, '1 s'],
  [89 * second, '89 s'],
  [90 * second, '2 min'],
  [89 * minute, '89 min'],
  [90 * minute, '1 h 30 min'],
  [2 * hour, '2 h'],
  [2 * hour + 10 * minute, '2 h 10 min'],
])('%i ms are %s', (ms, text) => expect(duration(ms)).toBe(text))
