/** Which Azure rights an identity lacks, by the rules of Azure's roles. */

/** One effective permission as Azure lists it for the caller; actions may hold `*`. */
export type Permission = { readonly actions: readonly string[]; readonly notActions: readonly string[] }

/** What the loop cannot work without, each with the calls it is for. */
export const neededActions: readonly string[] = [
  'Microsoft.Compute/virtualMachineScaleSets/read',
  'Microsoft.Compute/virtualMachineScaleSets/write',
  'Microsoft.Compute/virtualMachineScaleSets/delete/action',
  'Microsoft.Compute/virtualMachineScaleSets/reimage/action',
  'Microsoft.Compute/virtualMachineScaleSets/extensions/write',
  'Microsoft.Compute/virtualMachineScaleSets/extensions/delete',
  'Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read',
  'Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read',
  'Microsoft.Resources/tags/write',
]

/** What it works without, but knows less. Often granted at the subscription or the network instead of the scale set. */
export const usefulActions: readonly string[] = [
  'Microsoft.Network/virtualNetworks/subnets/join/action',
  'Microsoft.Network/virtualNetworks/subnets/read',
  'Microsoft.Compute/locations/usages/read',
  'Microsoft.Compute/locations/operations/read',
  'Microsoft.Compute/skus/read',
  'Microsoft.Authorization/permissions/read',
  'Microsoft.Insights/autoscaleSettings/read',
]

/**
 * The actions that no permission grants. One permission grants an action when one of its actions matches and none of its
 * notActions does; another permission may still grant it (Azure role-based access control: notActions is not a denial).
 */
export function missingActions(wanted: readonly string[], permissions: readonly Permission[]): readonly string[] {
  return wanted.filter((action) => !permissions.some((permission) => grants(permission, action)))
}

function grants(permission: Permission, action: string): boolean {
  return (
    permission.actions.some((pattern) => matches(pattern, action)) && !permission.notActions.some((pattern) => matches(pattern, action))
  )
}

/** `*` stands for any characters, slashes too; case does not count. Walks the literal parts, so no pattern can be slow. */
function matches(pattern: string, action: string): boolean {
  const text = action.toLowerCase()
  const wanted = pattern.toLowerCase()
  const [firstStar, lastStar] = [wanted.indexOf('*'), wanted.lastIndexOf('*')]
  if (firstStar < 0) return text === wanted
  if (!text.startsWith(wanted.slice(0, firstStar))) return false
  const last = wanted.slice(lastStar + 1)
  let from = firstStar
  for (const part of wanted.slice(firstStar, lastStar).split('*')) {
    const found = text.indexOf(part, from)
    if (found < 0) return false
    from = found + part.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}
