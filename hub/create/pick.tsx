/** Which scale set: one that the service may read, or another by its id. */
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import { useEffect, useMemo, useState, type ReactElement } from 'react'
import type { ScaleSetList, ScaleSetView } from '../../backend/api/contract-look.ts'
import { Choice } from '../components/choice.tsx'
import { useHub } from '../context.ts'
import { useResource, valueOf, type Resource } from '../use-resource.ts'
import { scaleSetName } from './wishes.ts'

type Props = {
  readonly scaleSetId: string
  /** Ids in small letters that are not proposed; undefined while that is not known. */
  readonly taken: readonly string[] | undefined
  readonly disabled: boolean
  readonly onPick: (scaleSetId: string) => void
  /** The first that no pool has, once the list is there and nothing was picked. */
  readonly onDefault: (scaleSetId: string) => void
}

/** One input: the list, and in its place or behind its last item a field for an id. */
export function Pick({ scaleSetId, taken, disabled, onPick, onDefault }: Props): ReactElement {
  const { service } = useHub()
  const { resource } = useResource({ key: 'scale sets', read: service.scaleSets, isEmpty: ({ scaleSets }) => scaleSets.length === 0 })
  const [pasting, paste] = useState(false)
  const scaleSets = valueOf(resource)?.scaleSets ?? []
  const known = scaleSets.find(({ id }) => id.toLowerCase() === scaleSetId.trim().toLowerCase())
  const free = taken && scaleSets.find(({ id, usedBy }) => usedBy === undefined && !taken.includes(id.toLowerCase()))?.id
  useEffect(() => {
    if (free !== undefined && scaleSetId === '') onDefault(free)
    // Only when the lists have come: an id that was emptied stays empty.
  }, [free])
  if (resource.state === 'loading') return <p className="hub-text secondary-text">Looking for scale sets that the service may read.</p>
  const isPasted = pasting || known === undefined
  return (
    <>
      {scaleSets.length > 0 && (
        <List
          scaleSets={scaleSets}
          chosen={isPasted ? '' : known.id}
          onChoose={(id) => {
            paste(id === '')
            onPick(id)
          }}
        />
      )}
      {isPasted && (
        <Paste
          scaleSetId={scaleSetId}
          disabled={disabled}
          help={helpOf(resource)}
          onPaste={(id) => {
            paste(true)
            onPick(id)
          }}
        />
      )}
    </>
  )
}

type ListProps = { readonly scaleSets: readonly ScaleSetView[]; readonly chosen: string; readonly onChoose: (id: string) => void }

function List({ scaleSets, chosen, onChoose }: ListProps): ReactElement {
  const items = useMemo(() => [...scaleSets.map((each) => ({ id: each.id, text: wordsOf(each) })), another], [scaleSets])
  return (
    <FormItem label="Scale set" message="Those that the service may read.">
      <Choice label="Scale set" items={items} chosen={chosen} onChoose={onChoose} />
    </FormItem>
  )
}

const another = { id: '', text: 'Another one, by its id' }
const example = '/subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachineScaleSets/…'

type PasteProps = {
  readonly scaleSetId: string
  readonly disabled: boolean
  readonly help: string
  readonly onPaste: (id: string) => void
}

function Paste({ scaleSetId, disabled, help, onPaste }: PasteProps): ReactElement {
  const wrong = scaleSetId.trim() !== '' && scaleSetName(scaleSetId) === undefined
  return (
    <FormItem label="Resource id" error={wrong} message={wrong ? `This is no id of a scale set; it reads ${example}` : help}>
      <TextField
        ariaLabel="Resource id of the scale set"
        ariaInvalid={wrong}
        placeholder={example}
        value={scaleSetId}
        disabled={disabled}
        onChange={(_, id) => onPaste(id)}
      />
    </FormItem>
  )
}

/** Why there is no list, where there is none. */
function helpOf(resource: Resource<ScaleSetList>): string {
  if ('failure' in resource) return `${resource.failure.message} Paste the id instead.`
  return resource.state === 'empty'
    ? 'The service’s identity may read no scale set. Paste the id; the check says what is missing.'
    : 'As az vmss show --query id prints it.'
}

function wordsOf({ name, resourceGroup, location, size, usedBy }: ScaleSetView): string {
  return `${name} (${resourceGroup}, ${location}, ${size})${usedBy === undefined ? '' : `, used by pool ${usedBy}`}`
}
