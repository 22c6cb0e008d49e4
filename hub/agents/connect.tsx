/** How to get to a machine for an investigation. Asked for when a person wants it: the service reads the scale set for it. */
import { Button } from 'azure-devops-ui/Button'
import { useRef, useState, type ReactElement } from 'react'
import type { ConnectView } from '../../backend/api/contract-look.ts'
import { Frame } from '../components/state.tsx'
import { Steps } from '../components/steps.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'

type Props = { readonly poolId: number; readonly machine: string }

export function Connect(props: Props): ReactElement {
  const [asked, ask] = useState(false)
  const place = useRef<HTMLElement>(null)
  return (
    <section aria-label="Connect" ref={place} tabIndex={-1}>
      <h2 className="hub-subtitle">Connect</h2>
      {asked ? (
        <Read {...props} />
      ) : (
        <Button
          text="Show how to connect"
          iconProps={{ iconName: 'PlugConnected' }}
          onClick={() => {
            // The button goes away: the focus stays where it was.
            place.current?.focus()
            ask(true)
          }}
        />
      )}
    </section>
  )
}

function Read({ poolId, machine }: Props): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `connect ${poolId} ${machine}`,
    read: (signal) => service.connect(poolId, machine, signal),
  })
  return (
    <Frame what="the network of the scale set" resource={resource} again={again}>
      {({ ways }) => <Ways ways={ways} />}
    </Frame>
  )
}

export function Ways({ ways }: Pick<ConnectView, 'ways'>): ReactElement {
  return (
    <div className="hub-stack">
      {ways.map(({ way, sentence, steps }) => (
        <section key={way} aria-label={sentence}>
          <p className="hub-text">{sentence}</p>
          <Steps steps={steps} />
        </section>
      ))}
    </div>
  )
}
