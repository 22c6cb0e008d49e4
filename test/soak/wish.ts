/** What is run: a seed's plan, whole or with less in it, and how that is said on the command line. */
import { checkSettings } from '../../backend/core/settings.ts'
import { drawPlan, quietPlan, type Plan } from './plan.ts'

/** `faults` and `settings` name what is kept of all that the seed draws; absent means everything. */
export type Wish = {
  readonly seed: number
  readonly hours: number
  readonly faults?: readonly string[]
  readonly settings?: readonly string[]
}

/** Hardships that are single values of the plan. */
const circumstances: Readonly<Record<string, readonly (keyof Plan)[]>> = {
  'clock-jumps': ['jumps'],
  'pool-deleted': ['deleteAt'],
  'machines-at-start': ['machinesAtStart', 'replaceConfirmed'],
  'small-subnet': ['subnetSize'],
  'small-quota': ['coreLimit'],
}

/** @throws Error when the seed draws no fault or setting of that name. */
export function planOf({ seed, hours, faults, settings }: Wish): Plan {
  const drawn = drawPlan(seed, hours)
  mustBeDrawn('fault', faults, faultsOf(drawn), drawn)
  mustBeDrawn('setting', settings, settingsOf(drawn), drawn)
  return withSettings(withFaults(drawn, faults), settings)
}

/** Every name that `faults` may hold: faults of the world, people's doings, what happens to processes, circumstances. */
export function faultsOf(plan: Plan): readonly string[] {
  const quiet = quietPlan(plan.seed, plan.kind, plan.untilMs)
  const isHard = (fields: readonly (keyof Plan)[]) => fields.some((field) => JSON.stringify(plan[field]) !== JSON.stringify(quiet[field]))
  return [
    ...new Set([
      ...plan.faults.map(({ name }) => name),
      ...plan.people.map(({ what }) => what),
      ...plan.processFaults.map(({ what }) => what),
      ...Object.entries(circumstances).flatMap(([name, fields]) => (isHard(fields) ? [name] : [])),
    ]),
  ]
}

/** Every name that `settings` may hold: the pool's settings, and the undocumented side of Azure. */
export function settingsOf({ settings, behaviours }: Plan): readonly string[] {
  return [...Object.keys(settings), ...Object.keys(behaviours)]
}

/** With less settings the rest may contradict each other: no service would take them. */
export function isAllowed({ settings }: Plan): boolean {
  return checkSettings(settings).problems.length === 0
}

export function argumentsOf({ seed, hours, faults, settings }: Wish): string {
  const list = (option: string, names: readonly string[] | undefined): string =>
    names === undefined ? '' : ` --${option} ${names.join(',') || none}`
  return `--seed ${seed} --hours ${hours}${list('faults', faults)}${list('settings', settings)}`
}

/** The opposite of `argumentsOf` for one list. */
export function namesIn(text: string): readonly string[] {
  return text === none ? [] : text.split(',')
}

const none = 'none'

function mustBeDrawn(what: string, wanted: readonly string[] = [], drawn: readonly string[], { seed }: Plan): void {
  const unknown = wanted.find((name) => !drawn.includes(name))
  if (unknown !== undefined)
    throw new Error(`Seed ${seed} draws no ${what} "${unknown}" in so many hours; it draws ${drawn.join(', ') || none}.`)
}

function withFaults(plan: Plan, kept: readonly string[] | undefined): Plan {
  if (kept === undefined) return plan
  const quiet = quietPlan(plan.seed, plan.kind, plan.untilMs)
  const dropped = Object.entries(circumstances).flatMap(([name, fields]) => (kept.includes(name) ? [] : fields))
  const rest = Object.fromEntries(Object.entries(plan).filter(([field]) => !(dropped as readonly string[]).includes(field)))
  return {
    ...quiet,
    ...(rest as Partial<Plan>),
    faults: plan.faults.filter(({ name }) => kept.includes(name)),
    people: plan.people.filter(({ what }) => kept.includes(what)),
    processFaults: plan.processFaults.filter(({ what }) => kept.includes(what)),
  }
}

function withSettings(plan: Plan, kept: readonly string[] | undefined): Plan {
  if (kept === undefined) return plan
  const only = <T extends object>(values: T): Partial<T> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => kept.includes(name))) as Partial<T>
  return { ...plan, settings: only(plan.settings), behaviours: only(plan.behaviours) }
}
