/** A few numbers with their names. */
import type { ReactElement, ReactNode } from 'react'

export type Figure = { readonly name: string; readonly value: ReactNode }

export function Figures({ figures }: { readonly figures: readonly Figure[] }): ReactElement {
  return (
    <dl className="hub-figures">
      {figures.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
