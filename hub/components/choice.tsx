/** One of a few. */
import { Dropdown } from 'azure-devops-ui/Dropdown'
import { DropdownSelection } from 'azure-devops-ui/Utilities/DropdownSelection'
import { useEffect, useState, type ReactElement } from 'react'

type Item = { readonly id: string; readonly text: string }
type Props = {
  readonly label: string
  readonly items: readonly Item[]
  readonly chosen: string
  readonly className?: string
  readonly onChoose: (id: string) => void
}

export function Choice({ label, items, chosen, className = '', onChoose }: Props): ReactElement {
  const index = items.findIndex(({ id }) => id === chosen)
  // The dropdown holds on to its first selection: that one is changed, never another one made.
  const [selection] = useState(() => selected(new DropdownSelection(), index))
  useEffect(() => void selected(selection, index), [selection, index])
  return (
    <Dropdown
      ariaLabel={label}
      className={className}
      items={items.map(({ id, text }) => ({ id, text }))}
      selection={selection}
      onSelect={(_, { id }) => onChoose(id)}
    />
  )
}

/** `index` below zero: nothing. */
function selected(selection: DropdownSelection, index: number): DropdownSelection {
  if (index < 0) selection.clear()
  else selection.select(index)
  return selection
}
