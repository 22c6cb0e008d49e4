/** A link to one of Azure DevOps' own pages, beside this one. */
import { Link } from 'azure-devops-ui/Link'
import type { ReactElement } from 'react'

/** `ariaLabel` where the text alone does not say what the page shows. */
export function NativeLink({
  href,
  text,
  ariaLabel,
}: {
  readonly href: string
  readonly text: string
  readonly ariaLabel?: string
}): ReactElement {
  return (
    <Link className="hub-link" href={href} target="_blank" {...(ariaLabel === undefined ? {} : { ariaLabel })}>
      {text}
    </Link>
  )
}
