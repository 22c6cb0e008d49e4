/**
 * The shapes of the service's own API under `/api/v1`: one source for the routes' checks, `/openapi.json`, the command line
 * and the hub (which import the types). Azure DevOps' elastic pool shapes are in `elastic.ts`.
 *
 * Times: `…AtMs` is milliseconds since 1970 by the service's clock, for display; a plain `…Ms` is a duration.
 */
import { Type, type Static, type TSchema } from 'typebox'
import type { BootPhase } from '../core/boot.ts'
import type { Decision, Reason, Action } from '../core/decision.ts'
import type { PoolSettings } from '../core/settings.ts'
import type { Machine, PoolSnapshot, Stage } from '../core/snapshot.ts'
import type { Counts, IntentState, LogEntry } from '../loop/ports.ts'
import { failureView, otherAgentView, standbyView } from './contract-look.ts'
import { closed, core, list, oneOf, text } from './contract-shapes.ts'

// ---------------------------------------------------------------- errors

export const problem = Type.Object({ field: Type.String(), message: Type.String() })

export const finding = Type.Object({
  id: Type.String(),
  severity: oneOf(['error', 'warning', 'ok', 'unknown']),
  cause: Type.String({ description: 'What was found, in one sentence.' }),
  effect: Type.String({ description: 'What it does to the pool. Empty when all is well.' }),
  fix: Type.String({ description: 'A command to copy. Empty when there is nothing to do.' }),
})

/** Every answer of `/api/v1` with a status of 400 or more. */
export const apiError = Type.Object({
  code: Type.String({
    description: 'Stable, for programs: badRequest, unauthorized, forbidden, notFound, conflict, refused, unavailable …',
  }),
  message: Type.String({ description: 'One sentence that names the thing, the value and the next step.' }),
  problems: Type.Optional(list(problem)),
  findings: Type.Optional(list(finding)),
})
export type ApiError = Static<typeof apiError>

// ---------------------------------------------------------------- settings

const settingsFields: Record<keyof PoolSettings, TSchema> = {
  tearDownAfterUse: Type.Boolean({ description: 'Automatically tear down virtual machines after every use.' }),
  savedMax: Type.Integer({ description: 'Save an unhealthy agent for investigation: how many at most; 0 saves none.' }),
  machinesMax: Type.Integer({ description: 'Maximum number of virtual machines in the scale set.' }),
  standby: Type.Integer({ description: 'Number of agents to keep on standby.' }),
  idleDelayMinutes: Type.Number({ description: 'Delay in minutes before deleting excess idle agents.' }),
  interactive: Type.Boolean({ description: 'Configure VMs to run interactive tests.' }),
  paused: Type.Boolean({ description: 'Nothing is changed while true.' }),
  startMinutesMax: Type.Number({ description: 'Minutes an agent may take to come online.' }),
  standbyWindows: Type.Array(
    Type.Object({ days: Type.Array(Type.Integer()), from: Type.String(), to: Type.String(), standby: Type.Integer() }),
    { description: 'Standby by the hour; days 0 = Sunday, times HH:MM in the zone.' },
  ),
  timeZone: Type.String({ description: 'IANA zone of the windows.' }),
  capabilities: Type.Record(Type.String(), Type.String(), { description: 'Capabilities declared for jobs with demands.' }),
  agentVersion: Type.String({
    description: 'The agent that new machines install, as 4.255.0; empty: the newest that Azure DevOps offers.',
  }),
  sudo: Type.Boolean({ description: "The agent's account may use sudo without a password. Linux only." }),
  holdUpgrades: Type.Boolean({ description: 'Automatic upgrades that would restart something under a job are held back.' }),
  saveCreationFailed: Type.Boolean({ description: 'Machines that failed before the agent extension ran may be saved, too.' }),
  proxy: Type.String({ description: 'The proxy of the machines, without user and password; empty: what their image says.' }),
  tokenInModel: Type.Boolean({ description: "For services that machines cannot reach: a credential stands in the scale set's model." }),
  deleting: Type.Boolean({ description: 'The pool is being deleted. Set by the service only.' }),
}
export const settingsShape = Type.Unsafe<PoolSettings>(Type.Object(settingsFields))

/** Settings as a person sends them: fields left out keep their present value, or the default in a new pool. `checkSettings` names every problem. */
export type SettingsInput = Partial<Omit<PoolSettings, 'deleting'>>
const settingsInput = Type.Unsafe<SettingsInput>(
  Type.Object(
    {},
    { additionalProperties: true, description: 'Fields as in GET …/settings, without `deleting`. Fields left out keep their value.' },
  ),
)

export const settingsView = Type.Object({ poolId: Type.Integer(), version: Type.Integer(), settings: settingsShape })
export type SettingsView = Static<typeof settingsView>

