import { waysToConnect, type ConnectFacts } from '../../backend/core/connect.ts'

const scaleSetId =
  '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
const group = '--subscription 11111111-2222-3333-4444-555555555555 --resource-group ci'
const linux: ConnectFacts = { scaleSetId, os: 'linux', adminUsername: 'azureuser', reach: { publicAddress: false, natPool: false } }
const waysOf = (part: Partial<ConnectFacts>) => waysToConnect({ ...linux, ...part }, '7')
const commandsOf = (part: Partial<ConnectFacts>) => waysOf(part).map(({ way, steps }) => [way, ...steps.map(({ command }) => command)])

test('a machine without an address of its own is reached through its network', () => {
  expect(commandsOf({})).toEqual([
    [
      'jumpHost',
      `az vmss nic list-vm-nics ${group} --vmss-name linux --instance-id 7 --query "[].ipConfigurations[].privateIPAddress" --output tsv`,
      'ssh -J USER@JUMP-HOST azureuser@ADDRESS',
    ],
  ])
  expect(waysOf({})[0]?.sentence).toBe('The machines have private addresses only: go through a computer in their network.')
})

test('its public address comes first, then the port of the load balancer, and the network last', () => {
  const both = { reach: { publicAddress: true, natPool: true } }
  expect(commandsOf(both).slice(0, 2)).toEqual([
    [
      'publicAddress',
      `az vmss list-instance-public-ips ${group} --name linux --query '[?contains(id, '\\''/virtualMachines/7/'\\'')].ipAddress' --output tsv`,
      'ssh azureuser@ADDRESS',
    ],
    [
      'natPort',
      `az vmss list-instance-connection-info ${group} --name linux --query '"instance 7"' --output tsv`,
      'ssh -p PORT azureuser@ADDRESS',
    ],
  ])
  expect(waysOf(both).map(({ way }) => way)).toEqual(['publicAddress', 'natPort', 'jumpHost'])
})

test('Windows is reached by its remote desktop, through a tunnel where there is no address', () => {
  const windows = { os: 'windows', reach: { publicAddress: true, natPool: true } } as const
  expect(waysOf(windows).map(({ steps }) => steps.slice(1).map(({ command }) => command))).toEqual([
    ['mstsc /v:ADDRESS'],
    ['mstsc /v:ADDRESS:PORT'],
    ['ssh -L 13389:ADDRESS:3389 USER@JUMP-HOST', 'mstsc /v:localhost:13389'],
  ])
})

test('each way and step in words', () => {
  const words = (part: Partial<ConnectFacts>) =>
    waysOf(part).flatMap(({ sentence, steps }) => [sentence, ...steps.map((step) => step.sentence)])
  const withPassword = 'Sign in as azureuser, with the password that the scale set was made with; the service does not know it.'
  const publicly = 'Each machine of the scale set has a public address.'
  const byPort = 'The load balancer of the scale set has a port for each machine.'
  const inside = 'From a computer in the network of the machines, their private addresses work, too.'
  expect(words({ os: 'windows', reach: { publicAddress: true, natPool: true } })).toEqual([
    ...[publicly, 'This prints the address of the machine.', withPassword],
    ...[byPort, 'This prints the address of the balancer and the port of the machine.', withPassword],
    ...[inside, 'This prints the private address of the machine.'],
    ...['This brings the remote desktop of the machine to your own computer.', withPassword],
  ])
  for (const [reach, first] of [
    [{ publicAddress: true, natPool: false }, publicly],
    [{ publicAddress: false, natPool: true }, byPort],
  ] as const)
    expect([words({ reach })[0], words({ reach }).includes(inside)]).toEqual([first, true])
  expect(words({}).at(-1)).toBe('Sign in as azureuser, with the key that the scale set was made with.')
})

test('an account that the model does not name is the reader’s to fill in', () => {
  const { adminUsername: _, ...unnamed } = linux
  expect(waysToConnect(unnamed, '7')[0]?.steps.at(-1)).toEqual({
    sentence: 'Sign in as the administrator account of the scale set, with the key that the scale set was made with.',
    command: 'ssh -J USER@JUMP-HOST ADMINISTRATOR@ADDRESS',
  })
})
