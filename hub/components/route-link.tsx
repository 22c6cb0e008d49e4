/** A link to a page of the hub: a click stays in this page, and the address can be opened beside it. */
import { Link } from 'azure-devops-ui/Link'
import type { MouseEvent, KeyboardEvent, ReactElement, ReactNode } from 'react'
import { useHub } from '../context.ts'
import type { Route } from '../route.ts'

export function RouteLink({ to, children }: { readonly to: Route; readonly children: ReactNode }): ReactElement {
  const { go, hrefOf } = useHub()
  return (
    <Link
      className="hub-link"
      href={hrefOf(to)}
      target="_top"
      onClick={(event: MouseEvent<HTMLElement> | KeyboardEvent<HTMLElement>) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return
        event.preventDefault()
        go(to)
      }}
    >
      {children}
    </Link>
  )
}
