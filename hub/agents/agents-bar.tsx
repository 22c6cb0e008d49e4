/** Filters of the machines, and what can be done with those that are chosen. */
import { Button } from 'azure-devops-ui/Button'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import type { MachineView } from '../../backend/api/contract.ts'
import { Choice } from '../components/choice.tsx'
import { counted } from '../components/more-or-less.ts'
import { stageGroups } from '../components/stages.ts'
import { orderKinds, type OrderKind } from './orders.ts'
import type { MachineFilter } from './rows.ts'

type Props = {
  readonly filter: MachineFilter
  readonly onFilter: (filter: MachineFilter) => void
  readonly shown: number
  readonly all: number
  readonly selected: readonly MachineView[]
  /** Absent for people who may only look. */
  readonly onOrder: ((kind: OrderKind) => void) | undefined
}

const groups = [{ id: '', text: 'All stages' }, ...stageGroups.map(({ id, name }) => ({ id, text: name }))]

export function AgentsBar({ filter, onFilter, shown, all, selected, onOrder }: Props): ReactElement {
  return (
    <div className="hub-bar">
      <TextField
        containerClassName="hub-bar-filter"
        prefixIconProps={{ iconName: 'Filter' }}
        placeholder="Filter by name or reason"
        ariaLabel="Filter the machines"
        value={filter.text}
        onChange={(_, text) => onFilter({ ...filter, text })}
      />
      <Choice
        className="hub-bar-choice"
        label="Stage"
        items={groups}
        chosen={filter.group}
        onChoose={(group) => onFilter({ ...filter, group })}
      />
      <span className="secondary-text" role="status">
        {selected.length > 0
          ? `${counted(selected.length, 'machine')} chosen`
          : shown === all
            ? counted(all, 'machine')
            : `${shown} of ${counted(all, 'machine')}`}
      </span>
      {onOrder !== undefined &&
        orderKinds
          .filter((kind) => selected.some(kind.fits))
          .map((kind) => (
            <Button
              key={kind.order}
              text={kind.verb}
              iconProps={{ iconName: kind.iconName }}
              danger={kind.danger}
              onClick={() => onOrder(kind)}
            />
          ))}
    </div>
  )
}
