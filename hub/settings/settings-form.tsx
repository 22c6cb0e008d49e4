/** The form. It keeps what was typed whatever happens around it. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { useEffect, useRef, useState, type ReactElement } from 'react'
import type { SettingsView } from '../../backend/api/contract.ts'
import { checkSettings } from '../../backend/core/settings.ts'
import type { Failure } from '../answer.ts'
import { useHub } from '../context.ts'
import { useAction } from '../use-action.ts'
import { useLeaveQuestion } from '../use-leave-question.ts'
import { changesOf, draftOf, settingsOf, type Draft } from './draft.ts'
import { FormFields } from './form-fields.tsx'
import { PreviewCard } from './preview-card.tsx'

/** `whyReadOnly`: in a sentence; absent when the person may change them. */
type Props = { readonly present: SettingsView; readonly whyReadOnly?: string | undefined; readonly onSaved: () => void }

export function SettingsForm({ present, whyReadOnly, onSaved }: Props): ReactElement {
  const readOnly = whyReadOnly !== undefined
  const { busy, failure, run, forget } = useAction()
  const form = useForm(present, forget)
  const place = useRef<HTMLDivElement>(null)
  const { service, say } = useHub()
  const { base, changes, dirty, overtaken, problems, wanted } = form
  useLeaveQuestion(dirty ? 'The settings that you changed are not saved.' : undefined)

  // Somebody saved first: what they saved is read at once.
  useEffect(() => {
    if (failure?.kind === 'conflict') onSaved()
  }, [failure, onSaved])

  /** The question goes away: the focus stays at the form. */
  function answered(how: () => void): void {
    place.current?.focus()
    how()
  }

  function save(): void {
    run(
      () => service.changeSettings(base.poolId, { version: base.version, settings: changes }),
      (saved) => {
        form.restart(saved)
        say(`The settings are saved as version ${saved.version}. The next pass takes them.`)
        onSaved()
      },
    )
  }

  return (
    <div className="hub-stack" ref={place} tabIndex={-1}>
      {overtaken ? (
        <Overtaken onOver={() => answered(form.keepOver)} onTake={() => answered(() => form.restart(present))} />
      ) : (
        <Refusal failure={failure} />
      )}
      {readOnly && <MessageCard severity={MessageCardSeverity.Info}>{whyReadOnly}</MessageCard>}
      <Card titleProps={{ text: 'Settings', ariaLevel: 2 }}>
        <FormFields
          draft={form.draft}
          problems={[...problems, ...(failure?.problems ?? [])]}
          disabled={readOnly || busy}
          onChange={form.change}
        />
      </Card>
      {dirty && wanted !== undefined && <PreviewCard poolId={base.poolId} settings={wanted} />}
      {!readOnly && (
        <Buttons
          changed={Object.keys(changes).length}
          busy={busy}
          saveable={problems.length === 0 && !overtaken}
          onSave={save}
          onDiscard={() => form.restart(present)}
        />
      )}
    </div>
  )
}

/** What is typed, beside what is saved. `present` may move on while somebody types. */
function useForm(present: SettingsView, forget: () => void) {
  const [base, setBase] = useState(present)
  const [draft, setDraft] = useState<Draft>(() => draftOf(present.settings))
  const changes = changesOf(draft, base.settings)
  const dirty = Object.keys(changes).length > 0
  const { settings: wanted, problems } = checkSettings({ ...present.settings, ...settingsOf(draft) })

  function restart(from: SettingsView): void {
    setBase(from)
    setDraft(draftOf(from.settings))
    forget()
  }

  // Without changes of one's own, those of others are simply shown.
  if (present.version > base.version && !dirty) restart(present)
  return {
    base,
    draft,
    changes,
    dirty,
    wanted,
    problems,
    overtaken: present.version > base.version && dirty,
    restart,
    change(part: Partial<Draft>): void {
      forget()
      setDraft((before) => ({ ...before, ...part }))
    },
    /** Goes on from the newer version, with the same fields changed. */
    keepOver(): void {
      setDraft({ ...draftOf(present.settings), ...pick(draft, Object.keys(changes)) })
      setBase(present)
      forget()
    },
  }
}

function pick(draft: Draft, fields: readonly string[]): Partial<Draft> {
  return Object.fromEntries(Object.entries(draft).filter(([field]) => fields.includes(field)))
}

/** Problems stand beside their fields. */
function Refusal({ failure }: { readonly failure: Failure | undefined }): ReactElement {
  if (failure === undefined || failure.problems.length > 0) return <></>
  return (
    <MessageCard severity={MessageCardSeverity.Error} role="alert">
      {`Not saved. ${failure.message}`}
    </MessageCard>
  )
}

type ButtonsProps = {
  readonly changed: number
  readonly busy: boolean
  readonly saveable: boolean
  readonly onSave: () => void
  readonly onDiscard: () => void
}

function Buttons({ changed, busy, saveable, onSave, onDiscard }: ButtonsProps): ReactElement {
  return (
    <div className="hub-row hub-sticky">
      <Button primary text="Save" disabled={changed === 0 || busy || !saveable} onClick={onSave} />
      <Button text="Discard the changes" disabled={changed === 0 || busy} onClick={onDiscard} />
      <span className="secondary-text" role="status">
        {changed === 0 ? '' : `${changed} changed, not saved`}
      </span>
    </div>
  )
}

function Overtaken({ onOver, onTake }: { readonly onOver: () => void; readonly onTake: () => void }): ReactElement {
  return (
    <MessageCard
      severity={MessageCardSeverity.Warning}
      role="alert"
      buttonProps={[
        { text: 'Keep my changes and go on', onClick: onOver },
        { text: 'Take theirs', onClick: onTake },
      ]}
    >
      Somebody else saved these settings while you changed them; see the history below. Your changes are still here, and only the fields
      that you changed would be saved over theirs.
    </MessageCard>
  )
}
