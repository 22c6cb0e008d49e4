/** One of a few. */
import { Dropdown } from 'azure-devops-ui/Dropdown'
import { DropdownSelection } from 'azure-devops-ui/Utilities/DropdownSelection'
import { useMemo, type ReactElement } from 'react'

type Item = { readonly id: string; readonly text: string }
type Props = {
  readonly label: string
  readonly items: readonly Item[]
  readonly chosen: string
  readonly className?: string
  readonly onChoose: (id: string) => void
}

export function Choice({ label, items, chosen, className = '', onChoose }: Props): ReactElement {
  const selection = useMemo(() => {
    const made = new DropdownSelection()
    const index = items.findIndex(({ id }) => id === chosen)
    if (index >= 0) made.select(index)
    return made
  }, [items, chosen])
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
