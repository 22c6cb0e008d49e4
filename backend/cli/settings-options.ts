/** Pool settings as options of a command. The service's `checkSettings` judges them; here only their form is read. */
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { SettingsInput } from '../api/contract.ts'
import { exitCodes, Failure } from './exit.ts'

type Parsed = {
  readonly max?: number
  readonly standby?: number
  readonly tearDown?: boolean
  readonly saved?: number
  readonly delay?: number
  readonly interactive?: boolean
  readonly agentVersion?: string
  readonly proxy?: string
  readonly sudo?: boolean
  readonly holdUpgrades?: boolean
  readonly settings?: string
}

/** Adds the settings of the built-in feature, and a file for all others. */
export function withSettings(command: Command): Command {
  return withDemoSettings(command)
    .option('--saved <n>', 'unhealthy agents saved for investigation, at most', count)
    .option('--delay <minutes>', 'delay in minutes before deleting excess idle agents', count)
    .option('--interactive', 'configure VMs to run interactive tests')
    .option('--no-interactive', 'do not')
    .option('--agent-version <x.y.z>', "the agent that new machines install; '' is the newest that Azure DevOps offers")
    .option('--proxy <url>', "the proxy of the machines; '' is what their image says")
    .option('--sudo', "the agent's account may use sudo without a password (Linux)")
    .option('--no-sudo', 'it may not')
    .option('--hold-upgrades', 'hold back automatic upgrades that would restart something under a job')
    .option('--no-hold-upgrades', 'let them run')
    .option('--settings <file>', 'JSON file with any of the settings of docs/settings.md; the options above go before it')
}

/** The three that change what a demo shows. */
export function withDemoSettings(command: Command): Command {
  return command
    .option('--max <n>', 'maximum number of virtual machines in the scale set', count)
    .option('--standby <n>', 'number of agents to keep on standby', count)
    .option('--tear-down', 'tear down virtual machines after every use')
    .option('--no-tear-down', 'use them again')
}

/** The settings that were given, and no other. */
export function settingsFrom(options: Parsed): SettingsInput {
  const given = {
    machinesMax: options.max,
    standby: options.standby,
    tearDownAfterUse: options.tearDown,
    savedMax: options.saved,
    idleDelayMinutes: options.delay,
    interactive: options.interactive,
    agentVersion: options.agentVersion,
    proxy: options.proxy,
    sudo: options.sudo,
    holdUpgrades: options.holdUpgrades,
  }
  const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SettingsInput
  return options.settings === undefined ? stated : { ...readSettingsFile(options.settings), ...stated }
}

/** A whole number of zero or more. */
export function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`'${text}' is not a whole number of 0 or more.`)
  return Number(text)
}

function readSettingsFile(path: string): SettingsInput {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure(exitCodes.noInput, `The settings file ${path} cannot be read. Check the path given with --settings.`, error)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below, with the next step.
  }
  throw new Failure(exitCodes.usage, `The settings file ${path} is not a JSON object. Write it as {"machinesMax": 10, "standby": 2}.`)
}
