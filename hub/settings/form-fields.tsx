/** The fields: those of the built-in feature first, the others behind them. */
import type { ReactElement } from 'react'
import type { Problem } from '../../backend/core/settings.ts'
import type { Draft } from './draft.ts'
import { CapabilitiesField, TextSettingField, ToggleSettingField } from './fields.tsx'
import { WindowsField } from './windows-field.tsx'

type Props = {
  readonly draft: Draft
  readonly problems: readonly Problem[]
  readonly disabled: boolean
  readonly onChange: (change: Partial<Draft>) => void
}

export function FormFields(props: Props): ReactElement {
  return (
    <div className="hub-form hub-grow">
      <TextSettingField field="machinesMax" {...props} />
      <TextSettingField field="standby" {...props} />
      <TextSettingField field="idleDelayMinutes" {...props} />
      <ToggleSettingField field="tearDownAfterUse" {...props} />
      <TextSettingField field="savedMax" {...props} />
      <ToggleSettingField field="interactive" {...props} />
      <WindowsField field="standbyWindows" {...props} />
      <TextSettingField field="timeZone" {...props} />
      <TextSettingField field="startMinutesMax" {...props} />
      <ToggleSettingField field="saveCreationFailed" {...props} />
      <TextSettingField field="agentVersion" {...props} />
      <ToggleSettingField field="sudo" {...props} />
      <ToggleSettingField field="holdUpgrades" {...props} />
      <TextSettingField field="proxy" {...props} />
      <CapabilitiesField field="capabilities" {...props} />
      <ToggleSettingField field="tokenInModel" {...props} />
    </div>
  )
}
