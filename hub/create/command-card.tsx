/** For people who have no scale set yet. */
import { Card } from 'azure-devops-ui/Card'
import { FormItem } from 'azure-devops-ui/FormItem'
import { TextField } from 'azure-devops-ui/TextField'
import { Toggle } from 'azure-devops-ui/Toggle'
import { useState, type ReactElement } from 'react'
import { Copyable } from '../components/copyable.tsx'
import { createCommand, suggested, type NewScaleSet } from './command.ts'

const fields = [
  { field: 'subscriptionId', name: 'Subscription', help: 'Its id, as az account show --query id prints it.' },
  { field: 'resourceGroup', name: 'Resource group', help: 'One that exists, next to what the jobs need.' },
  { field: 'name', name: 'Name of the scale set', help: 'The machines are named after it.' },
  { field: 'size', name: 'Size', help: 'For an ephemeral disk it needs a cache or a temporary disk that is larger than the image.' },
  { field: 'image', name: 'Image', help: 'An alias, a Marketplace URN, or the id of an image of yours. Without an agent in it.' },
] as const

export function CommandCard(): ReactElement {
  const [wanted, want] = useState<NewScaleSet>(suggested)
  return (
    <Card titleProps={{ text: 'No scale set yet?' }} collapsible collapsed>
      <div className="hub-form hub-grow">
        {fields.map(({ field, name, help }) => (
          <FormItem key={field} label={name} message={help}>
            <TextField ariaLabel={name} value={wanted[field]} onChange={(_, value) => want({ ...wanted, [field]: value })} />
          </FormItem>
        ))}
        <FormItem message="The system’s disk on the host itself: reimaging is faster, and the disk costs nothing.">
          <Toggle text="Ephemeral disk" checked={wanted.ephemeral} onChange={(_, ephemeral) => want({ ...wanted, ephemeral })} />
        </FormItem>
        <Copyable what="the command that makes a scale set" text={createCommand(wanted)} />
      </div>
    </Card>
  )
}
