/** What of Diagnostics is looked at. */
import { Status, Statuses, StatusSize } from 'azure-devops-ui/Status'
import { TextField } from 'azure-devops-ui/TextField'
import { useEffect, useState, type ReactElement, type ReactNode } from 'react'
import { browserClock } from '../clock.ts'
import { Choice } from '../components/choice.tsx'
import { operationNames } from './operations.ts'

export type ShownFilter = {
  readonly text: string
  readonly level: string
  readonly operation: string
  readonly machine: string
  /** Milliseconds back from now; 0 for all. */
  readonly lastMs: number
}

export const noFilter: ShownFilter = { text: '', level: '', operation: '', machine: '', lastMs: 0 }

const levels = [
  { id: '', text: 'All levels' },
  { id: 'error', text: 'Errors' },
  { id: 'warning', text: 'Warnings' },
  { id: 'info', text: 'Information' },
]
const operations = [{ id: '', text: 'All operations' }, ...Object.entries(operationNames).map(([id, text]) => ({ id, text }))]
const times = [
  { id: '0', text: 'Any time' },
  { id: '3600000', text: 'Last hour' },
  { id: '86400000', text: 'Last day' },
  { id: '604800000', text: 'Last 7 days' },
]
/** The service is asked for a machine when its name has been typed. */
const typingMs = 400

type Props = {
  readonly filter: ShownFilter
  readonly onFilter: (filter: ShownFilter) => void
  readonly live: boolean
  readonly children: ReactNode
}

export function DiagnosticsBar({ filter, onFilter, live, children }: Props): ReactElement {
  return (
    <div className="hub-bar">
      <TextField
        containerClassName="hub-bar-filter"
        prefixIconProps={{ iconName: 'Filter' }}
        placeholder="Filter by words"
        ariaLabel="Filter the entries by words"
        value={filter.text}
        onChange={(_, text) => onFilter({ ...filter, text })}
      />
      <Machine machine={filter.machine} onMachine={(machine) => onFilter({ ...filter, machine })} />
      <Choice
        className="hub-bar-choice"
        label="Level"
        items={levels}
        chosen={filter.level}
        onChoose={(level) => onFilter({ ...filter, level })}
      />
      <Choice
        className="hub-bar-choice"
        label="Operation"
        items={operations}
        chosen={filter.operation}
        onChoose={(operation) => onFilter({ ...filter, operation })}
      />
      <Choice
        className="hub-bar-choice"
        label="Time"
        items={times}
        chosen={String(filter.lastMs)}
        onChoose={(lastMs) => onFilter({ ...filter, lastMs: Number(lastMs) })}
      />
      {children}
      <span className="hub-row hub-nowrap secondary-text">
        <Status {...(live ? Statuses.Success : Statuses.Queued)} size={StatusSize.s} ariaLabel="" />
        {live ? 'Live' : 'Looks every few seconds'}
      </span>
    </div>
  )
}

type MachineProps = { readonly machine: string; readonly onMachine: (machine: string) => void }

function Machine({ machine, onMachine }: MachineProps): ReactElement {
  const [text, setText] = useState(machine)
  useEffect(() => (text === machine ? undefined : browserClock.after(typingMs, () => onMachine(text.trim()))), [text, machine, onMachine])
  return (
    <TextField
      containerClassName="hub-bar-choice"
      placeholder="Machine"
      ariaLabel="Name of a machine"
      value={text}
      onChange={(_, value) => setText(value)}
    />
  )
}
