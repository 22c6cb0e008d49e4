/** The numbers of the pool, and what they mean. The rest has its place in the settings of the pool. */
import { Card } from 'azure-devops-ui/Card'
import type { ReactElement } from 'react'
import type { PoolSettings, Problem } from '../../backend/core/settings.ts'
import { TextSettingField, ToggleSettingField } from '../settings/fields.tsx'
import type { WishProps } from './scale-set-card.tsx'
import { storyOf } from './story.ts'

type Props = WishProps & { readonly settings: PoolSettings | undefined; readonly problems: readonly Problem[] }

export function SettingsCard(props: Props): ReactElement {
  const { settings } = props
  const field = draftField(props)
  return (
    <Card titleProps={{ text: '2. Settings', ariaLevel: 2 }}>
      <div className="hub-columns hub-grow">
        <div className="hub-form">
          <TextSettingField field="machinesMax" {...field} />
          <TextSettingField field="standby" {...field} />
          <ToggleSettingField field="tearDownAfterUse" {...field} />
        </div>
        <section aria-label="What will happen">
          <h3 className="hub-subtitle">What will happen</h3>
          <ul className="hub-list" aria-live="polite">
            {settings !== undefined && storyOf(settings).map((sentence) => <li key={sentence}>{sentence}</li>)}
          </ul>
        </section>
      </div>
    </Card>
  )
}

/** What a field of the settings needs in a wizard. */
export function draftField({ wishes: { draft }, change, disabled, problems }: Omit<Props, 'settings'>) {
  return { draft, problems, disabled, onChange: (part: Partial<typeof draft>) => change({ draft: { ...draft, ...part } }) }
}
