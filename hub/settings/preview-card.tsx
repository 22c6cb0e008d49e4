/** What the change would do in the next pass. */
import { Card } from 'azure-devops-ui/Card'
import { useMemo, type ReactElement } from 'react'
import type { PassDetail } from '../../backend/api/contract.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { Answer } from '../answer.ts'
import { counted } from '../components/more-or-less.ts'
import { Empty, Frame } from '../components/state.tsx'
import { useHub } from '../context.ts'
import type { Service } from '../service.ts'
import { useResource } from '../use-resource.ts'
import { previewOf } from './preview.ts'

const everyMs = 10_000

type Props = { readonly poolId: number; readonly settings: PoolSettings }

export function PreviewCard({ poolId, settings }: Props): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `pass ${poolId}`,
    everyMs,
    read: (signal) => newestPass(service, poolId, signal),
    isEmpty: (pass) => pass === undefined,
  })
  return (
    <Card titleProps={{ text: 'What this would do', ariaLevel: 2 }}>
      <Frame
        what="the newest pass"
        resource={resource}
        again={again}
        empty={<Empty title="Not known yet" text="The first pass of the pool has not ended." />}
      >
        {(pass) => (pass === undefined ? <></> : <Sentences pass={pass} settings={settings} />)}
      </Frame>
    </Card>
  )
}

function Sentences({ pass, settings }: { readonly pass: PassDetail; readonly settings: PoolSettings }): ReactElement {
  const { wantedBefore, wantedAfter, sentences } = useMemo(() => previewOf(pass, settings), [pass, settings])
  return (
    <div className="hub-stack" aria-live="polite">
      <p className="hub-text">
        {wantedBefore === wantedAfter
          ? `The next pass would want ${counted(wantedAfter, 'machine')}, as now.`
          : `The next pass would want ${counted(wantedAfter, 'machine')} instead of ${wantedBefore}.`}
      </p>
      <ul className="hub-list">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  )
}

async function newestPass(service: Service, poolId: number, signal: AbortSignal): Promise<Answer<PassDetail | undefined>> {
  const newest = await service.passes(poolId, { top: 1 }, signal)
  if (!newest.ok) return newest
  const [pass] = newest.value.passes
  return pass === undefined ? { ok: true, value: undefined } : service.pass(poolId, pass.id, signal)
}
