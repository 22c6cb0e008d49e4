/** Makes a pool of a scale set: checked while it is typed, and made with the person's own rights. */
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { useState, type ReactElement } from 'react'
import { checkSettings } from '../../backend/core/settings.ts'
import type { BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { useHub } from '../context.ts'
import { settingsOf } from '../settings/draft.ts'
import { useLeaveQuestion } from '../use-leave-question.ts'
import { useAction } from '../use-action.ts'
import { CommandCard } from './command-card.tsx'
import { ImportCard } from './import-card.tsx'
import { PoolCard } from './pool-card.tsx'
import { ReviewCard } from './review-card.tsx'
import { ScaleSetCard } from './scale-set-card.tsx'
import { SettingsCard } from './settings-card.tsx'
import { useCheck } from './use-check.ts'
import { checkOf, creationOf, startWishes, takenOver, type Wishes } from './wishes.ts'

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
  const { service, go, renew, say } = useHub()
  const [wishes, setWishes] = useState<Wishes>(() => startWishes(project))
  const [imported, setImported] = useState<BuiltInPoolView | undefined>()
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
        renew()
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
      <ImportCard
        chosen={imported}
        onChoose={(pool) => {
          setImported(pool)
          setWishes(takenOver(wishes, pool))
        }}
      />
      <ScaleSetCard {...parts} checked={checked} />
      <CommandCard />
      <SettingsCard {...parts} settings={settings} problems={[...problems, ...(report?.problems ?? [])]} />
      <PoolCard {...parts} present={report?.present ?? []} />
      <ReviewCard wishes={wishes} report={report} busy={busy} failure={failure} />
    </form>
  )
}
