/** One entry in full: what was said, Azure's own words, and the ids to ask with. */
import { ContentSize } from 'azure-devops-ui/Callout'
import { Panel } from 'azure-devops-ui/Panel'
import type { ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import { Copyable } from '../components/copyable.tsx'
import { exactInstant } from '../components/instants.ts'
import { Level } from './level.tsx'
import { operationNames } from './operations.ts'

export function EntryPanel({ entry, onClose }: { readonly entry: LogView; readonly onClose: () => void }): ReactElement {
  const { operation, level, message, atMs, machine, correlationId, intentId, raw } = entry
  return (
    <Panel titleProps={{ text: operationNames[operation] }} size={ContentSize.Medium} onDismiss={onClose}>
      <div className="hub-stack hub-grow">
        <div className="hub-row">
          <Level level={level} />
          <span>{exactInstant(atMs)}</span>
          {machine !== undefined && <span>{machine}</span>}
        </div>
        <p className="hub-text">{message}</p>
        <Part name="Correlation id, for a question to Azure’s support" text={correlationId} />
        <Part name="Id of the action" text={intentId} />
        <Part name="Azure’s own words" text={raw} />
      </div>
    </Panel>
  )
}

function Part({ name, text }: { readonly name: string; readonly text: string | undefined }): ReactElement {
  if (text === undefined) return <></>
  return (
    <section>
      <h2 className="hub-subtitle">{name}</h2>
      <Copyable what={name} text={text} />
    </section>
  )
}
