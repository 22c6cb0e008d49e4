/** A hub around a page under test: a service of plain answers, rights, and what the page told it. */
import { act, render, type RenderResult } from '@testing-library/react'
import type { ReactElement } from 'react'
import type { MachineView, PoolDetail, PoolSummary } from '../../backend/api/contract.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { failed, type Answer, type Failure } from '../../hub/answer.ts'
import { HubContext, type Hub } from '../../hub/context.ts'
import type { Route } from '../../hub/route.ts'
import type { Service } from '../../hub/service.ts'

export type Shown = RenderResult & {
  /** The same place with another page in it. */
  readonly update: (page: ReactElement) => void
  readonly went: readonly Route[]
  readonly said: readonly string[]
}

/** Calls that a test does not expect end it: they are not there. */
export function show(page: ReactElement, service: Partial<Service> = {}, rights: Partial<Hub['rights']> = {}): Shown {
  const went: Route[] = []
  const said: string[] = []
  const hub: Hub = {
    service: service as Service,
    rights: { pools: { manage: [1], use: [1] }, mayCreate: true, ...rights },
    go: (route) => void went.push(route),
    guard: () => undefined,
    renew: () => undefined,
    say: (message) => void said.push(message),
    hrefOf: (route) => `https://dev.azure.com/contoso/_settings/hub?${route.page}`,
    native: {
      pool: (poolId) => `https://dev.azure.com/contoso/pool/${poolId}`,
      agent: (poolId, agentId) => `https://dev.azure.com/contoso/pool/${poolId}/agent/${agentId}`,
      build: ({ project, id }) => `https://dev.azure.com/contoso/${project}/build/${id}`,
    },
  }
  const within = (content: ReactElement): ReactElement => <HubContext.Provider value={hub}>{content}</HubContext.Provider>
  const shown = render(within(page))
  return { ...shown, update: (next) => shown.rerender(within(next)), went, said }
}

/** Lets answers that are there arrive. */
export function settled(): Promise<void> {
  return act(async () => void (await new Promise((resolve) => setTimeout(resolve, 0))))
}

export const answer = async <T,>(value: T): Promise<Answer<T>> => ({ ok: true, value })
export const refuse = async <T,>(kind: Failure['kind'], message: string): Promise<Answer<T>> => failed(kind, message)

export function poolOf(part: Partial<PoolSummary> = {}): PoolSummary {
  return {
    poolId: 1,
    name: 'linux-agents',
    scaleSetId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/linux',
    state: 'online',
    paused: false,
    deleting: false,
    version: 3,
    machinesMax: 10,
    standby: 2,
    stages: { busy: 3, idle: 1, failed: 1 },
    capacity: 5,
    wanted: 6,
    waiting: 4,
    running: 3,
    longestWaitMs: 75_000,
    next: '1 more machine needed.',
    problems: [],
    lastPassAgoMs: 2_000,
    ...part,
  }
}

export function detailOf(part: Partial<PoolDetail> = {}): PoolDetail {
  return {
    pool: poolOf(),
    settings: defaultSettings,
    openActions: [],
    replaceConfirmed: false,
    takeOverConfirmed: false,
    lostToOnceRace: 0,
    ...part,
  }
}

export function machineOf(part: Partial<MachineView> = {}): MachineView {
  const [id, name] = [part.id ?? '7', part.name ?? 'linux000007']
  const agent = { id: 3, name, online: true, enabled: true }
  return {
    id,
    name,
    generation: 1,
    stage: 'idle',
    state: 'idle',
    forMs: 60_000,
    agentId: 3,
    why: 'It counts as standby.',
    facts: { stage: 'idle', id, name, generation: 1, since: 0, agent },
    ...part,
  }
}
