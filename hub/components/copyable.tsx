/** A command or an id to take along. */
import { ClipboardButton } from 'azure-devops-ui/Clipboard'
import type { ReactElement } from 'react'

/** `what` names it for a screen reader: "Copy the command". */
export function Copyable({ text, what }: { readonly text: string; readonly what: string }): ReactElement {
  return (
    <div className="hub-copyable">
      <pre className="hub-code" tabIndex={0} aria-label={what}>
        {text}
      </pre>
      <ClipboardButton subtle ariaLabel={`Copy ${what}`} getContent={() => text} />
    </div>
  )
}
