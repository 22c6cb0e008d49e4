/** Shapes of what a person looks at beside the pools themselves: before one is made, at its agents, and to get to a machine. */
import { Type, type Static } from 'typebox'
import { list, oneOf } from './contract-shapes.ts'

/** `GET /api/v1/scale-sets`: those that the service's identity may read, by name. */
export const scaleSetList = Type.Object({
  scaleSets: list(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      resourceGroup: Type.String(),
      location: Type.String(),
      size: Type.String(),
      capacity: Type.Integer(),
      usedBy: Type.Optional(Type.String({ description: 'Name of the pool of this service that runs on it.' })),
    }),
  ),
})
export type ScaleSetList = Static<typeof scaleSetList>
export type ScaleSetView = ScaleSetList['scaleSets'][number]

/** One thing to do: why, and the command to copy. */
const step = Type.Object({ sentence: Type.String(), command: Type.String({ description: 'Empty when there is none.' }) })
export type StepView = Static<typeof step>

/** Settings of a built-in pool in our names. What it does not have keeps its default. */
const builtInSettings = Type.Object({
  machinesMax: Type.Integer(),
  standby: Type.Integer(),
  tearDownAfterUse: Type.Boolean(),
  savedMax: Type.Integer(),
  interactive: Type.Boolean(),
  idleDelayMinutes: Type.Integer(),
})

/** `GET /api/v1/built-in-pools`: pools that Azure DevOps sizes itself, which the person may manage. */
export const builtInPoolList = Type.Object({
  pools: list(
    Type.Object({
      poolId: Type.Integer(),
      name: Type.String(),
      scaleSetId: Type.String(),
      settings: builtInSettings,
      takeOver: list(step),
      wayBack: list(step),
    }),
  ),
})
export type BuiltInPoolList = Static<typeof builtInPoolList>
export type BuiltInPoolView = BuiltInPoolList['pools'][number]

/** `GET …/machines/{machine}/connect`: read from the scale set at the call. Never a password. */
export const connectView = Type.Object({
  poolId: Type.Integer(),
  machine: Type.String(),
  ways: list(
    Type.Object({
      way: oneOf(['publicAddress', 'natPort', 'jumpHost']),
      sentence: Type.String(),
      steps: list(step),
    }),
  ),
})
export type ConnectView = Static<typeof connectView>

/** Whether as many agents are idle as are wanted on standby now, by the hour of the day. */
export const standbyView = Type.Object({
  wanted: Type.Integer(),
  idle: Type.Integer({ description: 'Idle agents, ours and others.' }),
  coming: Type.Integer({ description: 'Machines on their way.' }),
  kept: Type.Boolean(),
  sentence: Type.String(),
})
export type StandbyView = Static<typeof standbyView>

/** An agent of the pool that is not ours: counted, and never touched by the service itself. */
export const otherAgentView = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  online: Type.Boolean(),
  enabled: Type.Boolean(),
  busy: Type.Boolean({ description: 'It runs a job.' }),
  version: Type.Optional(Type.String()),
})
export type OtherAgentView = Static<typeof otherAgentView>

/** Of an entry that tells of a failure with a known cause: equal ones belong together. */
export const failureView = Type.Object({
  name: Type.String({ description: 'Short, such as "name resolution".' }),
  cause: Type.String({ description: 'What happened, in a sentence. Empty when only the name is known.' }),
  fix: Type.String({ description: 'What to do.' }),
})
export type FailureView = Static<typeof failureView>
