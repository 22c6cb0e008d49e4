/** Who changed which setting when. */
import { Card } from 'azure-devops-ui/Card'
import type { ReactElement } from 'react'
import type { SettingsHistory } from '../../backend/api/contract.ts'
import { Empty, Frame } from '../components/state.tsx'
import { Time } from '../components/time.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'
import { differences } from './draft.ts'
import { settingWords } from './words.ts'

/** `version` is the present one: a new one reads the history anew. */
export function HistoryCard({ poolId, version }: { readonly poolId: number; readonly version: number }): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `history ${poolId} ${version}`,
    read: (signal) => service.settingsHistory(poolId, signal),
    isEmpty: ({ changes }) => changes.length === 0,
  })
  return (
    <Card titleProps={{ text: 'History', ariaLevel: 2 }}>
      <Frame
        what="the history"
        resource={resource}
        again={again}
        empty={<Empty title="No changes" text="Nobody changed a setting of this pool." iconName="History" />}
      >
        {({ changes }) => <Changes changes={changes} />}
      </Frame>
    </Card>
  )
}

export function Changes({ changes }: SettingsHistory): ReactElement {
  return (
    <ul className="hub-list hub-grow">
      {changes.map(({ version, by, changedAtMs, settings }, index) => (
        <li key={version}>
          <strong>{`Version ${version}`}</strong> by {by}, <Time atMs={changedAtMs} />
          <ul className="hub-list hub-inset">
            {index + 1 < changes.length ? (
              differences(changes[index + 1]?.settings, settings).map(({ field, before, after }) => (
                <li key={field}>
                  {settingWords[field].name}: {before || 'empty'} → {after || 'empty'}
                </li>
              ))
            ) : (
              <li className="secondary-text">The oldest that is kept.</li>
            )}
          </ul>
        </li>
      ))}
    </ul>
  )
}
