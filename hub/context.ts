/** What every page of the hub has at hand. */
import { createContext, useContext } from 'react'
import type { JobView } from '../backend/api/contract.ts'
import type { SessionView } from '../backend/api/contract-sign-in.ts'
import type { Route } from './route.ts'
import type { Service } from './service.ts'

export type Rights = Pick<SessionView, 'pools' | 'mayCreate'>

export type Hub = {
  readonly service: Service
  readonly rights: Rights
  readonly go: (route: Route) => void
  /** The address of a page of the hub in Azure DevOps, for a link that can be opened beside this one. */
  readonly hrefOf: (route: Route) => string
  readonly native: NativePages
  /** Asks before the person leaves; absent: nothing would be lost. */
  readonly guard: (question: LeaveQuestion | undefined) => void
  /** Asks for the rights again: a pool that was made just now is in none that were asked for before. */
  readonly renew: () => void
  /** Says what happened: shown for a while, and told to screen readers. */
  readonly say: (message: string, tone?: 'info' | 'error') => void
}
/** Addresses of Azure DevOps' own pages. */
export type NativePages = {
  pool(poolId: number): string
  agent(poolId: number, agentId: number): string
  build(build: BuildRef): string
}
type BuildRef = NonNullable<JobView['build']>

/** What would be lost. */
export type LeaveQuestion = string

export const HubContext = createContext<Hub | undefined>(undefined)

export function useHub(): Hub {
  const hub = useContext(HubContext)
  if (hub === undefined) throw new Error('A page of the hub stands outside of HubContext.')
  return hub
}

export function mayManage(rights: Rights, poolId: number): boolean {
  return rights.pools.manage.includes(poolId)
}
