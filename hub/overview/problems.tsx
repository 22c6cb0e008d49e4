/** What a person has to know or decide, with the button that decides it. */
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { useState, type ReactElement } from 'react'
import type { Accepted, PoolDetail } from '../../backend/api/contract.ts'
import type { Answer } from '../answer.ts'
import { ConfirmDialog } from '../components/confirm.tsx'
import { mayManage, useHub } from '../context.ts'
import type { Service } from '../service.ts'
import { useAction } from '../use-action.ts'

type Props = { readonly detail: PoolDetail; readonly again: () => void }

/** Something that only a person may say yes to. */
type Choice = {
  readonly text: string
  readonly effect: string
  readonly choose: (service: Service, poolId: number) => Promise<Answer<Accepted>>
}

export function Problems({ detail, again }: Props): ReactElement {
  const { service, rights, say } = useHub()
  const [asked, ask] = useState<Choice | undefined>()
  const { busy, failure, run } = useAction()
  const { poolId, problems } = detail.pool
  const choices = mayManage(rights, poolId) ? choicesOf(detail) : []
  return (
    <>
      {problems.map((problem) => (
        <MessageCard key={problem} severity={MessageCardSeverity.Warning}>
          {problem}
        </MessageCard>
      ))}
      {choices.map((choice) => (
        <MessageCard
          key={choice.text}
          severity={MessageCardSeverity.Info}
          buttonProps={[{ text: choice.text, onClick: () => ask(choice) }]}
        >
          {choice.effect}
        </MessageCard>
      ))}
      {asked !== undefined && (
        <ConfirmDialog
          title={asked.text}
          text={asked.effect}
          confirm={asked.text}
          busy={busy}
          failure={failure}
          onCancel={() => ask(undefined)}
          onConfirm={() =>
            run(
              () => asked.choose(service, poolId),
              ({ message }) => {
                ask(undefined)
                say(message)
                again()
              },
            )
          }
        />
      )}
    </>
  )
}

export function choicesOf({ pool, decision, replaceConfirmed, takeOverConfirmed }: PoolDetail): readonly Choice[] {
  const codes = decision?.reasons.map(({ reason }) => reason) ?? []
  const isClaimed = codes.some((reason) => reason.code === 'not-ours' && reason.claim === 'other')
  return [
    ...((pool.stages?.foreign ?? 0) > 0 && !replaceConfirmed ? [replace] : []),
    ...(isClaimed && !takeOverConfirmed ? [takeOver] : []),
    ...(codes.some(({ code }) => code === 'boot-trouble') ? [tryAgain] : []),
  ]
}

const replace: Choice = {
  text: 'Replace these machines',
  effect: 'The machines that were in the scale set before the pool are deleted, and machines with an agent take their place.',
  choose: (service, poolId) => service.confirm(poolId, { what: 'replace' }),
}

const takeOver: Choice = {
  text: 'Take the scale set over',
  effect: 'Another service has claimed the scale set. Take it over only when that one does not run any more: two would fight.',
  choose: (service, poolId) => service.confirm(poolId, { what: 'takeOver' }),
}

const tryAgain: Choice = {
  text: 'Try one machine now',
  effect: 'Machines did not become agents, so the pool does not grow for now. When the cause is put right, one machine is tried at once.',
  choose: (service, poolId) => service.tryAgain(poolId),
}
