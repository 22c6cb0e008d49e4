/** A pool on a scale set of its own in the rig, and what the cases ask about it. */
import type {
  BootView,
  LogList,
  LogView,
  MachineList,
  MachineView,
  PoolCreated,
  PoolDetail,
  SettingsInput,
} from '../../../backend/api/contract.ts'
import type { BootPhase } from '../../../backend/core/boot.ts'
import type { AgentFacts, MachineFacts, RequestFacts } from '../../../backend/simulator/facts.ts'
import { fillTemplate } from '../../../sandbox/scale-set-template.ts'
import type { Image, Life } from './fleet.ts'
import type { Rig } from './rig.ts'
import { until } from './until.ts'

export type PoolWish = { readonly settings?: SettingsInput; readonly image?: Image }

export type TestPool = {
  readonly poolId: number
  readonly scaleSetId: string
  /** Queues a job that runs for so long, and gives its request's id. */
  queueJob(durationMs?: number): number
  /** Waits until the request is in this state. */
  job(requestId: number, state: 'assigned' | 'running' | 'finished'): Promise<RequestFacts>
  /** The pool's first machine in its life of this number. */
  life(number?: number, waitMsMax?: number): Promise<Life>
  /** The lives of its machines that go on. */
  lives(): readonly Life[]
  agents(): readonly AgentFacts[]
  /** The agent of this machine, once it is online. */
  agentOnline(computerName: string): Promise<AgentFacts>
  /** The newest Diagnostics entry whose message fits, once there is one. */
  diagnostics(message: RegExp, waitMsMax?: number): Promise<LogView>
  /** What the machine's lives told, the oldest first. */
  boots(computerName: string): Promise<BootView['lives']>
  /** The machine's first life has told the end of this phase. */
  told(computerName: string, phase: BootPhase): Promise<void>
  /** What keeps the pool from working, by the service's own words. */
  problem(words: RegExp): Promise<string>
  /** The machines that Azure really has. */
  machines(): readonly MachineFacts[]
  /** The service's own view of a machine. */
  machine(computerName: string): Promise<MachineView | undefined>
  /** Nothing more grows; what is there goes. */
  close(): Promise<void>
}

const waitMsMax = 60_000

/** The service starts a first machine by itself, to learn what it can do. Jobs may be queued once the pool has an agent. */
export async function openPool(rig: Rig, name: string, wish: PoolWish = {}): Promise<TestPool> {
  const { world } = rig.sandbox
  const base = `/subscriptions/${rig.subscriptionId}/resourceGroups/agents/providers`
  const scaleSetId = `${base}/Microsoft.Compute/virtualMachineScaleSets/${name}`
  const made = world.azure.putScaleSet(
    scaleSetId,
    fillTemplate({ name }, 'westeurope', `${base}/Microsoft.Network/virtualNetworks/network/subnets/machines`),
  )
  if (!made.ok) throw new Error(`The scale set ${name} was not made: ${JSON.stringify(made)}`)
  rig.fleet.setImage(scaleSetId, wish.image ?? {})
  const settings: SettingsInput = { standby: 0, machinesMax: 1, savedMax: 0, ...wish.settings }
  const { pool } = await rig.client.send<PoolCreated>('POST', '/pools', { poolName: name, scaleSetId, settings })
  const { poolId } = pool
  const boots = async (computerName: string): Promise<BootView['lives']> => {
    const boot = await rig.client.find<BootView>(`/pools/${poolId}/machines/${computerName}/boot`)
    return boot?.lives.toReversed() ?? []
  }
  return {
    poolId,
    scaleSetId,
    queueJob: (durationMs = 500) => world.queueJob({ poolId, durationMs }),
    job: (requestId, state) => until(`job ${requestId} of ${name} is ${state}`, () => requestIn(rig, poolId, requestId, state), waitMsMax),
    life: (number = 1, msMax = waitMsMax) => rig.fleet.life(scaleSetId, number, msMax),
    lives: () => rig.fleet.lives(scaleSetId),
    agents: () => world.truth.agents(poolId),
    agentOnline: (computerName) =>
      until(
        `${computerName} is online`,
        () => world.truth.agents(poolId).find((agent) => agent.name === computerName && agent.online),
        waitMsMax,
      ),
    diagnostics: (message, msMax = waitMsMax) =>
      until(
        `${name} has in Diagnostics ${String(message)}`,
        async () => {
          const { entries } = await rig.client.get<LogList>(`/pools/${poolId}/log?top=100`)
          return entries.find((entry) => message.test(entry.message))
        },
        msMax,
      ),
    boots,
    async told(computerName, wanted) {
      await until(`${computerName} has told ${wanted}`, async () => {
        const [life] = await boots(computerName)
        return life?.phases.some(({ phase, result }) => phase === wanted && result === 'ok')
      })
    },
    problem: (words) =>
      until(
        `${name} has the problem ${String(words)}`,
        async () => {
          const { pool: summary } = await rig.client.get<PoolDetail>(`/pools/${poolId}`)
          return [summary.next, ...summary.problems].find((sentence) => words.test(sentence))
        },
        waitMsMax,
      ),
    machines: () => world.truth.machines(scaleSetId),
    async machine(computerName) {
      const { machines } = await rig.client.get<MachineList>(`/pools/${poolId}/machines`)
      return machines.find((machine) => machine.name === computerName)
    },
    async close() {
      for (const { id, finishedAt } of world.truth.requests(poolId)) if (finishedAt === undefined) world.cancelJob(id)
      await rig.client.send('DELETE', `/pools/${poolId}`)
    },
  }
}

function requestIn(rig: Rig, poolId: number, requestId: number, state: 'assigned' | 'running' | 'finished'): RequestFacts | undefined {
  const request = rig.sandbox.world.truth.requests(poolId).find(({ id }) => id === requestId)
  const at = { assigned: request?.assignedAt, running: request?.receivedAt, finished: request?.finishedAt }[state]
  return at === undefined ? undefined : request
}
