/** Connects the organization with the service that a team runs for it. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { FormItem } from 'azure-devops-ui/FormItem'
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { TextField } from 'azure-devops-ui/TextField'
import { useState, type ReactElement } from 'react'
import { failed, type Answer } from '../answer.ts'
import { createClient } from '../client.ts'
import { browserClock } from '../clock.ts'
import type { Host } from '../host.ts'
import { createService } from '../service.ts'
import { useAction } from '../use-action.ts'
import { addressOf, checkService, type Check } from './checks.ts'
import { CheckList } from './check-list.tsx'
import { Guide } from './guide.tsx'

type Props = {
  readonly host: Host
  /** That is kept now; '' for none. */
  readonly address: string
  readonly onConnected: (address: string) => void
  /** Absent while there is nothing to go back to. */
  readonly onBack?: () => void
}

export function FirstRun({ host, address, onConnected, onBack }: Props): ReactElement {
  const [text, setText] = useState(address)
  const [checks, setChecks] = useState<readonly Check[]>([])
  const [problem, setProblem] = useState('')
  const { busy, failure, run, forget } = useAction()

  function connect(): void {
    const given = addressOf(text)
    setChecks([])
    setProblem('problem' in given ? given.problem : '')
    if ('problem' in given) return forget()
    run(
      () => checkAndKeep(host, given.address, setChecks),
      () => onConnected(given.address),
    )
  }

  return (
    <>
      <Header
        title="Connect to the service"
        titleSize={TitleSize.Large}
        titleAriaLevel={1}
        description={`The service looks after the scale sets of ${host.organization}. Your team runs it, in its own subscription.`}
        {...(onBack === undefined ? {} : { backButtonProps: { ariaLabel: 'All pools', onClick: onBack } })}
      />
      <div className="page-content page-content-top hub-stack">
        <Card titleProps={{ text: 'Address of the service', ariaLevel: 2 }}>
          <form
            className="hub-form hub-grow"
            onSubmit={(event) => {
              event.preventDefault()
              connect()
            }}
          >
            <FormItem label="Address" error={problem !== ''} message={problem || 'Kept for everybody in this organization.'}>
              <TextField
                value={text}
                placeholder="https://agents.example.com"
                ariaLabel="Address of the service"
                ariaInvalid={problem !== ''}
                onChange={(_, value) => setText(value)}
              />
            </FormItem>
            <CheckList checks={checks} busy={busy} failure={failure?.message} />
            <div className="hub-row">
              <Button primary text={busy ? 'Checking' : 'Check and connect'} disabled={busy || text.trim() === ''} onClick={connect} />
            </div>
          </form>
        </Card>
        <Guide host={host} />
      </div>
    </>
  )
}

/** Keeps the address only when everything is right. */
async function checkAndKeep(host: Host, address: string, show: (checks: readonly Check[]) => void): Promise<Answer<void>> {
  const service = createService(createClient({ address, tokens: host, clock: browserClock }))
  const checks = await checkService(address, host.organization, { info: () => service.info(), session: service.session })
  show(checks)
  if (checks.some(({ result }) => result === 'failed')) return failed('refused', '')
  try {
    return { ok: true, value: await host.keepServiceAddress(address) }
  } catch {
    return failed('forbidden', 'Everything is right, but Azure DevOps did not keep the address. Ask somebody who may edit extension data.')
  }
}