/** `PUT /api/v1/pools/{poolId}/settings`. 409 when `version` is not the present one. */
export const settingsChange = Type.Object({ version: Type.Integer({ minimum: 0 }), settings: settingsInput }, closed)
export type SettingsChange = Static<typeof settingsChange>

/** `GET /api/v1/pools/{poolId}/settings/history`, newest first. */
export const settingsHistory = Type.Object({
  changes: list(
    Type.Object({
      version: Type.Integer(),
      by: Type.String({ description: 'Display name and id of the person, or the name given with the operator key.' }),
      changedAtMs: Type.Number(),
      before: Type.Optional(settingsShape),
      settings: settingsShape,
    }),
  ),
})
export type SettingsHistory = Static<typeof settingsHistory>

// ---------------------------------------------------------------- pools

const stages = Type.Unsafe<Readonly<Partial<Record<Stage, number>>>>(Type.Record(Type.String(), Type.Integer()))

/** One pool as its newest pass saw it. What that pass could not read is absent, and `problems` says why. */
export const poolSummary = Type.Object({
  poolId: Type.Integer(),
  name: Type.String(),
  scaleSetId: Type.String(),
  state: oneOf(
    ['new', 'online', 'offline', 'unhealthy'],
    'new: no pass yet; offline: the scale set cannot be read; unhealthy: see problems.',
  ),
  paused: Type.Boolean(),
  deleting: Type.Boolean(),
  version: Type.Integer({ description: 'Version of the settings.' }),
  machinesMax: Type.Integer(),
  standby: Type.Integer(),
  stages: Type.Optional(stages),
  capacity: Type.Optional(Type.Integer()),
  wanted: Type.Optional(Type.Integer()),
  waiting: Type.Optional(Type.Integer({ description: 'Jobs without an agent.' })),
  running: Type.Optional(Type.Integer({ description: 'Jobs with an agent.' })),
  longestWaitMs: Type.Optional(Type.Number()),
  next: Type.String({ description: 'What the service does next, or why it does nothing, in one sentence.' }),
  problems: list(Type.String()),
  lastPassAgoMs: Type.Optional(Type.Number()),
})
export type PoolSummary = Static<typeof poolSummary>
export const poolList = Type.Object({ pools: list(poolSummary) })
export type PoolList = Static<typeof poolList>

const sentence = Type.String({ description: 'The reason in words.' })
const step = Type.Object({ action: core<Action>('An action of the decision.'), reason: core<Reason>('Why.'), sentence })
const why = Type.Object({ reason: core<Reason>('A reason without an action.'), sentence })

/** A decision with its reasons in words. */
export const decisionView = Type.Object({
  wanted: Type.Integer(),
  steps: list(step),
  reasons: list(why),
  lookAgainInMs: Type.Number(),
})
export type DecisionView = Static<typeof decisionView>

export const poolDetail = Type.Object({
  pool: poolSummary,
  settings: settingsShape,
  decision: Type.Optional(decisionView),
  /** Waits of recent jobs, from seen to started. */
  waits: Type.Optional(
    Type.Object({
      jobs: Type.Integer(),
      p50Ms: Type.Number(),
      p95Ms: Type.Number(),
      startedJobs: Type.Integer(),
    }),
  ),
  lostToOnceRace: Type.Integer({ description: 'Assignments lost because an agent ended after its one job.' }),
  boot: Type.Optional(
    Type.Object({
      p50Ms: Type.Optional(Type.Number()),
      p95Ms: Type.Optional(Type.Number()),
      phases: Type.Optional(Type.Record(Type.String(), Type.Object({ p50Ms: Type.Number(), p95Ms: Type.Number() }))),
    }),
  ),
  standby: Type.Optional(standbyView),
  openActions: list(
    Type.Object({
      id: Type.String(),
      action: core<Action>('What was sent.'),
      state: core<IntentState>('written, accepted or unknown.'),
      sentence,
      forMs: Type.Number({ description: 'Since it was written.' }),
    }),
  ),
  replaceConfirmed: Type.Boolean(),
  takeOverConfirmed: Type.Boolean(),
})
export type PoolDetail = Static<typeof poolDetail>

const scaleSetId = text(500, 'Azure resource id: /subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachineScaleSets/…')

/** `POST /api/v1/check`: the check of a scale set, without creating anything. */
export const checkRequest = Type.Object(
  {
    scaleSetId,
    settings: Type.Optional(settingsInput),
    forNewPool: Type.Optional(Type.Boolean({ description: 'A scale set that a pool uses already is refused with 409.' })),
  },
  closed,
)
export type CheckRequest = Static<typeof checkRequest>

