/** A setting in a form: its name, what it does, and its problems beside it. */
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import { Toggle } from 'azure-devops-ui/Toggle'
import { useState, type ReactElement } from 'react'
import type { Problem } from '../../backend/core/settings.ts'
import { capabilitiesOf, linesOf, type Draft, type Editable, type NumberField } from './draft.ts'
import { settingWords } from './words.ts'

export type FieldProps<F extends Editable> = {
  readonly field: F
  readonly draft: Draft
  readonly problems: readonly Problem[]
  readonly disabled: boolean
  readonly onChange: (change: Partial<Draft>) => void
}

type TextSetting = NumberField | 'timeZone' | 'agentVersion' | 'proxy'
type ToggleSetting = 'tearDownAfterUse' | 'interactive' | 'saveCreationFailed' | 'sudo' | 'holdUpgrades' | 'tokenInModel'

export function TextSettingField({ field, draft, problems, disabled, onChange }: FieldProps<TextSetting>): ReactElement {
  const { name, help } = settingWords[field]
  const problem = problemOf(problems, field)
  return (
    <FormItem label={name} message={problem ?? help} error={problem !== undefined}>
      <TextField
        ariaLabel={name}
        ariaInvalid={problem !== undefined}
        value={draft[field]}
        disabled={disabled}
        containerClassName={isNumber(field) ? 'hub-short' : ''}
        onChange={(_, value) => onChange({ [field]: value })}
      />
    </FormItem>
  )
}

export function ToggleSettingField({ field, draft, problems, disabled, onChange }: FieldProps<ToggleSetting>): ReactElement {
  const { name, help } = settingWords[field]
  const problem = problemOf(problems, field)
  return (
    <FormItem message={problem ?? help} error={problem !== undefined}>
      <Toggle
        text={name}
        ariaLabel={name}
        checked={draft[field]}
        disabled={disabled}
        onChange={(_, value) => onChange({ [field]: value })}
      />
    </FormItem>
  )
}

export function CapabilitiesField({ field, draft, problems, disabled, onChange }: FieldProps<'capabilities'>): ReactElement {
  const { name, help } = settingWords[field]
  const problem = problemOf(problems, field)
  const [text, setText] = useState(() => linesOf(draft.capabilities))
  return (
    <FormItem label={name} message={problem ?? help} error={problem !== undefined}>
      <TextField
        multiline
        rows={3}
        ariaLabel={name}
        value={text}
        disabled={disabled}
        onChange={(_, value) => {
          setText(value)
          onChange({ capabilities: capabilitiesOf(value) })
        }}
      />
    </FormItem>
  )
}

/** The problem of a field, or of a part of it. */
export function problemOf(problems: readonly Problem[], field: string): string | undefined {
  return problems.find((each) => each.field === field || each.field.startsWith(`${field}[`))?.message
}

function isNumber(field: TextSetting): boolean {
  return field !== 'timeZone' && field !== 'agentVersion' && field !== 'proxy'
}
