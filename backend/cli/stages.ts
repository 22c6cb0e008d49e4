/** How machines are shown in a terminal: a few groups of stages, each with a glyph that reads without colour too. */
import type { Stage } from '../core/snapshot.ts'
import type { Colour } from './text.ts'

export type StageGroup = { readonly name: string; readonly glyph: string; readonly colour: Colour; readonly stages: readonly Stage[] }

/** In the order of a machine's life as a bar shows it. */
export const stageGroups: readonly StageGroup[] = [
  { name: 'busy', glyph: '■', colour: 'green', stages: ['busy'] },
  { name: 'idle', glyph: '□', colour: 'cyan', stages: ['idle'] },
  { name: 'starting', glyph: '▲', colour: 'yellow', stages: ['starting'] },
  { name: 'creating', glyph: '△', colour: 'yellow', stages: ['creating'] },
  { name: 'reimaging', glyph: '○', colour: 'blue', stages: ['used', 'reimaging'] },
  { name: 'leaving', glyph: '▽', colour: 'dim', stages: ['draining', 'disabled', 'unregistered', 'deleting'] },
  { name: 'unhealthy', glyph: '×', colour: 'red', stages: ['failed', 'offline'] },
  { name: 'saved', glyph: '◆', colour: 'magenta', stages: ['saved'] },
  { name: 'not ours', glyph: '?', colour: 'dim', stages: ['foreign', 'unclear'] },
]

/** The groups that have machines, with how many. */
export function countByGroup(stages: readonly Stage[]): readonly (StageGroup & { readonly count: number })[] {
  return stageGroups
    .map((group) => ({ ...group, count: stages.filter((stage) => group.stages.includes(stage)).length }))
    .filter((group) => group.count > 0)
}

/** `9 busy, 2 idle, 3 starting`, or `none`. */
export function describeStages(stages: readonly Stage[]): string {
  const groups = countByGroup(stages)
  return groups.length === 0 ? 'none' : groups.map((group) => `${group.count} ${group.name}`).join(', ')
}
