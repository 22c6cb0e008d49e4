/** Points in time and durations, as the person's own computer writes them. */
import { Tooltip } from 'azure-devops-ui/TooltipEx'
import type { ReactElement } from 'react'
import { duration } from '../../backend/core/explain.ts'
import { browserClock, instantText, type HubClock } from '../clock.ts'
import { exactInstant, shortTime } from './instants.ts'

/** `14:05:12`, with the day before it when that is not today. The exact instant is on hover and for screen readers. */
export function Time({ atMs, clock = browserClock }: { readonly atMs: number; readonly clock?: HubClock }): ReactElement {
  return (
    <Tooltip text={exactInstant(atMs)}>
      <time dateTime={instantText(atMs)} title="">
        {shortTime(atMs, clock.now())}
      </time>
    </Tooltip>
  )
}

export function Duration({ ms }: { readonly ms: number }): ReactElement {
  return <span className="hub-number">{duration(ms)}</span>
}
