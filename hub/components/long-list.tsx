/** A list that begins with its first few items, and has the others behind a button. */
import { Button } from 'azure-devops-ui/Button'
import { useState, type ReactElement } from 'react'

const firstMax = 6

type Props = { readonly items: readonly ReactElement[] }

export function LongList({ items }: Props): ReactElement {
  const [all, showAll] = useState(false)
  const rest = items.length - firstMax
  return (
    <>
      <ul className="hub-list">{all ? items : items.slice(0, firstMax)}</ul>
      {rest > 0 && <Button subtle text={all ? 'Show fewer' : `Show ${rest} more`} onClick={() => showAll(!all)} />}
    </>
  )
}
