/** Makes a pool of a scale set: checked while it is typed, and made with the person's own rights. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { useState, type ReactElement } from 'react'
import { checkSettings } from '../../backend/core/settings.ts'
import type { Failure } from '../answer.ts'
import { useHub } from '../context.ts'
import { settingsOf } from '../settings/draft.ts'
import { useLeaveQuestion } from '../use-leave-question.ts'
import { useAction } from '../use-action.ts'
import { CommandCard } from './command-card.tsx'
import { FindingList } from './findings.tsx'
import { PoolCard } from './pool-card.tsx'
import { ScaleSetCard } from './scale-set-card.tsx'
import { SettingsCard } from './settings-card.tsx'
import { useCheck } from './use-check.ts'
import { checkOf, creationOf, poolNameOf, scaleSetName, startWishes, type Wishes } from './wishes.ts'

export default function CreatePage({ project }: { readonly project?: string }): ReactElement {
  const { go } = useHub()
  return (
    <>
      <Header
        title="New pool"
        titleSize={TitleSize.Large}
        titleAriaLevel={1}
        description="Takes a scale set of yours and runs an agent on each of its machines."
        backButtonProps={{ ariaLabel: 'All pools', onClick: () => go({ page: 'pools' }) }}
      />
      <CreateForm project={project} />
    </>
  )
}

function CreateForm({ project }: { readonly project: string | undefined }): ReactElement {
  const { service, go, say } = useHub()
  const [wishes, setWishes] = useState<Wishes>(() => startWishes(project))
  const { busy, failure, run } = useAction()
  const { settings, problems } = checkSettings(settingsOf(wishes.draft))
  const checked = useCheck(settings === undefined ? undefined : checkOf(wishes))
  const report = checked.answer?.ok === true ? checked.answer.value : undefined
  const forget = useLeaveQuestion(wishes.scaleSetId === '' ? undefined : 'The pool is not created yet.')
  const parts = { wishes, change: (part: Partial<Wishes>) => setWishes({ ...wishes, ...part }), disabled: busy }

  function create(): void {
    run(
      () => service.create(creationOf(wishes)),
      ({ message, pool }) => {
        forget()
        say(message)
        go({ page: 'pool', poolId: pool.poolId, tab: 'overview' })
      },
    )
  }

  return (
    <form
      className="page-content page-content-top hub-stack"
      onSubmit={(event) => {
        event.preventDefault()
        create()
      }}
    >
      <ScaleSetCard {...parts} checked={checked} />
      <CommandCard />
      <SettingsCard {...parts} settings={settings} problems={[...problems, ...(report?.problems ?? [])]} />
      <PoolCard {...parts} present={report?.present ?? []} />
      <Submit wishes={wishes} ready={report?.ready === true} busy={busy} failure={failure} />
    </form>
  )
}

type SubmitProps = { readonly wishes: Wishes; readonly ready: boolean; readonly busy: boolean; readonly failure: Failure | undefined }

function Submit({ wishes, ready, busy, failure }: SubmitProps): ReactElement {
  const missing = scaleSetName(wishes.scaleSetId) === undefined ? 'Give a scale set first.' : 'The check has to pass first.'
  return (
    <Card>
      <div className="hub-stack hub-grow">
        {failure !== undefined && <Refused failure={failure} />}
        <div className="hub-row">
          <Button primary type="submit" text={busy ? 'Creating' : `Create ${poolNameOf(wishes)}`} disabled={busy || !ready} />
          {!ready && <span className="secondary-text">{missing}</span>}
        </div>
      </div>
    </Card>
  )
}

function Refused({ failure }: { readonly failure: Failure }): ReactElement {
  return (
    <>
      <MessageCard severity={MessageCardSeverity.Error} role="alert">
        {[failure.message, ...failure.problems.map(({ message }) => message)].join(' ')}
      </MessageCard>
      {failure.findings.length > 0 && <FindingList findings={failure.findings} />}
    </>
  )
}
