/** `pool list | create | set | delete | pause | resume | try-again | confirm`. */
import type {
  Accepted,
  Confirmation,
  PoolCreated,
  PoolCreation,
  PoolList,
  SettingsChange,
  SettingsInput,
  SettingsView,
} from '../api/contract.ts'
import type { Client } from './client.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool, poolTable } from './pools.ts'
import { harmless, table } from './text.ts'

export async function listPools(client: Client, io: Io): Promise<ExitCode> {
  const list = await client.get<PoolList>('/pools')
  answer(io, list, () => poolTable(list.pools, io.paint))
  return exitCodes.ok
}

export async function createPool(client: Client, io: Io, wish: PoolCreation): Promise<ExitCode> {
  const created = await client.send<PoolCreated>('POST', '/pools', wish)
  answer(io, created, () => harmless(created.message))
  return exitCodes.ok
}

/** Changes the given settings and leaves the others; without any, shows the present ones. */
export async function setPool(client: Client, io: Io, poolName: string, settings: SettingsInput): Promise<ExitCode> {
  const { poolId, name } = await findPool(client, poolName)
  const path = `/pools/${poolId}/settings`
  const present = await client.get<SettingsView>(path)
  const changes = Object.keys(settings).length > 0
  const view = changes
    ? await client.send<SettingsView>('PUT', path, { version: present.version, settings } satisfies SettingsChange)
    : present
  const head = changes
    ? `Settings of ${harmless(name)} are now version ${view.version}.`
    : `Settings of ${harmless(name)}, version ${view.version}.`
  answer(io, view, () => `${head}\n${settingsTable(view, io)}`)
  return exitCodes.ok
}

/** Drains the pool, deletes its machines and the agent pool. Asks for `--yes` because nothing brings them back. */
export async function deletePool(client: Client, io: Io, poolName: string, confirmed: boolean): Promise<ExitCode> {
  const { poolId, name } = await findPool(client, poolName)
  if (!confirmed) {
    throw new Failure(
      exitCodes.usage,
      `Deleting drains pool '${harmless(name)}', deletes all its machines and the agent pool in Azure DevOps. Run it again with --yes if that is meant.`,
    )
  }
  return tell(io, await client.send<Accepted>('DELETE', `/pools/${poolId}`))
}

export async function orderPool(client: Client, io: Io, poolName: string, order: 'pause' | 'resume' | 'try-again'): Promise<ExitCode> {
  const { poolId } = await findPool(client, poolName)
  return tell(io, await client.send<Accepted>('POST', `/pools/${poolId}/${order}`))
}

export async function confirmPool(client: Client, io: Io, poolName: string, what: string): Promise<ExitCode> {
  const { poolId } = await findPool(client, poolName)
  const confirmed: Confirmation = { what: what === 'take-over' ? 'takeOver' : 'replace' }
  return tell(io, await client.send<Accepted>('POST', `/pools/${poolId}/confirm`, confirmed))
}

function tell(io: Io, accepted: Accepted): ExitCode {
  answer(io, accepted, () => harmless(accepted.message))
  return exitCodes.ok
}

function settingsTable(view: SettingsView, io: Io): string {
  const columns = [
    { title: 'SETTING', value: (row: readonly [string, unknown]) => row[0] },
    {
      title: 'VALUE',
      value: (row: readonly [string, unknown]) => harmless(typeof row[1] === 'object' ? JSON.stringify(row[1]) : String(row[1])),
    },
  ]
  return table(Object.entries(view.settings), columns, io.paint)
}
