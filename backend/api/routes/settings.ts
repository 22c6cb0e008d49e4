/** A pool's settings: read, change with the version that was read, and who changed them when. */
import { settingsChange, settingsHistory, settingsView } from '../contract.ts'
import { deadline, poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { problemOf } from '../problems.ts'

const changesMax = 100

export function settings(app: App, parts: ApiParts): void {
  app.get(
    '/pools/:poolId/settings',
    { config: { right: 'use' }, schema: { params: poolParams, response: { 200: settingsView } } },
    async ({ params }) => {
      const { poolId, version, settings: present } = await recordOf(parts, params.poolId)
      return { poolId, version, settings: present }
    },
  )
  app.put(
    '/pools/:poolId/settings',
    { config: { right: 'manage' }, schema: { params: poolParams, body: settingsChange, response: { 200: settingsView } } },
    async ({ params, body, asker }) => {
      const changed = await parts.pools.changeSettings(params.poolId, body.version, body.settings, asker.by, deadline(parts))
      if (!changed.ok) throw problemOf(changed)
      const { poolId, version, settings: present } = changed.value
      return { poolId, version, settings: present }
    },
  )
  app.get(
    '/pools/:poolId/settings/history',
    { config: { right: 'use' }, schema: { params: poolParams, response: { 200: settingsHistory } } },
    async ({ params }) => {
      const { poolId } = await recordOf(parts, params.poolId)
      const changes = await parts.settings.history(poolId, changesMax)
      return {
        changes: changes.map(({ version, by, wallTimeMs, before, after }) => ({
          version,
          by,
          changedAtMs: wallTimeMs,
          before,
          settings: after,
        })),
      }
    },
  )
}
