/** What the wizard asks for, and what is sent for it. */
import type { CheckRequest, PoolCreation } from '../../backend/api/contract.ts'
import type { BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { parseScaleSetId } from '../../backend/core/scale-set-id.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { changesOf, draftOf, type Draft } from '../settings/draft.ts'

export type Wishes = {
  readonly scaleSetId: string
  /** '' takes the scale set's name. */
  readonly poolName: string
  readonly draft: Draft
  /** '' for none. */
  readonly project: string
  readonly authorizeAllPipelines: boolean
  readonly existingPool: boolean
  readonly replaceMachines: boolean
}

export function startWishes(project: string | undefined): Wishes {
  return {
    scaleSetId: '',
    poolName: '',
    draft: draftOf(defaultSettings),
    project: project ?? '',
    authorizeAllPipelines: false,
    existingPool: false,
    replaceMachines: false,
  }
}

/** The settings of a pool that Azure DevOps sized, over what is there. */
export function takenOver(wishes: Wishes, { name, scaleSetId, settings }: BuiltInPoolView): Wishes {
  return { ...wishes, scaleSetId, poolName: name, draft: draftOf({ ...defaultSettings, ...settings }) }
}

/** The name of the scale set that the id names; undefined when it is no id. */
export function scaleSetName(scaleSetId: string): string | undefined {
  return parseScaleSetId(scaleSetId.trim())?.name
}

export function poolNameOf({ poolName, scaleSetId }: Wishes): string {
  return poolName.trim() || (scaleSetName(scaleSetId) ?? '')
}

export function creationOf(wishes: Wishes): PoolCreation {
  const project = wishes.project.trim()
  return {
    scaleSetId: wishes.scaleSetId.trim(),
    poolName: poolNameOf(wishes),
    settings: changesOf(wishes.draft, defaultSettings),
    ...(project === '' ? {} : { project, authorizeAllPipelines: wishes.authorizeAllPipelines }),
    existingPool: wishes.existingPool,
    replaceMachines: wishes.replaceMachines,
  }
}

/** Undefined while there is no scale set to check. */
export function checkOf({ scaleSetId, draft }: Wishes): CheckRequest | undefined {
  if (scaleSetName(scaleSetId) === undefined) return undefined
  return { scaleSetId: scaleSetId.trim(), settings: changesOf(draft, defaultSettings), forNewPool: true }
}