/** Also the answer of `GET /api/v1/pools/{poolId}/check`. */
export const checkReport = Type.Object({
  ready: Type.Boolean({ description: 'No finding is an error, nothing needed is unknown, and the settings have no problem.' }),
  findings: list(finding),
  problems: list(problem),
  present: list(Type.String({ description: 'A machine that is in the scale set now.' })),
})
export type CheckReport = Static<typeof checkReport>

/** `POST /api/v1/pools`. Safe to repeat: a call that was cut off is taken up where it stopped. */
export const poolCreation = Type.Object(
  {
    scaleSetId,
    poolName: text(128, 'Name of the agent pool in Azure DevOps.'),
    settings: Type.Optional(settingsInput),
    project: Type.Optional(text(128, 'Project (name or id) that gets a queue for the pool.')),
    authorizeAllPipelines: Type.Optional(
      Type.Boolean({ description: 'Let every pipeline of the project use the queue. Needs `project`.' }),
    ),
    existingPool: Type.Optional(Type.Boolean({ description: 'Take the agent pool of that name that exists already.' })),
    replaceMachines: Type.Optional(Type.Boolean({ description: 'Confirms that machines now in the scale set are replaced.' })),
  },
  closed,
)
export type PoolCreation = Static<typeof poolCreation>

export const poolCreated = Type.Object({
  pool: poolSummary,
  agentPool: oneOf(['made', 'taken'], 'The agent pool was made, or one that existed was taken.'),
  findings: list(finding),
  present: list(Type.String()),
  message: Type.String({ description: 'What was done, and what a person has to confirm next.' }),
})
export type PoolCreated = Static<typeof poolCreated>

/** `POST /api/v1/pools/{poolId}/confirm`. */
export const confirmation = Type.Object(
  { what: oneOf(['replace', 'takeOver'], 'replace: machines present at creation; takeOver: a claim that stands still.') },
  closed,
)
export type Confirmation = Static<typeof confirmation>

/** Answer of what is done by a later pass: pause, resume, delete, confirm, orders, nudge. */
export const accepted = Type.Object({ message: Type.String() })
export type Accepted = Static<typeof accepted>

// ---------------------------------------------------------------- machines and jobs

export const machineView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  generation: Type.Integer(),
  stage: Type.Unsafe<Stage>({ type: 'string' }),
  /** The same as Azure DevOps names it: ElasticNodeState. */
  state: Type.String(),
  forMs: Type.Number({ description: 'In this stage since.' }),
  agentId: Type.Optional(Type.Integer()),
  requestId: Type.Optional(Type.Integer()),
  why: Type.String({ description: 'Why it stays or leaves, in words. Empty when the last decision says nothing of it.' }),
  facts: core<Machine>('The machine as the decision saw it.'),
})
export type MachineView = Static<typeof machineView>
export const machineList = Type.Object({ machines: list(machineView), others: list(otherAgentView), ageMs: Type.Number() })
export type MachineList = Static<typeof machineList>

/** `POST /api/v1/pools/{poolId}/machines/{machine}/orders`; `machine` is an id or a name. */
export const machineOrder = Type.Object(
  {
    order: oneOf(['delete', 'reimage', 'save', 'unsave', 'adopt']),
    force: Type.Optional(Type.Boolean({ description: 'With delete and reimage: also while a job runs. The job is lost.' })),
  },
  closed,
)
export type MachineOrder = Static<typeof machineOrder>

export const jobView = Type.Object({
  requestId: Type.Integer(),
  name: Type.String(),
  pipeline: Type.String(),
  build: Type.Optional(Type.Object({ project: Type.String({ description: 'Id of its project.' }), id: Type.Integer() })),
  demands: list(Type.String()),
  state: oneOf(['waiting', 'running']),
  seenForMs: Type.Number({ description: 'Since we saw it first.' }),
  agentId: Type.Optional(Type.Integer()),
  agent: Type.Optional(Type.String({ description: 'Name of the agent that has it.' })),
  why: list(Type.String({ description: 'Why it waits.' })),
  estimatedStartMs: Type.Optional(Type.Number({ description: 'Until it is expected to start.' })),
})
export type JobView = Static<typeof jobView>
export const jobList = Type.Object({ jobs: list(jobView), ageMs: Type.Number() })
export type JobList = Static<typeof jobList>

/** `GET …/jobs/{requestId}/why` and `GET …/machines/{machine}/why`. */
export const whyView = Type.Object({
  poolId: Type.Integer(),
  subject: Type.String(),
  sentences: list(Type.String()),
  estimatedStartMs: Type.Optional(Type.Number()),
  /** `history`: it is gone; the sentences are the Diagnostics entries that name it. */
  from: oneOf(['latest', 'history']),
})
export type WhyView = Static<typeof whyView>

