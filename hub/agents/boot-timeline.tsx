/** How a machine became an agent: the phases of each of its lives, as it told them. */
import type { ReactElement } from 'react'
import type { BootView } from '../../backend/api/contract.ts'
import { Copyable } from '../components/copyable.tsx'
import { Frame } from '../components/state.tsx'
import { Duration, Time } from '../components/time.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'

const everyMs = 5_000

type Life = BootView['lives'][number]

export function BootTimeline({ poolId, machine }: { readonly poolId: number; readonly machine: string }): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `boot ${poolId} ${machine}`,
    everyMs,
    read: (signal) => service.boot(poolId, machine, signal),
    isEmpty: ({ lives }) => lives.length === 0,
  })
  return (
    <Frame
      what="the starts"
      resource={resource}
      again={again}
      empty={<p className="hub-text secondary-text">The machine has not told of a start.</p>}
    >
      {({ lives }) => <Lives lives={lives} />}
    </Frame>
  )
}

export function Lives({ lives }: { readonly lives: readonly Life[] }): ReactElement {
  return (
    <div className="hub-stack">
      {lives.map((life) => (
        <section key={`${life.createdAt} ${life.generation}`} aria-label={`Life ${life.generation}`}>
          <h3 className="hub-subtitle">{life.generation === 1 ? 'As created' : `After reimage ${life.generation - 1}`}</h3>
          <Phases phases={life.phases} />
        </section>
      ))}
    </div>
  )
}

function Phases({ phases }: Pick<Life, 'phases'>): ReactElement {
  const longest = Math.max(1, ...phases.map(({ durationMs }) => durationMs))
  return (
    <ul className="hub-phases">
      {phases.map(({ phase, result, durationMs, atMs, detail, causeText, fix }) => (
        <li key={`${phase} ${atMs}`}>
          <span>{phase}</span>
          <span
            className={`hub-phase-bar ${result === 'failed' ? 'hub-phase-failed' : ''}`}
            style={{ width: `${Math.max(1, (100 * durationMs) / longest)}%` }}
          />
          <span>
            {result === 'failed' ? 'failed after ' : ''}
            <Duration ms={durationMs} /> at <Time atMs={atMs} />
          </span>
          {result === 'ok' && detail !== '' && <div className="hub-phase-note hub-text">Warning: {detail}</div>}
          {result === 'failed' && (
            <div className="hub-phase-note hub-stack">
              {causeText !== undefined && <p className="hub-text">{causeText}</p>}
              {fix !== undefined && <p className="hub-text secondary-text">{fix}</p>}
              {detail !== '' && <Copyable what="what the machine said" text={detail} />}
            </div>
          )}
        </li>
      ))}
    </ul>
  )
}
