/** What is seldom another than it is: the agent pool's name, who may use it, and the other settings of the built-in feature. */
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import type { Problem } from '../../backend/core/settings.ts'
import { Foldable } from '../components/foldable.tsx'
import { TextSettingField, ToggleSettingField } from '../settings/fields.tsx'
import type { WishProps } from './scale-set-card.tsx'
import { draftField } from './settings-card.tsx'
import { poolNameOf } from './wishes.ts'

type Props = WishProps & { readonly problems: readonly Problem[] }

export function MoreCard(props: Props): ReactElement {
  const { wishes, change, disabled } = props
  const field = draftField(props)
  return (
    <Foldable title="More choices">
      <div className="hub-form hub-grow">
        <FormItem label="Name" message="Of the agent pool, as pipelines write it. Empty: the name of the scale set.">
          <TextField
            ariaLabel="Name of the agent pool"
            value={wishes.poolName}
            placeholder={poolNameOf(wishes)}
            disabled={disabled}
            onChange={(_, poolName) => change({ poolName })}
          />
        </FormItem>
        <Checkbox
          label="Take the agent pool of that name, if there is one"
          checked={wishes.existingPool}
          disabled={disabled}
          onChange={(_, existingPool) => change({ existingPool })}
        />
        <Checkbox
          label="Authorize all pipelines of the project, without asking for each"
          checked={wishes.authorizeAllPipelines}
          disabled={disabled || wishes.project.trim() === ''}
          onChange={(_, authorizeAllPipelines) => change({ authorizeAllPipelines })}
        />
        <TextSettingField field="idleDelayMinutes" {...field} />
        <TextSettingField field="savedMax" {...field} />
        <ToggleSettingField field="interactive" {...field} />
      </div>
    </Foldable>
  )
}
