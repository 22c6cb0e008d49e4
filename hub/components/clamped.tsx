/** A sentence in a table's cell: its first lines, and the whole of it on hover. */
import type { ReactElement } from 'react'

export function Clamped({ text }: { readonly text: string }): ReactElement {
  return (
    <span className="hub-clamped" title={text}>
      {text}
    </span>
  )
}
