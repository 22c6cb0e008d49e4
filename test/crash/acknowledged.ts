/** What the service has answered to people, and whether its database still knows it. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { LogList, SettingsView } from '../../backend/api/contract.ts'
import type { Client } from '../../backend/cli/client.ts'

export type Acknowledged = {
  /** Changes a setting and reads the log once; what is answered counts. @throws Failure when the service dies meanwhile. */
  work(client: Client, poolId: number): Promise<void>
  /** Looks into the database that a killed process left. Says what is missing or damaged. */
  missingIn(file: string): readonly string[]
  count(): { readonly settings: number; readonly entries: number }
}

export function createAcknowledged(): Acknowledged {
  /** By pool and version. */
  const settings = new Map<string, number>()
  const entries = new Map<number, string>()
  return {
    async work(client, poolId) {
      const path = `/pools/${poolId}/settings`
      const { version, settings: present } = await client.get<SettingsView>(path)
      const idleDelayMinutes = 1 + (version % 3)
      const changed = await client.send<SettingsView>('PUT', path, { version, settings: { ...input(present), idleDelayMinutes } })
      settings.set(`${poolId}/${changed.version}`, idleDelayMinutes)
      const log = await client.get<LogList>(`/pools/${poolId}/log?top=20`)
      for (const { id, message } of log.entries) entries.set(id, message)
    },
    missingIn: (file) => inCopy(file, (database) => [...damage(database), ...missing(database, settings, entries)]),
    count: () => ({ settings: settings.size, entries: entries.size }),
  }
}

function input({ deleting: _deleting, ...settings }: SettingsView['settings']) {
  return settings
}

/** A copy with its log: the next process does the recovery itself, on the file as it was left. */
function inCopy(file: string, look: (database: Libsql.Database) => readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'scale-set-agents-kill-copy-'))
  try {
    for (const end of ['', '-wal']) if (existsSync(file + end)) copyFileSync(file + end, join(folder, `copy.db${end}`))
    const database = new Libsql(join(folder, 'copy.db'))
    try {
      return look(database)
    } catch (error) {
      return [`the database is damaged: ${String(error)}`]
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function damage(database: Libsql.Database): readonly string[] {
  const rows = database.prepare('pragma integrity_check').all() as readonly { readonly integrity_check: string }[]
  return rows.flatMap(({ integrity_check: text }) => (text === 'ok' ? [] : [`the database is damaged: ${text}`]))
}

function missing(
  database: Libsql.Database,
  settings: ReadonlyMap<string, number>,
  entries: ReadonlyMap<number, string>,
): readonly string[] {
  const rows = database.prepare('select pool_id, version, after from settings_history').all() as readonly HistoryRow[]
  const stored = new Map(
    rows.map((row) => [`${row.pool_id}/${row.version}`, (JSON.parse(row.after) as { readonly idleDelayMinutes: number }).idleDelayMinutes]),
  )
  const log = database.prepare('select id, message from log').all() as readonly { readonly id: number; readonly message: string }[]
  const known = new Map(log.map(({ id, message }) => [id, message]))
  return [
    ...[...settings].flatMap(([key, value]) => (stored.get(key) === value ? [] : [`the settings ${key} were answered and are not stored`])),
    ...[...entries].flatMap(([id, message]) => (known.get(id) === message ? [] : [`the log entry ${id} was shown and is not stored`])),
  ]
}

type HistoryRow = { readonly pool_id: number; readonly version: number; readonly after: string }
