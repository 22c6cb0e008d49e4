/** The tag that says which service drives a scale set, and for which pool. */

/** Our own tag. Azure compares tag names without case. */
export const claimTag = 'ScaleSetAgentsOwner'

/** The owner tag of Azure DevOps' built-in pools: its documents print one underscore, real scale sets carry two. */
export const builtInTags: readonly string[] = ['__AzureDevOpsElasticPool', '_AzureDevOpsElasticPool']

/** A tag as it stands, to take it off. */
type Tag = { readonly name: string; readonly value: string }

export type Claim =
  | { readonly claim: 'free'; readonly by?: undefined; readonly counter?: undefined; readonly tag?: undefined }
  | {
      readonly claim: 'ours' | 'other' | 'built-in'
      /** The owner: `{owner}/{pool id}`, the whole value when it is not in our form, or the built-in pool's name. */
      readonly by: string
      readonly counter?: number
      readonly tag: Tag
    }

/** The tag's value: `{owner}/{pool id}/{counter}`. The counter moves while the owner lives. */
export function claimValue(owner: string, poolId: number, counter: number): string {
  return `${owner}/${poolId}/${counter}`
}

/**
 * Whose a scale set is by its tags. A built-in pool's tag beside ours counts as the built-in pool's: two drivers would fight.
 * A value that is not in our form is another's: nobody's tag is overwritten.
 */
export function parseClaim(tags: Readonly<Record<string, string>>, owner: string, poolId: number | undefined): Claim {
  const builtIn = builtInTags.map((name) => tagNamed(tags, name)).find((tag) => tag !== undefined)
  if (builtIn !== undefined) return { claim: 'built-in', by: builtIn.value, tag: builtIn }
  const tag = tagNamed(tags, claimTag)
  if (tag === undefined) return { claim: 'free' }
  const parts = /^(.+\/\d+)\/(\d{1,15})$/.exec(tag.value)
  if (parts?.[1] === undefined) return { claim: 'other', by: tag.value, tag }
  const claim = poolId !== undefined && parts[1] === `${owner}/${poolId}` ? 'ours' : 'other'
  return { claim, by: parts[1], counter: Number(parts[2]), tag }
}

function tagNamed(tags: Readonly<Record<string, string>>, name: string): Tag | undefined {
  const found = Object.entries(tags).find(([key]) => key.toLowerCase() === name.toLowerCase())
  return found === undefined ? undefined : { name: found[0], value: found[1] }
}
