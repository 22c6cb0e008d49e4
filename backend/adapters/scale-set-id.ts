/** The Azure resource id of a scale set. */

export type ScaleSetId = { readonly subscriptionId: string; readonly resourceGroup: string; readonly name: string; readonly id: string }

const shape =
  /^\/subscriptions\/([0-9a-f-]{36})\/resourceGroups\/([^/?#]{1,90})\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([^/?#]{1,64})\/?$/i

/** Takes the id apart. Throws one sentence with the next step when it is none. */
export function parseScaleSetId(text: string): ScaleSetId {
  const [, subscriptionId, resourceGroup, name] = shape.exec(text.trim()) ?? []
  if (subscriptionId === undefined || resourceGroup === undefined || name === undefined)
    throw new Error(
      `"${text}" is not the id of a scale set; copy it from the scale set's Properties page in the Azure portal: /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Compute/virtualMachineScaleSets/NAME.`,
    )
  return {
    subscriptionId,
    resourceGroup,
    name,
    id: `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`,
  }
}
