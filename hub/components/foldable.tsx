/** A card that is closed until somebody opens it. */
import { Card } from 'azure-devops-ui/Card'
import { useState, type ReactElement, type ReactNode } from 'react'

export function Foldable({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactElement {
  const [closed, close] = useState(true)
  return (
    <Card titleProps={{ text: title, ariaLevel: 2 }} collapsible collapsed={closed} onCollapseClick={() => close(!closed)}>
      {children}
    </Card>
  )
}
