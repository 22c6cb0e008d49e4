/** What a person decides for a pool. One rule book for the API, the hub's form and files. */
import { compareVersions } from './versions.ts'

export type StandbyWindow = {
  /** Days of the week, 0 = Sunday. */
  readonly days: readonly number[]
  /** Wall time in the window's zone, `HH:MM`. An end at or before the start reaches into the next day. */
  readonly from: string
  readonly to: string
  readonly standby: number
}

/** The wording behind each field is in docs/settings.md and in the hub; names follow the built-in feature. */
export type PoolSettings = {
  /** Automatically tear down virtual machines after every use. */
  readonly tearDownAfterUse: boolean
  /** Save an unhealthy agent for investigation: how many at most; 0 saves none. */
  readonly savedMax: number
  /** Maximum number of virtual machines in the scale set. */
  readonly machinesMax: number
  /** Number of agents to keep on standby. */
  readonly standby: number
  /** Delay in minutes before deleting excess idle agents. */
  readonly idleDelayMinutes: number
  /** Configure VMs to run interactive tests. */
  readonly interactive: boolean
  /** Nothing is changed while true. */
  readonly paused: boolean
  /** Minutes an agent may take from its machine's creation to coming online. */
  readonly startMinutesMax: number
  /** Standby by the hour; outside all windows `standby` holds. */
  readonly standbyWindows: readonly StandbyWindow[]
  /** IANA zone of the windows. */
  readonly timeZone: string
  /** Capabilities declared for jobs with demands, before an agent has shown its own. */
  readonly capabilities: Readonly<Record<string, string>>
  /** The agent that new machines install; '' is the newest that Azure DevOps offers. */
  readonly agentVersion: string
  /** The agent's account may use sudo without a password, as in the built-in feature. Linux only. */
  readonly sudo: boolean
  /** Automatic upgrades of the system that would restart something under a job are held back. */
  readonly holdUpgrades: boolean
  /** Machines that failed before our extension ran may be saved, too. */
  readonly saveCreationFailed: boolean
  /** The proxy of the machines; '' is what their image says. */
  readonly proxy: string
  /** For services that machines cannot reach: a credential stands in the scale set's model, and nothing is reported. */
  readonly tokenInModel: boolean
  /** The pool is being deleted: drain, delete, release. Set by the service, never by a form. */
  readonly deleting: boolean
}

/** What the checks know of the image; absent parts are not judged. */
export type ImageFacts = { readonly os: 'linux' | 'windows'; readonly client?: boolean }

export type Problem = { readonly field: string; readonly message: string }

/** The lowest agent that is accepted; docs/adr/0007. */
export const agentVersionMin = '3.227.1'

export const defaultSettings: PoolSettings = {
  tearDownAfterUse: false,
  savedMax: 1,
  machinesMax: 2,
  standby: 1,
  idleDelayMinutes: 30,
  interactive: false,
  paused: false,
  startMinutesMax: 10,
  standbyWindows: [],
  timeZone: 'UTC',
  capabilities: {},
  agentVersion: '',
  sudo: true,
  holdUpgrades: true,
  saveCreationFailed: false,
  proxy: '',
  tokenInModel: false,
  deleting: false,
}

/**
 * The one rule book. Takes anything, answers settings or every problem with the field it belongs to.
 * Fields that are absent take their default; fields that are unknown are problems.
 * `image` adds the rules that depend on the machines' system.
 */
export function checkSettings(
  input: unknown,
  image?: ImageFacts,
): { readonly settings?: PoolSettings; readonly problems: readonly Problem[] } {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { problems: [{ field: '', message: 'Settings are an object with the fields of docs/settings.md.' }] }
  }
  const given = input as Readonly<Record<string, unknown>>
  const candidate = { ...defaultSettings, ...given } as PoolSettings
  const problems = [...unknownFields(given), ...typeProblems(candidate), ...relationProblems(candidate), ...imageProblems(candidate, image)]
  return problems.length === 0 ? { settings: candidate, problems } : { problems }
}

function unknownFields(given: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(given)
    .filter((field) => !Object.hasOwn(defaultSettings, field))
    .map((field) => ({ field, message: `There is no setting "${field}". The settings are: ${Object.keys(defaultSettings).join(', ')}.` }))
}

/** Whole numbers with their bounds. 1,000 is a scale set's limit; 100 with a single placement group is a check of the scale set. */
const wholeNumbers = {
  machinesMax: [1, 1000],
  standby: [0, 1000],
  savedMax: [0, 100],
  idleDelayMinutes: [0, 10_080],
  startMinutesMax: [1, 120],
} as const

const yesOrNo = [
  'tearDownAfterUse',
  'interactive',
  'paused',
  'sudo',
  'holdUpgrades',
  'saveCreationFailed',
  'tokenInModel',
  'deleting',
] as const

