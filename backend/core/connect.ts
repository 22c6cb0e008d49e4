/**
 * How a person gets to a machine to look at it, found from the network that the scale set's model gives its machines.
 * Never a password: the service knows none. Sources of the commands: Azure CLI reference, az vmss and az vmss nic.
 */
import { fixes } from './fixes.ts'

/** What the model gives each machine beside its private address. */
export type Reach = {
  readonly publicAddress: boolean
  /** A load balancer's inbound NAT pool: a port of the balancer for each machine. */
  readonly natPool: boolean
}
export type ConnectFacts = {
  readonly scaleSetId: string
  readonly os: 'linux' | 'windows'
  readonly adminUsername?: string
  readonly reach: Reach
}
export type ConnectStep = { readonly sentence: string; readonly command: string }
export type ConnectWay = {
  readonly way: 'publicAddress' | 'natPort' | 'jumpHost'
  readonly sentence: string
  readonly steps: readonly ConnectStep[]
}

/** The most direct way first. The last, through the network, is always there. */
export function waysToConnect(facts: ConnectFacts, machineId: string): readonly ConnectWay[] {
  const { publicAddress, natPool } = facts.reach
  return [
    ...(publicAddress ? [byPublicAddress(facts, machineId)] : []),
    ...(natPool ? [byNatPort(facts, machineId)] : []),
    throughJumpHost(facts, machineId, !publicAddress && !natPool),
  ]
}

function byPublicAddress(facts: ConnectFacts, machineId: string): ConnectWay {
  return {
    way: 'publicAddress',
    sentence: 'Each machine of the scale set has a public address.',
    steps: [
      { sentence: 'This prints the address of the machine.', command: fixes(facts.scaleSetId).publicAddress(machineId) },
      { sentence: signIn(facts), command: facts.os === 'linux' ? `ssh ${userOf(facts)}@ADDRESS` : 'mstsc /v:ADDRESS' },
    ],
  }
}

function byNatPort(facts: ConnectFacts, machineId: string): ConnectWay {
  return {
    way: 'natPort',
    sentence: 'The load balancer of the scale set has a port for each machine.',
    steps: [
      {
        sentence: 'This prints the address of the balancer and the port of the machine.',
        command: fixes(facts.scaleSetId).natPort(machineId),
      },
      { sentence: signIn(facts), command: facts.os === 'linux' ? `ssh -p PORT ${userOf(facts)}@ADDRESS` : 'mstsc /v:ADDRESS:PORT' },
    ],
  }
}

function throughJumpHost(facts: ConnectFacts, machineId: string, isOnlyWay: boolean): ConnectWay {
  const user = userOf(facts)
  const signInStep = {
    sentence: signIn(facts),
    command: facts.os === 'linux' ? `ssh -J USER@JUMP-HOST ${user}@ADDRESS` : 'mstsc /v:localhost:13389',
  }
  return {
    way: 'jumpHost',
    sentence: isOnlyWay
      ? 'The machines have private addresses only: go through a computer in their network.'
      : 'From a computer in the network of the machines, their private addresses work, too.',
    steps: [
      { sentence: 'This prints the private address of the machine.', command: fixes(facts.scaleSetId).privateAddress(machineId) },
      ...(facts.os === 'linux'
        ? []
        : [
            {
              sentence: 'This brings the remote desktop of the machine to your own computer.',
              command: 'ssh -L 13389:ADDRESS:3389 USER@JUMP-HOST',
            },
          ]),
      signInStep,
    ],
  }
}

function signIn({ os, adminUsername }: ConnectFacts): string {
  const who = adminUsername === undefined ? 'the administrator account of the scale set' : adminUsername
  return os === 'linux'
    ? `Sign in as ${who}, with the key that the scale set was made with.`
    : `Sign in as ${who}, with the password that the scale set was made with; the service does not know it.`
}

function userOf({ adminUsername }: ConnectFacts): string {
  return adminUsername ?? 'ADMINISTRATOR'
}