const bootPhaseView = Type.Object({
  phase: Type.Unsafe<BootPhase>({ type: 'string' }),
  result: oneOf(['ok', 'failed']),
  durationMs: Type.Number({ description: 'As the machine measured it.' }),
  atMs: Type.Number({ description: 'When it was told.' }),
  detail: Type.String({ description: 'What the script said of it, at most 4 KB.' }),
  cause: Type.Optional(Type.String({ description: 'Of a failed phase: its name, such as hash-mismatch.' })),
  causeText: Type.Optional(Type.String({ description: 'The cause in a sentence.' })),
  fix: Type.Optional(Type.String({ description: 'The next step.' })),
})
export type BootPhaseView = Static<typeof bootPhaseView>

/** `GET …/machines/{machine}/boot`: also of a machine that is gone. One row for each life, newest first. */
export const bootView = Type.Object({
  poolId: Type.Integer(),
  machine: Type.String(),
  lives: list(
    Type.Object({
      machineId: Type.String(),
      createdAt: Type.String({ description: "Azure's creation time of the machine." }),
      generation: Type.Integer({ description: '1 after its creation, one more after each reimage.' }),
      phases: list(bootPhaseView),
    }),
  ),
})
export type BootView = Static<typeof bootView>

// ---------------------------------------------------------------- passes and Diagnostics

export const passView = Type.Object({
  id: Type.Integer(),
  atMs: Type.Number(),
  lastAtMs: Type.Number({ description: 'The newest equal pass in a row.' }),
  repeats: Type.Integer(),
  tookMs: Type.Number(),
  settingsVersion: Type.Integer(),
  counts: core<Counts>('Machines and jobs by state.'),
  longestWaitMs: Type.Optional(
    Type.Number({ description: 'Of the jobs that waited at `atMs`; absent when none did, or the jobs were not known.' }),
  ),
  decision: decisionView,
})
export type PassView = Static<typeof passView>
/** `GET …/passes?top&before`, newest first; `next` is the `before` of the next page. */
export const passList = Type.Object({ passes: list(passView), next: Type.Optional(Type.Integer()) })
export type PassList = Static<typeof passList>
/** `GET …/passes/{passId}`. */
export const passDetail = Type.Object({
  pass: passView,
  snapshot: core<PoolSnapshot>('What the pass saw.'),
  raw: core<Decision>('The decision as data.'),
})
export type PassDetail = Static<typeof passDetail>

/** One row of Diagnostics. */
export const logView = Type.Object({
  id: Type.Integer(),
  poolId: Type.Integer(),
  level: Type.Unsafe<LogEntry['level']>(oneOf(['error', 'warning', 'info'])),
  operation: Type.Unsafe<LogEntry['operation']>(oneOf(['configurationJob', 'sizingJob', 'increaseCapacity', 'reimage', 'deleteVMs'])),
  message: Type.String(),
  atMs: Type.Number(),
  machine: Type.Optional(Type.String()),
  intentId: Type.Optional(Type.String()),
  correlationId: Type.Optional(Type.String()),
  raw: Type.Optional(Type.String({ description: "Azure's own words." })),
  failure: Type.Optional(failureView),
})
export type LogView = Static<typeof logView>
/** `GET …/log?top&before&level&machine`, newest first; `next` is the `before` of the next page. */
export const logList = Type.Object({ entries: list(logView), next: Type.Optional(Type.Integer()) })
export type LogList = Static<typeof logList>

// ---------------------------------------------------------------- the stream

/**
 * `GET /api/v1/events?poolId=`: server-sent events. `event: pass` carries a {@link PoolSummary}; `event: log` carries a
 * {@link LogView} and its id, so `Last-Event-ID` (or `?after=`) resumes it; a comment line is the heartbeat.
 */
export type StreamEvent = { readonly event: 'pass'; readonly data: PoolSummary } | { readonly event: 'log'; readonly data: LogView }

/** What keeps a service from being ready; docs/deploy.md#states has the next step of each. */
export const notReadyStates = [
  'databaseNewer',
  'databaseLost',
  'anotherService',
  'standby',
  'credentialRefused',
  'noToken',
  'rightMissing',
  'clockWrong',
  'noAnswer',
  'unread',
  'late',
] as const
export type NotReadyState = (typeof notReadyStates)[number]
/** `GET /readyz`: 200 when `states` is empty, otherwise 503. `reasons` are sentences, each with its next step. */
export const readiness = Type.Object({ ready: Type.Boolean(), states: list(Type.Enum([...notReadyStates])), reasons: list(Type.String()) })
export type Readiness = Static<typeof readiness>
