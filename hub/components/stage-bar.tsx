/** A pool's machines by stage as a bar, out of its maximum, with the same in words. */
import type { ReactElement } from 'react'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { groupsOf, type GroupCount } from './stages.ts'

type Props = { readonly stages: PoolSummary['stages']; readonly machinesMax: number; readonly legend?: boolean }

export function StageBar({ stages, machinesMax, legend = false }: Props): ReactElement {
  if (stages === undefined) return <span className="secondary-text">not known</span>
  const groups = groupsOf(stages)
  const total = groups.reduce((sum, { count }) => sum + count, 0)
  // A maximum that was lowered under what exists.
  const whole = Math.max(total, machinesMax, 1)
  return (
    <div className="hub-stages">
      <div className="hub-stage-bar" role="img" aria-label={`${total} of ${machinesMax} machines: ${wordsOf(groups)}`}>
        {groups.map(({ group, count }) => (
          <span key={group.id} className={`hub-stage hub-stage-${group.id}`} style={{ width: `${(100 * count) / whole}%` }} />
        ))}
      </div>
      {legend && <Legend groups={groups} />}
    </div>
  )
}

export function wordsOf(groups: readonly GroupCount[]): string {
  return groups.length === 0 ? 'none' : groups.map(({ group, count }) => `${count} ${group.name}`).join(', ')
}

function Legend({ groups }: { readonly groups: readonly GroupCount[] }): ReactElement {
  return (
    <ul className="hub-legend">
      {groups.map(({ group, count }) => (
        <li key={group.id}>
          <span className={`hub-swatch hub-stage-${group.id}`} aria-hidden="true" />
          <strong>{count}</strong> {group.name}
        </li>
      ))}
      {groups.length === 0 && <li>No machine.</li>}
    </ul>
  )
}
