/** What a click on Create would do, in sentences. */
import type { CheckReport } from '../../backend/api/contract.ts'
import { counted } from '../components/more-or-less.ts'
import { poolNameOf, scaleSetName, type Wishes } from './wishes.ts'

export function reviewOf(wishes: Wishes, { findings, present }: CheckReport): readonly string[] {
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  return [
    `${wishes.existingPool ? 'The agent pool' : 'An agent pool named'} ${poolNameOf(wishes)} ${wishes.existingPool ? 'is taken' : 'is made'} in Azure DevOps, with your rights.`,
    ...projectOf(wishes),
    `The scale set ${scaleSetName(wishes.scaleSetId) ?? ''} is marked as its own and gets the agent extension: at most ${counted(Number(wishes.draft.machinesMax), 'machine')}, ${wishes.draft.standby} on standby.`,
    ...machinesOf(wishes, present.length),
    ...(warnings === 0 ? [] : [`${counted(warnings, 'warning')} of the check ${warnings === 1 ? 'stands' : 'stand'}.`]),
  ]
}

function projectOf({ project, authorizeAllPipelines }: Wishes): readonly string[] {
  const name = project.trim()
  if (name === '') return ['No project gets a queue for it yet.']
  return [
    authorizeAllPipelines
      ? `Project ${name} gets a queue, and every pipeline of it may use the pool.`
      : `Project ${name} gets a queue; each of its pipelines asks for permission the first time.`,
  ]
}

function machinesOf({ replaceMachines }: Wishes, present: number): readonly string[] {
  if (present === 0) return []
  const there = `${counted(present, 'machine')} that ${present === 1 ? 'is' : 'are'} in the scale set now`
  return [
    replaceMachines
      ? `${there} ${present === 1 ? 'is' : 'are'} deleted and replaced.`
      : `${there} ${present === 1 ? 'is' : 'are'} left alone, and count against the maximum.`,
  ]
}
