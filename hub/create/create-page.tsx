/** Makes a pool of a scale set: checked while it is typed, and made with the person's own rights. */
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { useState, type ReactElement } from 'react'
import { checkSettings } from '../../backend/core/settings.ts'
import type { BuiltInPoolList, BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { Empty } from '../components/state.tsx'
import { useHub } from '../context.ts'
import { settingsOf } from '../settings/draft.ts'
import { useLeaveQuestion } from '../use-leave-question.ts'
import { useResource, valueOf, type Resource } from '../use-resource.ts'
import { useAction } from '../use-action.ts'
import { CommandCard } from './command-card.tsx'
import { ImportCard } from './import-card.tsx'
import { MoreCard } from './more-card.tsx'
import { PoolCard } from './pool-card.tsx'
import { ReviewCard } from './review-card.tsx'
import { ScaleSetCard } from './scale-set-card.tsx'
import { SettingsCard } from './settings-card.tsx'
import { useCheck } from './use-check.ts'
import { checkOf, creationOf, startWishes, takenOver, type Wishes } from './wishes.ts'

export default function CreatePage({ project }: { readonly project?: string }): ReactElement {
  const { go, rights } = useHub()
  return (
    <>
      <Header
        title="New pool"
        titleSize={TitleSize.Large}
        titleAriaLevel={1}
        description="Takes a scale set of yours and runs an agent on each of its machines."
        backButtonProps={{ ariaLabel: 'All pools', onClick: () => go({ page: 'pools' }) }}
      />
      {rights.mayCreate ? <CreateForm project={project} /> : <NotAllowed />}
    </>
  )
}

function NotAllowed(): ReactElement {
  const text = 'Making a pool needs the role Administrator of agent pools in Azure DevOps. Ask an administrator of agent pools.'
  return <Empty title="You have no permission to make a pool" text={text} iconName="Lock" />
}

function CreateForm({ project }: { readonly project: string | undefined }): ReactElement {
  const { service, go, renew, say } = useHub()
  const [wishes, setWishes] = useState<Wishes>(() => startWishes(project))
  const [imported, setImported] = useState<BuiltInPoolView | undefined>()
  const builtIn = useResource({ key: 'built-in pools', read: service.builtInPools, isEmpty: ({ pools }) => pools.length === 0 })
  const [typed, setTyped] = useState(false)
  const { busy, failure, run } = useAction()
  const { settings, problems } = checkSettings(settingsOf(wishes.draft))
  const checked = useCheck(settings === undefined ? undefined : checkOf(wishes))
  const report = checked.answer?.ok === true ? checked.answer.value : undefined
  const forget = useLeaveQuestion(typed ? 'The pool is not created yet.' : undefined)
  const allProblems = [...problems, ...(report?.problems ?? [])]

  function propose(part: Partial<Wishes>): void {
    setWishes((before) => ({ ...before, ...part }))
  }

  function change(part: Partial<Wishes>): void {
    setTyped(true)
    propose(part)
  }

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

  const parts = { wishes, change, disabled: busy }
  return (
    <div className="page-content page-content-top hub-stack">
      <ImportCard
        found={builtIn}
        chosen={imported}
        onChoose={(pool) => {
          setImported(pool)
          change(takenOver(wishes, pool))
        }}
      />
      <CommandCard />
      <ScaleSetCard {...parts} taken={takenBy(builtIn.resource)} propose={propose} checked={checked} />
      <SettingsCard {...parts} settings={settings} problems={allProblems} />
      <PoolCard {...parts} present={report?.present ?? []} />
      <MoreCard {...parts} problems={allProblems} />
      <ReviewCard wishes={wishes} report={report} problems={allProblems} busy={busy} failure={failure} onCreate={create} />
    </div>
  )
}

/** Scale sets that Azure DevOps sizes; undefined while that is not known. */
function takenBy(builtIn: Resource<BuiltInPoolList>): readonly string[] | undefined {
  if (builtIn.state === 'loading') return undefined
  return (valueOf(builtIn)?.pools ?? []).map(({ scaleSetId }) => scaleSetId.toLowerCase())
}
