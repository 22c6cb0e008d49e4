/** What a page shows while it has nothing else to show: loading, empty, failed, no permission. */
import { Button } from 'azure-devops-ui/Button'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Spinner, SpinnerSize } from 'azure-devops-ui/Spinner'
import { ZeroData } from 'azure-devops-ui/ZeroData'
import type { ReactElement, ReactNode } from 'react'
import type { Failure } from '../answer.ts'
import type { Resource } from '../use-resource.ts'

export function Loading({ what }: { readonly what: string }): ReactElement {
  return (
    <div className="hub-state" role="status">
      <Spinner size={SpinnerSize.large} label={`Loading ${what}`} />
    </div>
  )
}

type EmptyProps = { readonly title: string; readonly text: string; readonly iconName?: string; readonly children?: ReactNode }

export function Empty({ title, text, iconName = 'Inbox', children }: EmptyProps): ReactElement {
  return (
    <div className="hub-state">
      <ZeroData iconProps={{ iconName }} imageAltText="" primaryText={title} secondaryText={text} renderAction={() => <>{children}</>} />
    </div>
  )
}

type FailedProps = { readonly what: string; readonly failure: Failure; readonly again: () => void; readonly children?: ReactNode }

export function Failed({ what, failure, again, children }: FailedProps): ReactElement {
  return (
    <div className="hub-state" role="alert">
      <ZeroData
        iconProps={{ iconName: 'PlugDisconnected' }}
        imageAltText=""
        primaryText={`Could not read ${what}`}
        secondaryText={failure.message}
        renderAction={() => (
          <div className="hub-row">
            <Button primary text="Try again" onClick={again} />
            {children}
          </div>
        )}
      />
    </div>
  )
}

type ForbiddenProps = Omit<FailedProps, 'again'>

export function Forbidden({ what, failure, children }: ForbiddenProps): ReactElement {
  return (
    <div className="hub-state" role="alert">
      <ZeroData
        iconProps={{ iconName: 'Lock' }}
        imageAltText=""
        primaryText={`You have no permission to see ${what}`}
        secondaryText={failure.message}
        renderAction={() => <>{children}</>}
      />
    </div>
  )
}

/** What is shown could not be read anew: it stays, and says so. */
export function Stale({ failure, again }: { readonly failure: Failure; readonly again: () => void }): ReactElement {
  return (
    <MessageCard
      className="hub-stale"
      severity={MessageCardSeverity.Warning}
      role="alert"
      buttonProps={[{ text: 'Try again', onClick: again }]}
    >
      {`What you see is not fresh. ${failure.message}`}
    </MessageCard>
  )
}

type FrameProps<T> = {
  /** What is read, in words that fit behind "Loading". */
  readonly what: string
  readonly resource: Resource<T>
  readonly again: () => void
  /** Shown in the place of an empty answer; absent: the same as a full one. */
  readonly empty?: ReactNode
  /** More ways out of a failure. */
  readonly wayOut?: ReactNode
  readonly children: (value: T) => ReactNode
}

/** One of the four states, or the content. */
export function Frame<T>({ what, resource, again, empty, wayOut, children }: FrameProps<T>): ReactElement {
  switch (resource.state) {
    case 'loading':
      return <Loading what={what} />
    case 'failed':
      return (
        <Failed what={what} failure={resource.failure} again={again}>
          {wayOut}
        </Failed>
      )
    case 'forbidden':
      return (
        <Forbidden what={what} failure={resource.failure}>
          {wayOut}
        </Forbidden>
      )
    case 'empty':
      return <>{empty ?? children(resource.value)}</>
    case 'stale':
      return (
        <>
          <Stale failure={resource.failure} again={again} />
          {children(resource.value)}
        </>
      )
    case 'ready':
      return <>{children(resource.value)}</>
  }
}
