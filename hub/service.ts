/** The service's calls by name, with the shapes of its own contract. */
import type {
  Accepted,
  BootView,
  CheckReport,
  CheckRequest,
  Confirmation,
  JobList,
  LogList,
  MachineList,
  MachineOrder,
  PassDetail,
  PassList,
  PoolCreated,
  PoolCreation,
  PoolDetail,
  PoolList,
  SettingsChange,
  SettingsHistory,
  SettingsView,
} from '../backend/api/contract.ts'
import type { BuiltInPoolList, ConnectView, ScaleSetList } from '../backend/api/contract-look.ts'
import type { ServiceView } from '../backend/api/contract-sign-in.ts'
import type { Answer } from './answer.ts'
import type { Client } from './client.ts'

export type LogFilter = { readonly before?: number; readonly top?: number; readonly level?: string; readonly machine?: string }
export type Service = ReturnType<typeof createService>

export function createService({ call, follow, session, renew, open, address }: Client) {
  const pool = (poolId: number): string => `/api/v1/pools/${poolId}`
  const get = <T>(path: string, signal?: AbortSignal): Promise<Answer<T>> => call<T>({ path, ...(signal === undefined ? {} : { signal }) })
  const post = <T>(path: string, body?: unknown): Promise<Answer<T>> =>
    call<T>({ method: 'POST', path, ...(body === undefined ? {} : { body }) })
  const named = (poolId: number, machine: string): string => `${pool(poolId)}/machines/${encodeURIComponent(machine)}`
  return {
    address,
    session,
    renew,
    info: (signal?: AbortSignal) => open<ServiceView>('/api/v1/service', signal),
    pools: (signal?: AbortSignal) => get<PoolList>('/api/v1/pools', signal),
    detail: (poolId: number, signal?: AbortSignal) => get<PoolDetail>(pool(poolId), signal),
    jobs: (poolId: number, signal?: AbortSignal) => get<JobList>(`${pool(poolId)}/jobs`, signal),
    machines: (poolId: number, signal?: AbortSignal) => get<MachineList>(`${pool(poolId)}/machines`, signal),
    boot: (poolId: number, machine: string, signal?: AbortSignal) => get<BootView>(`${named(poolId, machine)}/boot`, signal),
    connect: (poolId: number, machine: string, signal?: AbortSignal) => get<ConnectView>(`${named(poolId, machine)}/connect`, signal),
    setEnabled: (poolId: number, agentId: number, enabled: boolean) =>
      post<Accepted>(`${pool(poolId)}/agents/${agentId}/${enabled ? 'enable' : 'disable'}`),
    scaleSets: (signal?: AbortSignal) => get<ScaleSetList>('/api/v1/scale-sets', signal),
    builtInPools: (signal?: AbortSignal) =>
      call<BuiltInPoolList>({ path: '/api/v1/built-in-pools', asPerson: true, ...(signal === undefined ? {} : { signal }) }),
    passes: (poolId: number, query: { readonly top: number; readonly before?: number }, signal?: AbortSignal) =>
      get<PassList>(`${pool(poolId)}/passes${search(query)}`, signal),
    pass: (poolId: number, passId: number, signal?: AbortSignal) => get<PassDetail>(`${pool(poolId)}/passes/${passId}`, signal),
    log: (poolId: number, filter: LogFilter, signal?: AbortSignal) => get<LogList>(`${pool(poolId)}/log${search(filter)}`, signal),
    settings: (poolId: number, signal?: AbortSignal) => get<SettingsView>(`${pool(poolId)}/settings`, signal),
    settingsHistory: (poolId: number, signal?: AbortSignal) => get<SettingsHistory>(`${pool(poolId)}/settings/history`, signal),
    changeSettings: (poolId: number, body: SettingsChange) => call<SettingsView>({ method: 'PUT', path: `${pool(poolId)}/settings`, body }),
    order: (poolId: number, machine: string, body: MachineOrder) => post<Accepted>(`${named(poolId, machine)}/orders`, body),
    pause: (poolId: number) => post<Accepted>(`${pool(poolId)}/pause`),
    resume: (poolId: number) => post<Accepted>(`${pool(poolId)}/resume`),
    tryAgain: (poolId: number) => post<Accepted>(`${pool(poolId)}/try-again`),
    confirm: (poolId: number, body: Confirmation) => post<Accepted>(`${pool(poolId)}/confirm`, body),
    remove: (poolId: number) => call<Accepted>({ method: 'DELETE', path: pool(poolId) }),
    check: (body: CheckRequest, signal?: AbortSignal) =>
      call<CheckReport>({ method: 'POST', path: '/api/v1/check', body, asPerson: true, ...(signal === undefined ? {} : { signal }) }),
    create: (body: PoolCreation) => call<PoolCreated>({ method: 'POST', path: '/api/v1/pools', body, asPerson: true }),
    /** Passes and new Diagnostics entries, until the signal aborts or the connection ends. */
    events: (query: { readonly poolId?: number; readonly after?: number }, ...[onEvent, signal]: EventParts) =>
      follow(`/api/v1/events${search(query)}`, onEvent, signal),
  }
}

type EventParts = [Parameters<Client['follow']>[1], AbortSignal]

function search(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
  return given.length === 0 ? '' : `?${given.join('&')}`
}
