/** For people who have no scale set yet: a complete command or template, and what to choose. */
import { Button } from 'azure-devops-ui/Button'
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import { Toggle } from 'azure-devops-ui/Toggle'
import { useState, type ReactElement } from 'react'
import { Choice } from '../components/choice.tsx'
import { Foldable } from '../components/foldable.tsx'
import { Copyable } from '../components/copyable.tsx'
import { images, sizes, suggested, type Known, type NewScaleSet } from './new-scale-set.ts'
import { armOf, bicepTextOf, cliOf } from './templates.ts'

const fields = [
  { field: 'subscriptionId', name: 'Subscription', help: 'Its id, as az account show --query id prints it.', known: [] },
  { field: 'resourceGroup', name: 'Resource group', help: 'One that exists, next to what the jobs need.', known: [] },
  { field: 'name', name: 'Name of the scale set', help: 'The machines are named after it.', known: [] },
  { field: 'size', name: 'Size', help: 'Any size of Azure. For an ephemeral disk its host needs room for the image.', known: sizes },
  {
    field: 'image',
    name: 'Image',
    help: 'One of these, a Marketplace URN, or the id of an image of yours. Without an agent in it.',
    known: images,
  },
] as const

const forms = [
  { id: 'cli', text: 'Azure CLI', what: 'the commands that make a scale set', write: cliOf },
  { id: 'bicep', text: 'Bicep', what: 'the Bicep file that makes a scale set', write: bicepTextOf },
  { id: 'arm', text: 'ARM template', what: 'the ARM template that makes a scale set', write: armOf },
] as const

const disk =
  'Ephemeral: the system’s disk lies on the host itself. Reimaging is faster, the disk costs nothing, and what a job left is gone with it.'

export function CommandCard(): ReactElement {
  const [wanted, want] = useState<NewScaleSet>(suggested)
  const [form, setForm] = useState<string>(forms[0].id)
  const { what, write } = forms.find(({ id }) => id === form) ?? forms[0]
  return (
    <Foldable title="No scale set yet? Make one">
      <div className="hub-form hub-grow">
        {fields.map(({ field, name, help, known }) => (
          <FormItem key={field} label={name} message={help}>
            <TextField ariaLabel={name} value={wanted[field]} onChange={(_, value) => want({ ...wanted, [field]: value })} />
            <KnownList known={known} onUse={(value) => want({ ...wanted, [field]: value })} />
          </FormItem>
        ))}
        <FormItem message={disk}>
          <Toggle text="Ephemeral disk" checked={wanted.ephemeral} onChange={(_, ephemeral) => want({ ...wanted, ephemeral })} />
        </FormItem>
        <p className="hub-text secondary-text">
          It makes a network of its own with a way out to the internet. Uniform, without overprovisioning and with manual upgrades: as the
          check below wants it. The machines come later, from the pool.
        </p>
        <FormItem label="Written for">
          <Choice label="Written for" items={forms} chosen={form} onChoose={setForm} />
        </FormItem>
        <Copyable what={what} text={write(wanted)} />
      </div>
    </Foldable>
  )
}

type KnownProps = { readonly known: readonly Known[]; readonly onUse: (value: string) => void }

function KnownList({ known, onUse }: KnownProps): ReactElement {
  if (known.length === 0) return <></>
  return (
    <ul className="hub-list">
      {known.map(({ value, words }) => (
        <li key={value}>
          <Button subtle className="hub-link-button" text={value} ariaLabel={`Use ${value}`} onClick={() => onUse(value)} />
          <p className="hub-text secondary-text">{words}</p>
        </li>
      ))}
    </ul>
  )
}
