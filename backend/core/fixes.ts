/** The Azure CLI commands that put right what a check found. Every value is quoted: names come from other people's tags. */
import { parseScaleSetId } from './scale-set-id.ts'

export type NewScaleSet = { readonly image?: string; readonly adminUsername?: string; readonly evictionPolicy?: string }
export type Fixes = ReturnType<typeof fixes>

/** Commands for one scale set. */
export function fixes(scaleSetId: string) {
  const id = parseScaleSetId(scaleSetId) ?? { subscriptionId: 'SUBSCRIPTION', resourceGroup: 'RESOURCE-GROUP', name: 'SCALE-SET' }
  const group = `--subscription ${id.subscriptionId} --resource-group ${quote(id.resourceGroup)}`
  const update = `az vmss update ${group} --name ${quote(id.name)}`
  return {
    update: (change: string): string => `${update} ${change}`,
    removeIdentity: (): string => `az vmss identity remove ${group} --name ${quote(id.name)}`,
    unprotect: (machineIds: readonly string[]): string =>
      `for id in ${machineIds.map(quote).join(' ')}; do ${update} --instance-id "$id" --protect-from-scale-in false --protect-from-scale-set-actions false; done`,
    untag: (tags: readonly (readonly [name: string, value: string])[]): string =>
      `az tag update --resource-id ${quote(scaleSetId)} --operation delete --tags ${tags.map(([name, value]) => quote(`${name}=${value}`)).join(' ')}`,
    tags: (): string => `az tag list --resource-id ${quote(scaleSetId)} --query properties.tags --output table`,
    autoscaleOff: (name: string): string => `az monitor autoscale update ${group} --name ${quote(name)} --enabled false`,
    grant: (actions: readonly string[]): string => grant(scaleSetId, id.subscriptionId, actions),
    /** A scale set as the pool needs it, beside the present one. */
    create: (name: string, { image = 'Ubuntu2204', adminUsername, evictionPolicy }: NewScaleSet = {}): string =>
      [
        `az vmss create ${group} --name ${quote(name)} --image ${quote(image)} --instance-count 0 --orchestration-mode Uniform`,
        `--upgrade-policy-mode Manual --disable-overprovision --single-placement-group false --load-balancer ""`,
        ...(adminUsername === undefined ? [] : [`--admin-username ${quote(adminUsername)}`]),
        ...(evictionPolicy === undefined ? [] : [`--priority Spot --eviction-policy ${quote(evictionPolicy)}`]),
      ].join(' '),
    /** The name of the present scale set, to name another after it. */
    name: id.name,
    quotas: (): string =>
      `az vm list-usage --subscription ${id.subscriptionId} --location "$(az vmss show ${group} --name ${quote(id.name)} --query location --output tsv)" --output table`,
    publicAddress: (machineId: string): string =>
      `az vmss list-instance-public-ips ${group} --name ${quote(id.name)} --query ${quote(`[?contains(id, '/virtualMachines/${machineId}/')].ipAddress`)} --output tsv`,
    natPort: (machineId: string): string =>
      `az vmss list-instance-connection-info ${group} --name ${quote(id.name)} --query ${quote(`"instance ${machineId}"`)} --output tsv`,
    privateAddress: (machineId: string): string =>
      `az vmss nic list-vm-nics ${group} --vmss-name ${quote(id.name)} --instance-id ${quote(machineId)} --query "[].ipConfigurations[].privateIPAddress" --output tsv`,
    subnets: (): string =>
      `az vmss show ${group} --name ${quote(id.name)} --query "virtualMachineProfile.networkProfile.networkInterfaceConfigurations[].ipConfigurations[].subnet.id" --output tsv`,
  }
}

/** A role with exactly the missing actions, and its assignment. The identity's id is the reader's to fill in. */
function grant(scaleSetId: string, subscriptionId: string, actions: readonly string[]): string {
  const name = 'Scale Set Agents'
  const role = JSON.stringify({
    Name: name,
    Description: 'Missing rights of Scale Set Agents',
    Actions: actions,
    AssignableScopes: [`/subscriptions/${subscriptionId}`],
  })
  return `az role definition create --role-definition ${quote(role)} && az role assignment create --assignee "$SERVICE_IDENTITY" --role ${quote(name)} --scope ${quote(scaleSetId)}`
}

/** One word of a shell command, whatever it holds. */
export function quote(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
