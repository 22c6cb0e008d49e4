/** Things to do one after another, each with its command to copy. */
import type { ReactElement } from 'react'
import type { StepView } from '../../backend/api/contract-look.ts'
import { Copyable } from './copyable.tsx'

export function Steps({ steps }: { readonly steps: readonly StepView[] }): ReactElement {
  return (
    <ol className="hub-steps">
      {steps.map(({ sentence, command }) => (
        <li key={sentence}>
          <p className="hub-text">{sentence}</p>
          {command !== '' && <Copyable what={`the command: ${sentence}`} text={command} />}
        </li>
      ))}
    </ol>
  )
}