function typeProblems(settings: PoolSettings): Problem[] {
  const problems: Problem[] = []
  for (const [field, [least, most]] of Object.entries(wholeNumbers)) {
    const value: unknown = settings[field as keyof typeof wholeNumbers]
    if (!isWhole(value, least, most))
      problems.push({ field, message: `${field} is ${show(value)}; give a whole number from ${least} to ${most}.` })
  }
  for (const field of yesOrNo) {
    if (typeof settings[field] !== 'boolean') problems.push({ field, message: `${field} is ${show(settings[field])}; give true or false.` })
  }
  if (typeof settings.timeZone !== 'string' || !isTimeZone(settings.timeZone)) {
    problems.push({ field: 'timeZone', message: `timeZone is ${show(settings.timeZone)}; give an IANA name such as Europe/Berlin or UTC.` })
  }
  return [
    ...problems,
    ...capabilityProblems(settings.capabilities),
    ...windowProblems(settings.standbyWindows),
    ...versionProblems(settings.agentVersion),
    ...proxyProblems(settings.proxy),
  ]
}

function versionProblems(version: unknown): Problem[] {
  const isVersion = typeof version === 'string' && /^\d{1,4}\.\d{1,4}\.\d{1,6}$/.test(version)
  if (version === '' || (isVersion && compareVersions(version, agentVersionMin) >= 0)) return []
  const what = isVersion ? 'older than this service supports' : 'no version'
  const message = `agentVersion is ${show(version)}, ${what}; give ${agentVersionMin} or a newer one, or nothing for the newest that Azure DevOps offers.`
  return [{ field: 'agentVersion', message }]
}

/** Settings are stored, shown and logged as they are: a password has no place among them. */
function proxyProblems(proxy: unknown): Problem[] {
  if (proxy === '' || (typeof proxy === 'string' && /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?\/?$/i.test(proxy))) return []
  const message =
    typeof proxy === 'string' && proxy.includes('@')
      ? 'proxy carries a user or a password, which every reader of the settings would see; let the proxy accept the subnet of the machines, and give its address alone.'
      : `proxy is ${show(proxy)}; give an address such as http://proxy.example.com:3128, or nothing.`
  return [{ field: 'proxy', message }]
}

function capabilityProblems(capabilities: unknown): Problem[] {
  const isMap = typeof capabilities === 'object' && capabilities !== null && !Array.isArray(capabilities)
  if (isMap && Object.values(capabilities).every((value) => typeof value === 'string')) return []
  return [{ field: 'capabilities', message: 'capabilities is an object of names and texts, such as {"docker": "24"}.' }]
}

function windowProblems(windows: unknown): Problem[] {
  if (!Array.isArray(windows)) return [{ field: 'standbyWindows', message: 'standbyWindows is a list of {days, from, to, standby}.' }]
  return windows.flatMap((window: unknown, index) => windowProblem(window, `standbyWindows[${index}]`))
}

function windowProblem(window: unknown, field: string): Problem[] {
  if (typeof window !== 'object' || window === null)
    return [{ field, message: `${field} is ${show(window)}; give {days, from, to, standby}.` }]
  const { days, from, to, standby } = window as Readonly<Record<string, unknown>>
  const problems: Problem[] = []
  if (!Array.isArray(days) || days.length === 0 || !days.every((day) => isWhole(day, 0, 6))) {
    problems.push({ field: `${field}.days`, message: `${field}.days is ${show(days)}; give numbers from 0 (Sunday) to 6 (Saturday).` })
  }
  for (const [name, time] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (typeof time !== 'string' || !/^([01]\d|2[0-3]):[0-5]\d$/.test(time))
      problems.push({ field: `${field}.${name}`, message: `${field}.${name} is ${show(time)}; give a time such as 08:30.` })
  }
  if (!isWhole(standby, 0, 1000))
    problems.push({ field: `${field}.standby`, message: `${field}.standby is ${show(standby)}; give a whole number from 0 to 1000.` })
  return problems
}

/** Only values that are none of the problems above are compared with each other. */
function relationProblems({ machinesMax, standby, standbyWindows, savedMax }: PoolSettings): Problem[] {
  if (!isWhole(machinesMax, ...wholeNumbers.machinesMax)) return []
  const above = (field: string, value: unknown, fix: string): readonly Problem[] =>
    isWhole(value, machinesMax + 1, wholeNumbers.machinesMax[1])
      ? [{ field, message: `${field} is ${value}, above the maximum of ${machinesMax} machines; ${fix}.` }]
      : []
  const windows: readonly unknown[] = Array.isArray(standbyWindows) ? standbyWindows : []
  return [
    ...above('standby', standby, 'lower it or raise machinesMax'),
    ...windows.flatMap((window, index) =>
      above(`standbyWindows[${index}].standby`, (window as Partial<StandbyWindow> | null)?.standby, 'lower it or raise machinesMax'),
    ),
    ...(isWhole(savedMax, ...wholeNumbers.savedMax) ? above('savedMax', savedMax, 'saved machines count against it') : []),
  ]
}

/** Rules of the built-in feature: interactive only on Windows Server, no tear-down on a Windows client image. */
function imageProblems(settings: PoolSettings, image: ImageFacts | undefined): Problem[] {
  if (image === undefined) return []
  const problems: Problem[] = []
  if (settings.interactive === true && (image.os !== 'windows' || image.client === true)) {
    problems.push({
      field: 'interactive',
      message: 'Interactive tests need a Windows Server image; this scale set has another. Switch it off or change the image.',
    })
  }
  if (settings.tearDownAfterUse === true && image.client === true) {
    problems.push({
      field: 'tearDownAfterUse',
      message: 'Tear-down after every use does not work with a Windows client image. Switch it off or use Windows Server.',
    })
  }
  return problems
}

/** True when `zone` is a name this computer's time zone data knows. */
function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value)
}
