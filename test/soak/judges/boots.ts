/** Machines that fail to start one after the other: growth comes down to one machine at a time, at intervals. */
import type { WorldEvent } from '../../../backend/simulator/facts.ts'
import type { Judge, Report, Scene } from '../history.ts'
import type { Ledger } from '../ledger.ts'

const minuteMs = 60_000
/** The service pauses after three; it is given two more, and the time of some lists, to see them. */
const certainAfter = 5
const seenMs = 5 * minuteMs
/** Tries are five minutes apart, by a clock that may have stood still while the service was down. */
const tryMs = 4.5 * minuteMs

/** One cause at a time; what mixes causes, or is not told by an event, makes the row uncertain until an agent comes online. */
type Row = { cause: string; lives: number; lastAt: number; certainAt: number; mixed: boolean }
const noRow = (): Row => ({ cause: '', lives: 0, lastAt: 0, certainAt: Infinity, mixed: false })

export function bootsJudge(scene: Scene, ledger: Ledger, report: Report): Judge {
  const own = scene.scaleSetId.toLowerCase()
  let row = noRow()
  let triedAt = -Infinity
  return (entry) => {
    if (entry.kind === 'order' && entry.order.order === 'try-again') triedAt = -Infinity
    if (entry.kind === 'world') happened(entry.event)
  }

  function happened(event: WorldEvent): void {
    switch (event.kind) {
      case 'agent-online':
        if (event.poolId === scene.poolId) row = noRow()
        return
      case 'fault':
        if (event.fault === 'agent-never-online') row.mixed = true
        return
      case 'machine-failed':
        if (event.scaleSetId.toLowerCase() === own) failed(event.machine, event.at)
        return
      case 'capacity':
        if (event.scaleSetId.toLowerCase() === own && event.by === 'patch' && event.to > event.from) grown(event.to - event.from, event.at)
        return
      default:
    }
  }

  function failed(id: string, at: number): void {
    const machine = scene.truth.machines(scene.scaleSetId).find(({ instanceId }) => instanceId === id)
    const cause = machine?.failure?.extension
    if (cause === undefined || !ledger.mayBeOurs(id) || ledger.wasAsked(id) || ledger.isSaved(id)) return
    if (row.lives > 0 && row.cause !== cause) row.mixed = true
    row = { ...row, cause, lives: row.lives + 1, lastAt: at, certainAt: row.lives + 1 === certainAfter ? at + seenMs : row.certainAt }
  }

  function grown(by: number, at: number): void {
    if (!row.mixed && at >= row.certainAt) {
      if (by > 1) report('boot-trouble', at, `growth by ${by} although ${row.lives} machines in a row failed to start (${row.cause})`)
      if (at - triedAt < tryMs)
        report('boot-trouble', at, `another machine after ${Math.round((at - triedAt) / 1000)} s although ${row.lives} in a row failed`)
    }
    triedAt = at
  }
}
