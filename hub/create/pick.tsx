/** The scale sets that the service may read, to pick from. Without the list the id can still be pasted. */
import { FormItem } from 'azure-devops-ui/FormItem'
import { useMemo, type ReactElement } from 'react'
import type { ScaleSetView } from '../../backend/api/contract-look.ts'
import { Choice } from '../components/choice.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'

type Props = { readonly scaleSetId: string; readonly onPick: (scaleSetId: string) => void }

export function Pick({ scaleSetId, onPick }: Props): ReactElement {
  const { service } = useHub()
  const { resource } = useResource({ key: 'scale sets', read: service.scaleSets, isEmpty: ({ scaleSets }) => scaleSets.length === 0 })
  switch (resource.state) {
    case 'loading':
      return <p className="hub-text secondary-text">Looking for scale sets that the service may read.</p>
    case 'failed':
    case 'forbidden':
      return <p className="hub-text secondary-text">{`${resource.failure.message} Paste the id instead.`}</p>
    case 'empty':
      return (
        <p className="hub-text secondary-text">
          The service’s identity may read no scale set. Paste the id; the check says what is missing.
        </p>
      )
    default:
      return <Picked scaleSets={resource.value.scaleSets} scaleSetId={scaleSetId} onPick={onPick} />
  }
}

function Picked({ scaleSets, scaleSetId, onPick }: Props & { readonly scaleSets: readonly ScaleSetView[] }): ReactElement {
  const items = useMemo(() => scaleSets.map((each) => ({ id: each.id, text: wordsOf(each) })), [scaleSets])
  const chosen = scaleSets.find(({ id }) => id.toLowerCase() === scaleSetId.trim().toLowerCase())?.id ?? ''
  return (
    <FormItem label="Scale set" message="Those that the service may read. Or paste the id of another.">
      <Choice label="Scale set" items={items} chosen={chosen} onChoose={onPick} />
    </FormItem>
  )
}

function wordsOf({ name, resourceGroup, location, size, usedBy }: ScaleSetView): string {
  return `${name} (${resourceGroup}, ${location}, ${size})${usedBy === undefined ? '' : `, used by pool ${usedBy}`}`
}
