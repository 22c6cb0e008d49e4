/** The parts of a scale set's Azure resource id. */

export type ScaleSetId = { readonly subscriptionId: string; readonly resourceGroup: string; readonly name: string }

/** A scale set as a list shows it. */
export type ListedScaleSet = Pick<ScaleSetId, 'resourceGroup' | 'name'> & {
  readonly id: string
  readonly location: string
  readonly size: string
  readonly capacity: number
}

const form =
  /^\/subscriptions\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/resourceGroups\/([-\w.()]{1,90})\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([-\w.]{1,64})\/?$/i

/** `undefined` when the id does not parse. Azure compares ids without case. */
export function parseScaleSetId(id: string): ScaleSetId | undefined {
  const [, subscriptionId, resourceGroup, name] = form.exec(id) ?? []
  if (subscriptionId === undefined || resourceGroup === undefined || name === undefined) return undefined
  return { subscriptionId, resourceGroup, name }
}

/** Whether two ids name the same scale set. */
export function sameScaleSet(a: string, b: string): boolean {
  return a.replace(/\/$/, '').toLowerCase() === b.replace(/\/$/, '').toLowerCase()
}
