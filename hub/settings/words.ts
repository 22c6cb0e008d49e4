/** Each setting's name and what it does. The first six are named as in the built-in feature. */
import type { PoolSettings } from '../../backend/core/settings.ts'

type Words = { readonly name: string; readonly help: string }

export const settingWords: Readonly<Record<keyof PoolSettings, Words>> = {
  tearDownAfterUse: {
    name: 'Automatically tear down virtual machines after every use',
    help: 'A machine runs one job and is then reimaged or deleted.',
  },
  savedMax: {
    name: 'Save an unhealthy agent for investigation',
    help: 'How many at most. They stay until somebody deletes them and count against the maximum; 0 saves none.',
  },
  machinesMax: {
    name: 'Maximum number of virtual machines in the scale set',
    help: 'The pool never grows beyond it. Lowering it removes no machine by itself.',
  },
  standby: {
    name: 'Number of agents to keep on standby',
    help: 'Idle agents that wait for jobs. 0 starts a machine only when there is a job.',
  },
  idleDelayMinutes: {
    name: 'Delay in minutes before deleting excess idle agents',
    help: 'Only a surplus that stood during the whole delay leaves.',
  },
  interactive: { name: 'Configure VMs to run interactive tests', help: 'Windows Server only: the agent signs in and runs with a desktop.' },
  paused: { name: 'Paused', help: 'Nothing is changed until the pool is resumed.' },
  startMinutesMax: {
    name: 'Minutes that an agent may take to come online',
    help: 'After its machine was created or reimaged; then it failed to start.',
  },
  standbyWindows: {
    name: 'Standby by the hour',
    help: 'Outside all windows the number above holds; where windows overlap, the highest wins.',
  },
  timeZone: { name: 'Time zone of the windows', help: 'Such as Europe/Berlin.' },
  capabilities: {
    name: 'Capabilities',
    help: 'For jobs with demands, before an agent has shown its own. One on each line, as name=value.',
  },
  agentVersion: {
    name: 'Version of the agent',
    help: 'That new machines install, such as 4.255.0. Empty: the newest that Azure DevOps offers.',
  },
  sudo: { name: 'Jobs may use sudo', help: 'Without a password, as in the built-in feature. Linux only.' },
  holdUpgrades: { name: 'Hold automatic upgrades back', help: 'Upgrades of the system that would restart something under a job.' },
  saveCreationFailed: {
    name: 'Save machines whose creation failed, too',
    help: 'Such as by a failing Custom Script extension. They count among the saved.',
  },
  proxy: {
    name: 'Proxy of the machines',
    help: 'Such as http://proxy.example.com:3128, without user and password. Empty: what their image says.',
  },
  tokenInModel: {
    name: 'Credential in the model of the scale set',
    help: 'For services that machines cannot reach. Every administrator of a machine can read it, and machines report nothing.',
  },
  deleting: { name: 'Being deleted', help: 'Set by the service.' },
}
