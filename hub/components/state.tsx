/** What a page shows while it has nothing else to show: loading, empty, failed, no permission. */
import { Button } from 'azure-devops-ui/Button'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Spinner, SpinnerSize } from 'azure-devops-ui/Spinner'
import { ZeroData } from 'azure-devops-ui/ZeroData'
import { createContext, useContext, type ReactElement, type ReactNode } from 'react'
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
        primaryText={`Could not ${failure.kind === 'notFound' ? 'find' : 'read'} ${what}`}
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

type GoneProps = { readonly failure: Failure; readonly children?: ReactNode }

/** What was read is not there any more, and what was typed for it still is. */
function Gone({ failure, children }: GoneProps): ReactElement {
  return (
    <MessageCard className="hub-stale" severity={MessageCardSeverity.Warning} role="alert">
      <div className="hub-stack">
        <span>{`${failure.message} What you typed is kept until you leave.`}</span>
        {children !== undefined && <div className="hub-row">{children}</div>}
      </div>
    </MessageCard>
  )
}

/** Whether a frame around this one says already that what is shown is not fresh. */
const ToldAbove = createContext(false)

type FrameProps<T> = {
  /** What is read, in words that fit behind "Loading". */
  readonly what: string
  readonly resource: Resource<T>
  readonly again: () => void
  /** Shown in the place of an empty answer; absent: the same as a full one. */
  readonly empty?: ReactNode
  /** More ways out of a failure. */
  readonly wayOut?: ReactNode
  /** There is a form in it: what was typed stays when what it belongs to is gone. */
  readonly keepsForm?: boolean
  readonly children: (value: T) => ReactNode
}

/** One of the four states, or the content. */
export function Frame<T>(props: FrameProps<T>): ReactElement {
  const { what, resource, again, empty, wayOut, keepsForm = false, children } = props
  const isTold = useContext(ToldAbove)
  switch (resource.state) {
    case 'loading':
      return <Loading what={what} />
    case 'failed':
    case 'forbidden':
      return <NotThere {...{ what, failure: resource.failure, again, wayOut }} />
    case 'gone':
      if (!keepsForm) return <NotThere {...{ what, failure: resource.failure, again, wayOut }} />
      return <Told notice={!isTold && <Gone failure={resource.failure}>{wayOut}</Gone>}>{children(resource.value)}</Told>
    case 'stale':
      return <Told notice={!isTold && <Stale failure={resource.failure} again={again} />}>{children(resource.value)}</Told>
    case 'empty':
      return <Told>{empty ?? children(resource.value)}</Told>
    case 'ready':
      return <Told>{children(resource.value)}</Told>
  }
}

type NotThereProps = Omit<FailedProps, 'children'> & { readonly wayOut: ReactNode }

function NotThere({ what, failure, again, wayOut }: NotThereProps): ReactElement {
  return failure.kind === 'forbidden' ? (
    <Forbidden what={what} failure={failure}>
      {wayOut}
    </Forbidden>
  ) : (
    <Failed what={what} failure={failure} again={again}>
      {wayOut}
    </Failed>
  )
}

/** The content at the same place whether there is a notice or not: a form in it keeps what was typed. */
function Told({ notice = false, children }: { readonly notice?: ReactNode; readonly children: ReactNode }): ReactElement {
  const isTold = useContext(ToldAbove)
  return (
    <>
      {notice}
      <ToldAbove.Provider value={isTold || notice !== false}>{children}</ToldAbove.Provider>
    </>
  )
}
