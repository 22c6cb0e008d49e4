/** Standby by the hour: windows of the week, each with its number. */
import { Button } from 'azure-devops-ui/Button'
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import type { StandbyWindow } from '../../backend/core/settings.ts'
import { problemOf, type FieldProps } from './fields.tsx'
import { settingWords } from './words.ts'

const added: StandbyWindow = { days: [1, 2, 3, 4, 5], from: '07:30', to: '19:00', standby: 1 }
const week = [1, 2, 3, 4, 5, 6, 0]

export function WindowsField({ field, draft, problems, disabled, onChange }: FieldProps<'standbyWindows'>): ReactElement {
  const { name, help } = settingWords[field]
  const problem = problemOf(problems, field)
  const windows = draft.standbyWindows
  const write = (standbyWindows: readonly StandbyWindow[]): void => onChange({ standbyWindows })
  return (
    <FormItem label={name} message={problem ?? help} error={problem !== undefined}>
      <div className="hub-stack">
        {windows.map((window, index) => (
          <Window
            key={index}
            place={index + 1}
            window={window}
            disabled={disabled}
            onChange={(next) => write(windows.map((each, at) => (at === index ? next : each)))}
            onRemove={() => write(windows.filter((_, at) => at !== index))}
          />
        ))}
        <div>
          <Button text="Add a window" iconProps={{ iconName: 'Add' }} disabled={disabled} onClick={() => write([...windows, added])} />
        </div>
      </div>
    </FormItem>
  )
}

type WindowProps = {
  readonly place: number
  readonly window: StandbyWindow
  readonly disabled: boolean
  readonly onChange: (window: StandbyWindow) => void
  readonly onRemove: () => void
}

function Window({ place, window, disabled, onChange, onRemove }: WindowProps): ReactElement {
  const { days, from, to, standby } = window
  const field = (name: string, value: string, change: (text: string) => Partial<StandbyWindow>): ReactElement => (
    <TextField
      containerClassName="hub-short"
      ariaLabel={`${name} of window ${place}`}
      value={value}
      disabled={disabled}
      onChange={(_, text) => onChange({ ...window, ...change(text) })}
    />
  )
  return (
    <fieldset className="hub-window">
      <legend>{`Window ${place}`}</legend>
      <div className="hub-row">
        {week.map((day) => (
          <Checkbox
            key={day}
            label={dayName(day)}
            checked={days.includes(day)}
            disabled={disabled}
            onChange={(_, checked) => onChange({ ...window, days: week.filter((each) => (each === day ? checked : days.includes(each))) })}
          />
        ))}
      </div>
      <div className="hub-row">
        from {field('Start', from, (text) => ({ from: text }))}
        to {field('End', to, (text) => ({ to: text }))}
        standby {field('Standby', String(standby), (text) => ({ standby: /^\d+$/.test(text) ? Number(text) : Number.NaN }))}
        <Button subtle text="Remove" ariaLabel={`Remove window ${place}`} disabled={disabled} onClick={onRemove} />
      </div>
    </fieldset>
  )
}

/** 0 is Sunday. The first of January 2023 was one. */
function dayName(day: number): string {
  return new Intl.DateTimeFormat(undefined, { weekday: 'short', timeZone: 'UTC' }).format(1_672_531_200_000 + day * 86_400_000)
}
